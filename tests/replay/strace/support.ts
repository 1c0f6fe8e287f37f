// Logs for tests, written as lines, and what their replay gives in a debug build.

import { parseStrace, type StraceLog } from "../../../src/replay/strace/log.ts";
import { StraceReplay, type StraceReplayOptions } from "../../../src/replay/strace/replay.ts";
import type { StraceReport } from "../../../src/replay/strace/report.ts";
import { engineModule } from "../../support/boot.ts";

export const A = "0x7f0000000000";
export const ANON = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0";
export const START = 'execve("/bin/prog", ["prog"], 0x7ffc00000000 /* 3 vars */) = 0';

export function log(...lines: readonly string[]): StraceLog {
  return parseStrace("test.strace", lines.map((line) => `${line}\n`).join(""));
}

export type Replayed = StraceReport & { readonly run: StraceReplay };

/** Replays it with all checks of the engine on. */
export async function replayed(
  source: StraceLog | readonly string[],
  options: Partial<StraceReplayOptions> = {},
): Promise<Replayed> {
  const given = "recording" in source ? source : log(...source);
  const run = new StraceReplay(given, { engine: engineModule("debug"), debug: true, ...options });
  return { ...(await run.run()), run };
}

/** The areas of the process that is left, as /proc/PID/maps has them, without what exec had. */
export function areasOf({ run }: Replayed): string[] {
  const [mm] = run.world.procs.values();
  const lines = mm?.maps().split("\n") ?? [];
  return lines.filter((line) => line !== "").map((line) => line.split(/ +/).slice(0, 2).join(" "));
}
