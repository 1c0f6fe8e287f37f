// A report as a table: for a terminal, and in Markdown for the README.

import type { BenchReport, CaseReport } from "./report.ts";
import { rounded } from "./statistics.ts";

const GAP = "  ";

/** Columns: the case, our median with its quartiles, and a pair for each reference. */
export function textTable({ cases }: BenchReport): string {
  const references = referencesOf(cases);
  const head = ["case", "unit", "pagebell", "quartiles", ...references.flatMap(both)];
  const rows = cases.map((one) => [
    one.name,
    one.unit,
    figure(one.median),
    one.spread.map(figure).join("–"),
    ...references.flatMap((name) => cells(one, name)),
  ]);
  return aligned([head, ...rows]);
}

/** The same without quartiles, and where it was measured. */
export function markdownTable({ machine, cases }: BenchReport): string {
  const references = referencesOf(cases);
  const head = ["", "pagebell", "per second", ...references.flatMap(both)];
  const rows = cases.map((one) => [
    one.question,
    `${figure(one.median)} ${one.unit}`,
    figure(rounded(one.perSecond, 3)),
    ...references.flatMap((name) => cells(one, name)),
  ]);
  const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
  const lines = [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`);
  const { node, cpu, os, date } = machine;
  const where = `Node ${node}, ${cpu}, ${os}, ${date.slice(0, 10)}.`;
  const what = "× is the reference's median over ours: above 1, pagebell is faster.";
  return `${lines.join("\n")}\n\n${where} ${what}\n`;
}

function both(name: string): string[] {
  return [name, "×"];
}

function cells(one: CaseReport, name: string): string[] {
  const reference = one.references[name];
  return reference === undefined ? ["", ""] : [figure(reference.median), figure(reference.ratio)];
}

function referencesOf(cases: readonly CaseReport[]): string[] {
  return [...new Set(cases.flatMap(({ references }) => Object.keys(references)))];
}

/** Three significant digits, never as a power of ten. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return String(rounded(value, 3));
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, column > 1)).join(GAP),
  );
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function pad(cell: string, width: number, isNumber: boolean): string {
  return isNumber ? cell.padStart(width) : cell.padEnd(width);
}
