// A report as a table: for a terminal, and in Markdown for the README.

import { aligned, figure } from "./cells.ts";
import { familiesOf, referencesOf } from "./families.ts";
import type { GrowthReport } from "./growth/measure.ts";
import { type BenchReport, type CaseReport, engineOf } from "./report.ts";
import { rounded } from "./statistics.ts";
import { targetsMarkdown } from "./targets/table.ts";

/** A table for each family of cases. */
export function textTable({ cases }: BenchReport): string {
  return familiesOf(cases).map(familyText).join("\n");
}

/** Columns: the case, our median with its quartiles, and a pair for each reference. */
function familyText(cases: readonly CaseReport[]): string {
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

/** How cost grows: microseconds of a run at each size, and the power that fits them. */
export function growthTable({ growth }: BenchReport): string {
  if (growth.length === 0) return "";
  const head = ["growth", "by", "µs at sizes", "exponent", "wanted", "one more, ns"];
  const rows = growth.map((one) => [
    one.name,
    one.of,
    one.points.map(({ size, median }) => `${compact(size)}: ${figure(median / 1_000)}`).join("  "),
    figure(one.exponent),
    String(one.wanted),
    one.wanted === 1 ? figure(one.slope) : "",
  ]);
  return aligned([head, ...rows]);
}

/** The same for a page of prose. */
function growthMarkdown(growth: readonly GrowthReport[]): string {
  if (growth.length === 0) return "";
  const rows = growth.map((one) => {
    const [first, last] = [one.points[0], one.points.at(-1)];
    const to = (a = 0, b = 0) => `${figure(a)} to ${figure(b)}`;
    const sizes = `${to(first?.size, last?.size)} ${one.of}`;
    const costs = to((first?.median ?? 0) / 1_000, (last?.median ?? 0) / 1_000);
    const law = one.wanted === 1 ? `${figure(one.slope)} ns each` : `within ${figure(one.ratio)}×`;
    return `| ${one.question} | ${sizes} | ${costs} µs | ${law} | ${figure(one.exponent)} |`;
  });
  const head = "| cost of | from … to | takes | so | exponent |\n| --- | --- | --- | --- | ---: |";
  return `${head}\n${rows.join("\n")}\n`;
}

/** The same without quartiles, and where it was measured. */
export function markdownTable({ machine, cases, growth, targets }: BenchReport): string {
  const { cpu, os, date } = machine;
  const where = `${engineOf(machine)}, ${cpu}, ${os}, ${date.slice(0, 10)}.`;
  const what = "× is the reference's median over ours: above 1, pagebell is faster.";
  const parts = [
    ...familiesOf(cases).map(familyMarkdown),
    growthMarkdown(growth),
    targetsMarkdown(targets),
    `${where} ${what}\n`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function familyMarkdown(cases: readonly CaseReport[]): string {
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
  return `${lines.join("\n")}\n`;
}

function both(name: string): string[] {
  return [name, "×"];
}

function cells(one: CaseReport, name: string): string[] {
  const reference = one.references[name];
  return reference === undefined ? ["", ""] : [figure(reference.median), figure(reference.ratio)];
}

/** 65536 as 64K, where that is exact. */
function compact(size: number): string {
  if (size >= 2 ** 20 && size % 2 ** 20 === 0) return `${size / 2 ** 20}M`;
  return size >= 2 ** 10 && size % 2 ** 10 === 0 ? `${size / 2 ** 10}K` : String(size);
}
