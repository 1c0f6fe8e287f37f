// A report beside an earlier one: which cases have become slower, by their ratio to a reference.
//
// Invariants
//   A1  Times of two runs are never compared, only ratios: the reference is the measure of what the
//       machine was like.
//   A2  A case that did other work then is not compared, and counts as if it had become slower.

import { readFile } from "node:fs/promises";
import { UsageError } from "./arguments.ts";
import { aligned, figure } from "./cells.ts";
import type { BenchReport, CaseReport } from "./report.ts";

/** More than this is not the noise of a machine. */
const TOLERANCE = 1.15;

/** What a case is measured by, the best first; else by the first side that both reports have. */
const MEASURES = ["c", "js-typed"];

export interface Change {
  readonly name: string;
  /** The reference that both ratios are to. */
  readonly side: string;
  readonly before: number;
  readonly now: number;
  /** How much more it costs: above 1, slower. */
  readonly cost: number;
  readonly verdict: "slower" | "faster" | "same" | "other work";
}

type Reported = Pick<BenchReport, "cases">;

/** Every case that both reports have. Without `isTimed`, only whether they did the same work. */
export function changesSince(earlier: Reported, now: Reported, isTimed: boolean): Change[] {
  return now.cases.flatMap((one) => {
    const then = earlier.cases.find(({ name }) => name === one.name);
    const change = then === undefined ? null : changeOf(then, one, isTimed);
    return change === null ? [] : [change];
  });
}

export function isWorse({ verdict }: Change): boolean {
  return verdict === "slower" || verdict === "other work";
}

function changeOf(then: CaseReport, one: CaseReport, isTimed: boolean): Change | null {
  const side = measureOf(then, one);
  if (side === undefined) return null;
  const [before, now] = [then.references[side]?.ratio ?? 0, one.references[side]?.ratio ?? 0];
  const cost = before / now;
  const verdict = then.hash === one.hash ? (isTimed ? verdictOn(cost) : "same") : "other work";
  return { name: one.name, side, before, now, cost, verdict };
}

function measureOf(then: CaseReport, one: CaseReport): string | undefined {
  const both = Object.keys(one.references).filter((side) => side in then.references);
  return MEASURES.find((side) => both.includes(side)) ?? both[0];
}

function verdictOn(cost: number): Change["verdict"] {
  if (cost > TOLERANCE) return "slower";
  return cost < 1 / TOLERANCE ? "faster" : "same";
}

export function changesTable(changes: readonly Change[]): string {
  const rows = changes.map(({ name, verdict, side, before, now, cost }) => [
    name,
    `${verdict}, by ${side}`,
    figure(before),
    figure(now),
    figure(cost),
  ]);
  return aligned([["case", "", "× before", "× now", "cost"], ...rows]);
}

/** A report that `--json` printed or `--save` kept. UsageError when it is none. */
export async function readReport(path: string): Promise<Reported> {
  try {
    const report = JSON.parse(await readFile(path, "utf8")) as Partial<BenchReport>;
    if (Array.isArray(report.cases)) return { cases: report.cases };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--compare: ${why}`);
  }
  throw new UsageError(`--compare: ${path} is not a report`);
}
