// `pagebell conformance FILE…`: recordings against the engine, for people and for programs.

import {
  agrees,
  type ConformanceReport,
  type ConformanceRun,
  type ConformanceTotals,
  conformance,
  summarize,
} from "../replay/conformance.ts";
import type { Recording } from "../replay/format.ts";
import { loadRecording } from "../replay/node.ts";
import { engineModule } from "./engine.ts";
import { ExitCode } from "./exit-code.ts";
import { progress } from "./progress.ts";
import { nameOf } from "./summary.ts";
import { count, type Row, seconds, table } from "./table.ts";

export interface ConformanceOptions {
  readonly json?: true;
}

/** Checks every file; all of them are read before the first is replayed. */
export async function runConformance(
  files: readonly string[],
  { json }: ConformanceOptions,
): Promise<ExitCode> {
  const recordings: Recording[] = [];
  for (const file of files) recordings.push(await loadRecording(file));
  const runs: ConformanceRun[] = [];
  for (const recording of recordings) runs.push(await checkShown(recording));
  const report = summarize(runs);
  console.log(json ? JSON.stringify(report) : show(report));
  return agrees(report.total) ? ExitCode.Done : ExitCode.Disagrees;
}

async function checkShown(recording: Recording): Promise<ConformanceRun> {
  const bar = progress();
  bar.begin(nameOf(recording));
  try {
    return await conformance(recording, { engine: await engineModule(), progress: bar.update });
  } finally {
    bar.end();
  }
}

const HEAD: Row = [
  "",
  "ops",
  "states",
  "results",
  "maps",
  "pages",
  "data",
  "kernel pages",
  "missed",
  "extra",
  "time",
];

function show({ runs, total }: ConformanceReport): string {
  const rows = runs.map((run) => row(nameOf(run), run));
  const firsts = runs.flatMap((run) =>
    run.first === null
      ? []
      : [`\n${run.file}:${run.first.line}\n  want  ${run.first.want}\n  got   ${run.first.got}`],
  );
  return [table([HEAD, ...rows, row("total", total)]), ...firsts].join("\n");
}

function row(name: string, { ops, states, disagree, notices, ...rest }: ConformanceTotals): Row {
  const numbers = [
    ops,
    states,
    disagree.result,
    disagree.maps,
    disagree.pages,
    disagree.data,
    notices.kernelPages,
    notices.missed,
    notices.extra,
  ];
  return [name, ...numbers.map(count), seconds(rest.seconds)];
}
