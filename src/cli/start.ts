// `pagebell start`: the bundled recordings of real programs, with a holder outside who is told.

import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { agrees } from "../replay/conformance.ts";
import type { Recording } from "../replay/format.ts";
import { loadRecording } from "../replay/node.ts";
import { RecordingError } from "../replay/recording.ts";
import { replay } from "../replay/replay.ts";
import type { ReplayReport } from "../replay/report.ts";
import { engineModule } from "./engine.ts";
import { ExitCode } from "./exit-code.ts";
import { progress } from "./progress.ts";
import { nameOf, summary } from "./summary.ts";

export interface StartOptions {
  readonly json?: true;
}

/** Replays every recording of the folder, in the order of their names, and reports. */
export async function runStart(folder: URL, { json }: StartOptions): Promise<ExitCode> {
  const reports: ReplayReport[] = [];
  for (const file of await recordingsIn(folder)) {
    reports.push(await replayShown(await loadRecording(file)));
  }
  if (json) console.log(JSON.stringify({ recordings: reports }));
  else console.log(`\n${programs(reports)}\n\n${summary(reports)}${footnote(reports)}`);
  const isWell = reports.every((r) => agrees(r) && r.exporter.violations === 0);
  return isWell ? ExitCode.Done : ExitCode.Disagrees;
}

/** Replays with a holder who answers later, and a progress bar on a terminal. */
export async function replayShown(recording: Recording): Promise<ReplayReport> {
  const bar = progress();
  bar.begin(nameOf(recording));
  try {
    const engine = await engineModule();
    return await replay(recording, { engine, answersLater: true, progress: bar.update });
  } finally {
    bar.end();
  }
}

async function recordingsIn(folder: URL): Promise<string[]> {
  const path = fileURLToPath(folder);
  const names = await readdir(folder).catch(() => []);
  const found = names.filter((name) => /\.jsonl(\.gz)?$/.test(name)).sort();
  if (found.length === 0) throw new RecordingError(path, 0, "there are no recordings here");
  return found.map((name) => fileURLToPath(new URL(name, folder)));
}

/** Why the engine announces more; tests/conformance/programs.test.ts holds that it is only this. */
function footnote(reports: readonly ReplayReport[]): string {
  if (reports.every(({ notices }) => notices.extra === 0)) return "";
  return "\n\nExtra notices: copies in a child before the recorded kernel had a listener there.";
}

function programs(reports: readonly ReplayReport[]): string {
  const width = Math.max(...reports.map((report) => nameOf(report).length));
  return reports
    .map((report) => `${nameOf(report).padEnd(width)}  ${report.program ?? ""}`.slice(0, 100))
    .join("\n");
}
