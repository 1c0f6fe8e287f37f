// The cases that a page can run, in turns of all JavaScript sides.

import type { Browser } from "playwright-core";
import { type BenchArguments, UsageError } from "../arguments.ts";
import { type BenchOutcome, type Progress, ROUND } from "../bench.ts";
import type { BenchCase } from "../case.ts";
import { casesNamed } from "../cases.ts";
import { compare, HashMismatch } from "../compare.ts";
import { type CaseReport, machineReport } from "../report.ts";
import { SIDE_NAMES } from "../sides/all.ts";
import { PAGE_CASES } from "./cases.ts";
import { openChromium, PageRunner } from "./runner.ts";

/** The report's machine says which Chromium; growth and targets are of Node. */
export async function runInChromium(
  asked: BenchArguments,
  progress: Progress,
): Promise<BenchOutcome> {
  const cases = pageCases(asked.only);
  if (cases.length === 0) throw new UsageError(`--chromium: "${asked.only}" is not for a page`);
  const browser = await openChromium();
  try {
    const { found, refused } = await compareAll(browser, cases, asked, progress);
    const machine = { ...machineReport(), browser: `Chromium ${browser.version()}` };
    return { report: { machine, cases: found, growth: [], targets: [] }, refused };
  } finally {
    await browser.close();
  }
}

async function compareAll(
  browser: Browser,
  cases: readonly BenchCase[],
  { size, rounds }: BenchArguments,
  progress: Progress,
) {
  const found: CaseReport[] = [];
  const refused: HashMismatch[] = [];
  for (const one of cases) {
    progress(one.name);
    const runners = new Map(
      SIDE_NAMES.map((side) => [side, new PageRunner(browser, one.name, side, size)] as const),
    );
    try {
      found.push(await compare(one, runners, { ...ROUND[size], rounds }));
    } catch (error) {
      if (!(error instanceof HashMismatch)) throw error;
      progress(error.message);
      refused.push(error);
    }
  }
  return { found, refused };
}

function pageCases(only: string | null): readonly BenchCase[] {
  if (only === null) return PAGE_CASES;
  const wanted = casesNamed(only);
  return PAGE_CASES.filter((one) => wanted.includes(one));
}
