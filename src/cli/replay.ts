// `pagebell replay FILE`: one recording or one strace log, and what happened.

import { writeFile } from "node:fs/promises";
import type { Machine } from "../machine.ts";
import type { Recording } from "../replay/format.ts";
import { loadReplayable } from "../replay/node.ts";
import { Replay } from "../replay/replay.ts";
import type { StraceLog } from "../replay/strace/log.ts";
import { StraceReplay } from "../replay/strace/replay.ts";
import type { Touch } from "../replay/strace/touch.ts";
import { TRACE_CAPACITY_MAX } from "../trace.ts";
import { engineModule } from "./engine.ts";
import { ExitCode } from "./exit-code.ts";
import { progress } from "./progress.ts";
import { straceSummary } from "./strace-summary.ts";
import { nameOf, summary } from "./summary.ts";

export interface ReplayCommandOptions {
  readonly json?: true;
  /** Where to write a Chrome trace. */
  readonly trace?: string;
  /** Which pages the programs of an strace log are taken to use. */
  readonly touch?: Touch;
}

export async function runReplay(file: string, options: ReplayCommandOptions): Promise<ExitCode> {
  const found = await loadReplayable(file);
  if (found.kind === "strace") await replayLog(found.log, options);
  else await replayRecording(found.recording, options);
  return ExitCode.Done;
}

async function replayRecording(recording: Recording, options: ReplayCommandOptions) {
  const bar = progress();
  const run = new Replay(recording, await common(options, bar.update));
  bar.begin(nameOf(recording));
  const report = await run.run().finally(() => bar.end());
  await writeTrace(run.world.machine, options);
  console.log(options.json ? JSON.stringify(report) : summary([report]));
}

async function replayLog(log: StraceLog, options: ReplayCommandOptions) {
  const bar = progress();
  const { touch = "none" } = options;
  const run = new StraceReplay(log, { ...(await common(options, bar.update)), touch });
  bar.begin(nameOf(log.recording));
  const report = await run.run().finally(() => bar.end());
  await writeTrace(run.world.machine, options);
  console.log(options.json ? JSON.stringify(report) : straceSummary(report));
}

async function common(
  { trace }: ReplayCommandOptions,
  update: (done: number, total: number) => void,
) {
  return {
    engine: await engineModule(),
    answersLater: true,
    progress: update,
    ...(trace === undefined ? {} : { trace: TRACE_CAPACITY_MAX }),
  };
}

async function writeTrace({ trace }: Machine, options: ReplayCommandOptions): Promise<void> {
  if (options.trace === undefined) return;
  await writeFile(options.trace, JSON.stringify(trace.toChromeTrace()));
}
