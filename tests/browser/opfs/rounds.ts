// What a page and a worker both do with a backing: the common cases, and a machine that swaps.

import type { Backing } from "pagebell/backing/opfs";
import { CASES } from "../../backing/suite.ts";
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
