// Cases that share references, directly or through others: what can stand in one table.

import type { CaseReport } from "./report.ts";

/** In the order of the first of each. Every family has at least one case. */
export function familiesOf(cases: readonly CaseReport[]): CaseReport[][] {
  let families: CaseReport[][] = [];
  for (const one of cases) {
    const names = Object.keys(one.references);
    const [kin, others] = [[] as CaseReport[], [] as CaseReport[][]];
    for (const family of families) {
      if (referencesOf(family).some((name) => names.includes(name))) kin.push(...family);
      else others.push(family);
    }
    families = [...others, [...kin, one]];
  }
  return families.sort(([a], [b]) => position(cases, a) - position(cases, b));
}

/** The names of all references of a family. */
export function referencesOf(cases: readonly CaseReport[]): string[] {
  return [...new Set(cases.flatMap(({ references }) => Object.keys(references)))];
}

function position(cases: readonly CaseReport[], one: CaseReport | undefined): number {
  return one === undefined ? -1 : cases.indexOf(one);
}
