// `pagebell replay FILE`: one recording, and what happened.

import { writeFile } from "node:fs/promises";
import { loadRecording } from "../replay/node.ts";
import { Replay } from "../replay/replay.ts";
import { TRACE_CAPACITY_MAX } from "../trace.ts";
import { engineModule } from "./engine.ts";
import { ExitCode } from "./exit-code.ts";
import { progress } from "./progress.ts";
import { nameOf, summary } from "./summary.ts";

export interface ReplayCommandOptions {
  readonly json?: true;
  /** Where to write a Chrome trace. */
  readonly trace?: string;
}

export async function runReplay(file: string, options: ReplayCommandOptions): Promise<ExitCode> {
  const recording = await loadRecording(file);
  const bar = progress();
  const run = new Replay(recording, {
    engine: await engineModule(),
    answersLater: true,
    progress: bar.update,
    ...(options.trace === undefined ? {} : { trace: TRACE_CAPACITY_MAX }),
  });
  bar.begin(nameOf(recording));
  const report = await run.run().finally(() => bar.end());
  if (options.trace !== undefined) {
    const { trace } = run.world.machine;
    await writeFile(options.trace, JSON.stringify(trace.toChromeTrace()));
  }
  console.log(options.json ? JSON.stringify(report) : summary([report]));
  return ExitCode.Done;
}
