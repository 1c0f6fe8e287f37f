// What a page and a worker both do with a backing: the common cases, and a machine that swaps.

import * as pagebell from "pagebell";
import type { Backing } from "pagebell/backing/opfs";
import { CASES } from "../../backing/suite.ts";
import { runUnderPressure } from "../../support/pressure.ts";
import { prng } from "../../support/prng.ts";
import { type SwapRoundResult, swapRound } from "../../support/swap-round.ts";

/** What a case failed with, by its name; null where it did not. */
export type Failures = Record<string, string | null>;

/** Opens a file that is new and empty. */
export type Open = (path: string) => Promise<Backing>;

const PAGES = 300;

export async function runSuite(open: Open, seed: number): Promise<Failures> {
  const failures: Failures = {};
  for (const [index, { name, run }] of CASES.entries()) {
    const backing = await open(`suite/${index}`);
    failures[name] = await run(backing, seed).then(
      () => null,
      (error: unknown) => `${error instanceof Error ? error.stack : error}`,
    );
    await backing.close?.();
  }
  return failures;
}

export async function runSwap(open: Open): Promise<SwapRoundResult> {
  const backing = await open("swap");
  const result = await swapRound({ pages: PAGES, memory: 4 * 1024 * 1024, backing });
  await backing.close?.();
  return result;
}

export interface PressureResult {
  readonly seconds: number;
  readonly out: number;
  readonly slots: number;
  readonly check: number;
}

/** `mebibytes` of memory run ten times as much; it throws at the first byte that is wrong. */
export async function runPressure(
  open: Open,
  mebibytes: number,
  seed: number,
): Promise<PressureResult> {
  const backing = await open("pressure");
  const memory = mebibytes * 1024 * 1024;
  const pages = (10 * memory) / 4096;
  const swap = { pages: 2 * pages, backing };
  const machine = await pagebell.createMachine({ memory, overcommit: 100 * memory, swap });
  const kind = [
    pagebell.PROT_READ | pagebell.PROT_WRITE,
    pagebell.MAP_PRIVATE | pagebell.MAP_ANONYMOUS,
  ] as const;
  const before = performance.now();
  await runUnderPressure({ machine, kind, pages, touches: pages / 8, random: prng(seed) });
  const seconds = (performance.now() - before) / 1000;
  await backing.close?.();
  const { pswpout, swap_slots_used } = machine.vmstat();
  return { seconds, out: pswpout, slots: swap_slots_used, check: machine.check() };
}
