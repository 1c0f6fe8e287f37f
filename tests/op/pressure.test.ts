// Ten times as much as there is memory: is any byte lost?

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { nodeFileBacking } from "../../src/backing/node-fs.ts";
import { MAP_ANONYMOUS, MAP_SHARED } from "../../src/constants.ts";
import type { SwapBacking } from "../../src/swap.ts";
import { type Build, boot, MIB, PRIVATE, READ_WRITE } from "../support/boot.ts";
import { runUnderPressure } from "../support/pressure.ts";
import { prng, SEED } from "../support/prng.ts";

/** Pages of a working set ten times as large as `memory` bytes. */
const tenTimes = (memory: number) => (10 * memory) / 4096;

interface Run {
  readonly build: Build;
  readonly memory: number;
  /** How many times larger the working set is. Default 10. */
  readonly times?: number;
  readonly touches: number;
  readonly backing: SwapBacking;
  /** Of the memory: MAP_PRIVATE or MAP_SHARED, anonymous. Default private. */
  readonly flags?: number;
}

async function run({ build, memory, times = 10, touches, backing, flags = PRIVATE }: Run) {
  const pages = (times * memory) / 4096;
  const swap = { pages: 2 * pages, backing };
  const booted = boot("", { build, memory, overcommit: 100 * memory, swap });
  const kind = [READ_WRITE, flags] as const;
  await runUnderPressure({ machine: booted.machine, kind, random: prng(SEED), pages, touches });
  expect(booted.reports).toEqual([]);
  expect(booted.machine.check()).toBe(0);
  return booted.machine.vmstat();
}

test(`64 MiB run a working set of 640 MiB, seed ${SEED}`, { timeout: 240_000 }, async () => {
  const backing = memoryBacking();
  const stat = await run({ build: "release", memory: 64 * MIB, touches: 20_000, backing });
  expect(stat.pswpout).toBeGreaterThan(tenTimes(64 * MIB));
  expect(stat.swap_slots_used).toBe(0);
  expect(stat.nr_inactive_anon + stat.nr_active_anon).toBe(0);
});

test(`1 MiB runs 4 MiB with every invariant checked, seed ${SEED}`, {
  timeout: 240_000,
}, async () => {
  const backing = memoryBacking();
  const stat = await run({ build: "debug", memory: MIB, times: 4, touches: 300, backing });
  expect(stat.pgsteal_direct).toBeGreaterThan(1_000);
});

test(`4 MiB run 40 MiB that two processes share, seed ${SEED}`, { timeout: 240_000 }, async () => {
  const [flags, backing] = [MAP_SHARED | MAP_ANONYMOUS, memoryBacking()];
  const stat = await run({ build: "release", memory: 4 * MIB, touches: 10_000, backing, flags });
  expect(stat.pswpout).toBeGreaterThan(tenTimes(4 * MIB));
  expect(stat.swap_slots_used).toBe(0);
});

/** PRESSURE=full runs all of them in 64 MiB. */
const SMALL = (process.env["PRESSURE"] === "full" ? 64 : 4) * MIB;

test(`${SMALL / MIB} MiB run ten times as much over a file of Node's, seed ${SEED}`, {
  timeout: 240_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "pagebell-"));
  try {
    const backing = await nodeFileBacking(join(folder, "swap"));
    const stat = await run({ build: "release", memory: SMALL, touches: 4_000, backing });
    expect(stat.pswpin).toBeGreaterThan(tenTimes(SMALL));
    await backing.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
