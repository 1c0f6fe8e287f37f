// What is to be reached: a wish for each figure that matters, and whether a report fulfils it.
//
// Invariants
//   T1  A target is met or missed only by what was measured: without its case, or without its
//       reference, it is not in the report.

import { cases } from "./targets/cases.ts";
import { contests } from "./targets/contests.ts";
import { kernel } from "./targets/kernel.ts";
import { pairs } from "./targets/pairs.ts";
import type { Measured, Target, TargetReport } from "./targets/target.ts";

/** Every target, in the order in which they are shown. */
export const TARGETS: readonly Target[] = [...kernel, ...pairs, ...cases, ...contests];

/** What a report says of each target that it can speak of. */
export function targetsOf(report: Measured, targets: readonly Target[] = TARGETS): TargetReport[] {
  return targets.flatMap(({ name, want, got }) => {
    const figure = got(report);
    return figure === null ? [] : [{ name, want, got: figure, met: isMet(want, figure) }];
  });
}

/** `want` is a comparison and a number: ">= 7", "<= 1.01". RangeError for anything else. */
export function isMet(want: string, got: number): boolean {
  const [, sign, number] = /^([<>]=) (\d+(?:\.\d+)?)$/.exec(want) ?? [];
  if (number === undefined) throw new RangeError(`"${want}" is not a target`);
  return sign === ">=" ? got >= Number(number) : got <= Number(number);
}
