// All the cases that somebody asked for, one after another.

import type { BenchArguments } from "./arguments.ts";
import type { BenchCase, Question, Size } from "./case.ts";
import { CASES, casesNamed } from "./cases.ts";
import { compare, HashMismatch, type Plan, type Runners } from "./compare.ts";
import { CONTESTS, contestsNamed } from "./contests/all.ts";
import type { Contest, Contestant } from "./contests/contest.ts";
import { GROWTH, growthNamed } from "./growth/cases.ts";
import { type GrowthReport, measureGrowth } from "./growth/measure.ts";
import { nativeRunners } from "./native-runner.ts";
import { measurePair } from "./pairs/measure.ts";
import { PAIRS, pairsNamed } from "./pairs/pairs.ts";
import { type BenchReport, type CaseReport, machineReport } from "./report.ts";
import type { Runner } from "./runner.ts";
import { SIDE_NAMES, type SideName } from "./sides/all.ts";
import { targetsOf } from "./targets.ts";

/** Makes the runner of one side. */
export type RunnerMaker = (one: BenchCase, side: SideName) => Runner;

/** Makes the runner of one who takes part in a contest. */
export type ContestRunnerMaker = (one: Contest, side: Contestant, size: Size) => Runner;

/** Hears what goes on. */
export type Progress = (text: string) => void;

export interface BenchOutcome {
  readonly report: BenchReport;
  /** Cases that are not in the report because their sides disagree. */
  readonly refused: readonly HashMismatch[];
}

/** What a round is: enough runs for a median, and time enough to be above the clock's noise. */
export const ROUND: Readonly<Record<Size, Omit<Plan, "rounds">>> = {
  test: { warmups: 0, runs: 1, milliseconds: 0 },
  full: { warmups: 5, runs: 3, milliseconds: 60 },
};

export async function runBench(
  { only, size, rounds }: BenchArguments,
  makeRunner: RunnerMaker,
  progress: Progress = () => {},
  makeContestRunner: ContestRunnerMaker = (one, side, size) => side.run(one, size),
): Promise<BenchOutcome> {
  const cases: CaseReport[] = [];
  const refused: HashMismatch[] = [];
  const rows = [
    ...asked(only).map((one) => rowOfCase(one, size, makeRunner)),
    ...askedContests(only).map((one) => rowOfContest(one, size, makeContestRunner, progress)),
  ];
  for (const { one, runners } of rows) {
    progress(one.name);
    try {
      cases.push(await compare(one, runners(), { ...ROUND[size], rounds }));
    } catch (error) {
      if (!(error instanceof HashMismatch)) throw error;
      progress(error.message);
      refused.push(error);
    }
  }
  cases.push(...(await allPairs(only, size, progress)));
  const growth = await allGrowth(only, size, progress);
  const targets = targetsOf({ cases, growth });
  return { report: { machine: machineReport(), cases, growth, targets }, refused };
}

/** Every pair, on this thread. */
async function allPairs(only: string | null, size: Size, progress: Progress) {
  const reports: CaseReport[] = [];
  for (const one of only === null ? PAIRS : pairsNamed(only)) {
    progress(one.name);
    reports.push(await measurePair(one, size));
  }
  return reports;
}

/** A question, and the runners of its sides, made when its turn comes. */
interface Row {
  readonly one: Question;
  runners(): Runners;
}

function rowOfCase(one: BenchCase, size: Size, makeRunner: RunnerMaker): Row {
  return {
    one,
    runners() {
      const here = SIDE_NAMES.map((side) => [side, makeRunner(one, side)] as const);
      return new Map<string, Runner>([...here, ...nativeRunners(one, size)]);
    },
  };
}

/** Who cannot take part here is left out, with a word. */
function rowOfContest(
  one: Contest,
  size: Size,
  makeRunner: ContestRunnerMaker,
  progress: Progress,
): Row {
  return {
    one,
    runners() {
      const runners = new Map<string, Runner>();
      for (const side of one.contestants) {
        const why = side.missing();
        if (why === null) runners.set(side.name, makeRunner(one, side, size));
        else progress(`${one.name}: without ${side.name}: ${why}`);
      }
      return runners;
    },
  };
}

/** Every question about growth, on this thread: one side, whose sizes take turns. */
async function allGrowth(only: string | null, size: Size, progress: Progress) {
  const reports: GrowthReport[] = [];
  for (const one of only === null ? GROWTH : growthNamed(only)) {
    progress(one.name);
    reports.push(await measureGrowth(one, size));
  }
  return reports;
}

function askedContests(only: string | null): readonly Contest[] {
  return only === null ? CONTESTS : contestsNamed(only);
}

function asked(only: string | null): readonly BenchCase[] {
  return only === null ? CASES : casesNamed(only);
}
