// The report of an strace log as a person reads it: the whole, process by process, what was left.

import { basename } from "node:path";
import type { Unread } from "../replay/strace/counts.ts";
import type { StraceProcessReport, StraceReport } from "../replay/strace/report.ts";
import type { FirstDisagreement } from "../replay/tally.ts";
import { count, type Row, seconds, table } from "./table.ts";

/** Processes that are shown; a build has thousands. `--json` has all of them. */
const PROCESSES_SHOWN = 40;

export function straceSummary(report: StraceReport): string {
  const parts = [
    table(measures(report)),
    processes(report.processes),
    unread("Not modelled", report.notModelled),
    unread("Lines that are not understood", report.unknown),
    verdict(report),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function measures(report: StraceReport): Row[] {
  const { lines, notices, placement, touched } = report;
  return [
    ["", basename(report.file)],
    ["lines", count(lines.total)],
    ["  of operations on memory", count(lines.operations)],
    ["  of processes and files, followed", count(lines.followed)],
    ["  of other calls, signals and words", count(othersOf(lines))],
    ["  not modelled", count(lines.notModelled)],
    ["  not understood", count(lines.unknown)],
    [],
    ["operations replayed", count(report.ops)],
    ["  answered as the kernel did", count(report.agreed)],
    ["  with another errno", count(report.disagree.errno)],
    ["  with another address", count(report.disagree.address)],
    ["addresses that the kernel chose", count(placement.asked)],
    ["  the engine would choose the same", count(placement.agreed)],
    ["pages presumed to have been there", count(report.presumedPages)],
    [`pages touched (--touch ${report.touch})`, count(touched.pages)],
    ["  beyond the end of a file, left out", count(touched.refused + touched.leftOut)],
    [],
    ["notices sent", count(notices.sent)],
    ["  pages in them that were held", count(notices.pages)],
    ["  releases of an address space", count(notices.releases)],
    ["pages held outside, at most", count(report.exporter.peak)],
    ["  left behind", count(report.exporter.violations)],
    ["page faults", count(report.faults)],
    ["frames, at most", count(report.peakFrames)],
    ["time", seconds(report.seconds)],
    ["operations a second", count(report.opsPerSecond)],
  ];
}

function othersOf({ blank, messages, otherCalls, signals }: StraceReport["lines"]): number {
  return blank + messages + otherCalls + signals;
}

const HEAD: Row = [
  "process",
  "program",
  "began",
  "ended",
  "ops",
  "agreed",
  "notices",
  "areas",
  "pages",
];

function processes(list: readonly StraceProcessReport[]): string {
  const rows = list.slice(0, PROCESSES_SHOWN).map(processRow);
  const left = list.length - rows.length;
  const more = left > 0 ? `\n… and ${count(left)} more; --json has all of them` : "";
  return `${table([HEAD, ...rows])}${more}`;
}

function processRow(process: StraceProcessReport): Row {
  const { agreed, areas, differed, notices, pages } = process;
  const origin = process.began === "fork" ? `fork of ${process.parent}` : process.began;
  return [
    String(process.pid),
    basename(process.program ?? "?"),
    origin,
    process.ended ?? "alive",
    ...[agreed + differed, agreed, notices, areas, pages].map(count),
  ];
}

function unread(title: string, list: readonly Unread[]): string {
  if (list.length === 0) return "";
  const rows = list.map(({ count: lines, example, kind, line }) => {
    return `  ${count(lines)} × ${kind}, the first in line ${line}: ${example}`;
  });
  return `${title}:\n${rows.join("\n")}`;
}

function verdict({ exporter, file, first, touch }: StraceReport): string {
  const name = basename(file).replace(/\.strace(\.gz)?$/, "");
  const holder = exporter.violations === 0 ? "nobody was left behind" : "a holder was left behind";
  const answers =
    first === null
      ? `${name}: every call answered as it did, and ${holder}`
      : `${name}: ${holder}; ${firstOf(first)}`;
  if (touch !== "none") return answers;
  return `${answers}\nA log has no accesses: --touch read or --touch write fills what is mapped.`;
}

function firstOf({ got, line, want }: FirstDisagreement): string {
  return `line ${line}\n  the kernel   ${want}\n  the engine   ${got}`;
}
