// Ten times as much as there is memory: is any byte lost?

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { nodeFileBacking } from "../../src/backing/node-fs.ts";
import type { SwapBacking } from "../../src/swap.ts";
import { type Build, boot, MIB } from "../support/boot.ts";
import { runUnderPressure } from "../support/pressure.ts";
import { prng, SEED } from "../support/prng.ts";

/** Pages of a working set ten times as large as `memory` bytes. */
const tenTimes = (memory: number) => (10 * memory) / 4096;

interface Run {
  readonly build: Build;
  readonly memory: number;
  readonly touches: number;
  readonly backing: SwapBacking;
}

async function run({ build, memory, touches, backing }: Run) {
  const pages = tenTimes(memory);
  const swap = { pages: 2 * pages, backing };
  const booted = boot("", { build, memory, overcommit: 100 * memory, swap });
  await runUnderPressure({ machine: booted.machine, random: prng(SEED), pages, touches });
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

test(`1 MiB runs 10 MiB with every invariant checked, seed ${SEED}`, {
  timeout: 240_000,
}, async () => {
  const backing = memoryBacking();
  const stat = await run({ build: "debug", memory: MIB, touches: 500, backing });
  expect(stat.pgsteal_direct).toBeGreaterThan(tenTimes(MIB));
});

test(`8 MiB run 80 MiB over a file, seed ${SEED}`, { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "pagebell-"));
  try {
    const backing = await nodeFileBacking(join(folder, "swap"));
    const stat = await run({ build: "release", memory: 8 * MIB, touches: 4_000, backing });
    expect(stat.pswpin).toBeGreaterThan(tenTimes(8 * MIB));
    await backing.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
