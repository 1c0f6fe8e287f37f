// Reports of replays as a person reads them: a column for each recording, a row for each measure.

import { basename } from "node:path";
import { agrees } from "../replay/conformance.ts";
import type { ReplayReport } from "../replay/report.ts";
import { count, type Row, seconds, table } from "./table.ts";

type Measure = (report: ReplayReport) => number;

/** How a measure of several recordings becomes one number. */
type Fold = (values: readonly number[]) => number;

const sum: Fold = (values) => values.reduce((total, value) => total + value, 0);
const most: Fold = (values) => Math.max(...values);

interface Line {
  readonly label: string;
  readonly measure: Measure;
  readonly fold: Fold;
  readonly show?: (value: number) => string;
}

const disagreements: Measure = ({ disagree: { result, maps, pages, data } }) =>
  result + maps + pages + data;

const LINES: readonly (Line | null)[] = [
  { label: "operations", measure: (r) => r.ops, fold: sum },
  { label: "states compared", measure: (r) => r.states, fold: sum },
  { label: "disagreements with the kernel", measure: disagreements, fold: sum },
  null,
  { label: "notices sent", measure: (r) => r.notices.sent, fold: sum },
  { label: "pages the kernel announced", measure: (r) => r.notices.kernelPages, fold: sum },
  { label: "  missed by the engine", measure: (r) => r.notices.missed, fold: sum },
  { label: "  extra, by the engine only", measure: (r) => r.notices.extra, fold: sum },
  { label: "pages held outside, at most", measure: (r) => r.exporter.peak, fold: most },
  { label: "  left behind", measure: (r) => r.exporter.violations, fold: sum },
  null,
  { label: "page faults", measure: (r) => r.faults, fold: sum },
  { label: "copies on write", measure: (r) => r.cowBreaks, fold: sum },
  { label: "frames, at most", measure: (r) => r.peakFrames, fold: most },
  { label: "time", measure: (r) => r.seconds, fold: sum, show: seconds },
];

/** The table, and a sentence that says whether all is well. */
export function summary(reports: readonly ReplayReport[]): string {
  const hasTotal = reports.length > 1;
  const head: Row = ["", ...reports.map(nameOf), ...(hasTotal ? ["total"] : [])];
  const rows = LINES.map((line) => (line === null ? [] : row(line, reports, hasTotal)));
  const speed = rateRow(reports, hasTotal);
  return `${table([head, ...rows, speed])}\n\n${reports.map(verdict).join("\n")}`;
}

/** A recording's name: its file without the endings. */
export function nameOf({ file }: { readonly file: string }): string {
  return basename(file).replace(/\.jsonl(\.gz)?$/, "");
}

function row(line: Line, reports: readonly ReplayReport[], hasTotal: boolean): Row {
  const { label, measure, fold, show = count } = line;
  const values = reports.map(measure);
  const total = hasTotal ? [show(fold(values))] : [];
  return [label, ...values.map(show), ...total];
}

/** The total of a rate is no sum. */
function rateRow(reports: readonly ReplayReport[], hasTotal: boolean): Row {
  const ops = sum(reports.map((report) => report.ops));
  const time = sum(reports.map((report) => report.seconds));
  const total = hasTotal ? [count(time > 0 ? ops / time : 0)] : [];
  return ["operations a second", ...reports.map((report) => count(report.opsPerSecond)), ...total];
}

function verdict(report: ReplayReport): string {
  const name = nameOf(report);
  const { first } = report;
  if (agrees(report) && first === null) {
    const holder = report.exporter.violations === 0 ? "nobody was left behind" : "a holder was";
    return `${name}: as the kernel did it, and ${holder}`;
  }
  if (first === null) return `${name}: the engine changed pages without a notice`;
  return `${name}: line ${first.line}\n  the kernel   ${first.want}\n  the engine   ${first.got}`;
}
