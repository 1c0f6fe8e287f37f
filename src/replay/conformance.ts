// Recordings against the engine, as one object that a program can read.

import type { Recording } from "./format.ts";
import { type ReplayOptions, replay } from "./replay.ts";
import type { ReplayReport } from "./report.ts";
import type { Disagreements, FirstDisagreement, NoticeTotals } from "./tally.ts";

export interface ConformanceTotals {
  readonly ops: number;
  readonly states: number;
  readonly disagree: Disagreements;
  readonly notices: NoticeTotals;
  readonly seconds: number;
}

export interface ConformanceRun extends ConformanceTotals {
  readonly file: string;
  readonly first: FirstDisagreement | null;
}

export interface ConformanceReport {
  readonly runs: readonly ConformanceRun[];
  readonly total: ConformanceTotals;
}

/** Checks one recording, with an exporter that is there whenever the recorded one was. */
export async function conformance(
  recording: Recording,
  options: ReplayOptions,
): Promise<ConformanceRun> {
  return runOf(await replay(recording, { follows: "as recorded", ...options }));
}

/** A replay's report, with what conformance is about only. */
export function runOf(report: ReplayReport): ConformanceRun {
  const { kernelPages, missed, extra } = report.notices;
  return {
    file: report.file,
    ops: report.ops,
    states: report.states,
    disagree: report.disagree,
    notices: { kernelPages, missed, extra },
    seconds: report.seconds,
    first: report.first,
  };
}

/** The runs and their sums. */
export function summarize(runs: readonly ConformanceRun[]): ConformanceReport {
  const sum = (pick: (run: ConformanceRun) => number) =>
    runs.reduce((total, run) => total + pick(run), 0);
  const total: ConformanceTotals = {
    ops: sum((run) => run.ops),
    states: sum((run) => run.states),
    disagree: {
      result: sum((run) => run.disagree.result),
      maps: sum((run) => run.disagree.maps),
      pages: sum((run) => run.disagree.pages),
      data: sum((run) => run.disagree.data),
    },
    notices: {
      kernelPages: sum((run) => run.notices.kernelPages),
      missed: sum((run) => run.notices.missed),
      extra: sum((run) => run.notices.extra),
    },
    seconds: sum((run) => run.seconds),
  };
  return { runs, total };
}

/** Whether everything agrees and nothing was missed. */
export function agrees({ disagree, notices }: ConformanceTotals): boolean {
  const { result, maps, pages, data } = disagree;
  return result + maps + pages + data + notices.missed === 0;
}
