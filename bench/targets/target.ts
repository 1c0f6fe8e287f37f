// What a target is, and how the usual ones are read from a report.

import type { BenchReport } from "../report.ts";

/** The figures of a report: what a target may look at. */
export type Measured = Pick<BenchReport, "cases" | "growth">;

export interface Target {
  /** What is wanted of what, in words. */
  readonly name: string;
  /** A comparison and a number: ">= 7", "<= 1.01". */
  readonly want: string;
  /** What the figure is given in; "×" for a ratio. */
  readonly unit: string;
  /** The figure, or null where the report does not have what it is made of. */
  got(report: Measured): number | null;
}

export interface TargetReport {
  readonly name: string;
  readonly want: string;
  readonly got: number;
  readonly met: boolean;
}

/** The reference's median over ours. */
export function ratioOf(report: Measured, name: string, side: string): number | null {
  return report.cases.find((one) => one.name === name)?.references[side]?.ratio ?? null;
}

/** How many times faster than a side we are to be in a case. */
export function timesFaster(name: string, side: string, times: number): Target {
  return {
    name: `${name}, beside ${side}`,
    want: `>= ${times}`,
    unit: "×",
    got: (report) => ratioOf(report, name, side),
  };
}
