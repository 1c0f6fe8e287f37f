// Charts of a report, as SVG: Observable Plot draws them into a document that is no browser's.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { GrowthReport } from "../growth/measure.ts";
import { type BenchReport, type CaseReport, engineOf } from "../report.ts";
import { OURS } from "../sides/all.ts";

const WIDTH = 760;
const ROW = 26;
/** Room for the names of rows, and for two axes. */
const MARGINS = { marginLeft: 170, marginRight: 24, marginTop: 32, marginBottom: 40 };

/** Of all sides of a family of cases: the median as a dot, the quartiles as a line. */
export function mediansChart(cases: readonly CaseReport[]): string {
  const sides = cases.flatMap((one) => [
    { row: rowOf(one), side: OURS, ...quartiles(one) },
    ...Object.entries(one.references).map(([side, found]) => ({
      row: rowOf(one),
      side,
      ...quartiles(found),
    })),
  ]);
  return rowsChart(cases.map(rowOf), sides, [...new Set(sides.map(({ side }) => side))]);
}

/** Our medians of the same rows in all reports. */
export function historyChart(reports: readonly BenchReport[]): string {
  const newest = reports[0]?.cases ?? [];
  const names = new Set(newest.map(rowOf));
  const all = reports.flatMap((report) =>
    report.cases
      .filter((one) => names.has(rowOf(one)))
      .map((one) => ({ row: rowOf(one), side: labelOf(report), ...quartiles(one) })),
  );
  return rowsChart([...names], all, reports.map(labelOf));
}

/** When, and in what. */
export function labelOf({ machine }: BenchReport): string {
  return `${machine.date.slice(0, 10)}, ${engineOf(machine)}`;
}

/** Cost by size, both logarithmic, with the power that was fitted to the largest sizes. */
export function growthChart({ of, points, exponent }: GrowthReport): string {
  const data = points.map(({ size, median, spread: [low, high] }) => ({
    size,
    cost: median / 1_000,
    low: low / 1_000,
    high: high / 1_000,
  }));
  return drawn({
    width: 370,
    height: 240,
    marginLeft: 56,
    marginBottom: 40,
    x: { type: "log", label: of, grid: true, ticks: 4, tickFormat: "~s" },
    y: { type: "log", domain: decade(data), label: "µs", grid: true, ticks: 4, tickFormat: "~s" },
    marks: [
      Plot.line(fitted(data, exponent), { x: "size", y: "cost", strokeDasharray: "4,3" }),
      Plot.link(data, { x: "size", y1: "low", y2: "high", stroke: SERIES, strokeWidth: 3 }),
      Plot.dot(data, { x: "size", y: "cost", fill: SERIES, r: 4 }),
    ],
  });
}

const SERIES = "#3b6fb6";

interface Dot {
  readonly row: string;
  readonly side: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

function rowsChart(rows: readonly string[], dots: readonly Dot[], sides: readonly string[]) {
  const data = [...dots];
  const { marginTop, marginBottom } = MARGINS;
  return drawn({
    width: WIDTH,
    height: rows.length * ROW + marginTop + marginBottom,
    ...MARGINS,
    x: { type: "log", nice: true, label: "nanoseconds", grid: true, tickFormat: "~s" },
    y: { domain: [...rows], label: null },
    color: { domain: [...sides], scheme: "tableau10" },
    marks: [
      Plot.link(data, { x1: "low", x2: "high", y: "row", stroke: "side", strokeWidth: 3 }),
      Plot.dot(data, { x: "median", y: "row", fill: "side", r: 5, title: titleOf }),
    ],
  });
}

function titleOf({ row, side, median }: Dot): string {
  return `${row}: ${side} ${median} ns`;
}

function rowOf({ name, unit }: CaseReport): string {
  return `${name}, ${unit.replace("ns/", "")}`;
}

function quartiles({ median, spread: [low, high] }: Pick<CaseReport, "median" | "spread">) {
  return { median, low, high };
}

/** The ends of the line of that power, through the middle of the three largest sizes. */
function fitted(data: readonly { size: number; cost: number }[], exponent: number) {
  const last = data.slice(-3);
  const [size, cost] = [mean(last.map((at) => at.size)), mean(last.map((at) => at.cost))];
  return [last[0], last.at(-1)].flatMap((at) =>
    at === undefined ? [] : [{ size: at.size, cost: cost * (at.size / size) ** exponent }],
  );
}

/** What costs span, but at least a factor of ten: else noise looks like a law. */
function decade(data: readonly { low: number; high: number }[]): [number, number] {
  const [low, high] = [
    Math.min(...data.map((at) => at.low)),
    Math.max(...data.map((at) => at.high)),
  ];
  const missing = Math.max(1, 10 / (high / low));
  return [low / Math.sqrt(missing), high * Math.sqrt(missing)];
}

/** Geometric. */
function mean(values: readonly number[]): number {
  const sum = values.reduce((all, value) => all + Math.log(value), 0);
  return Math.exp(sum / values.length);
}

function drawn(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><body></body>");
  return Plot.plot({ ...options, document }).outerHTML;
}

/** The colours of sides, as the charts have them, in the same order. */
export function legendOf(sides: readonly string[]): readonly (readonly [string, string])[] {
  const scale = Plot.scale({ color: { type: "ordinal", domain: [...sides], scheme: "tableau10" } });
  return sides.map((side) => [side, String(scale.apply(side))] as const);
}
