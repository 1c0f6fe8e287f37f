// An strace log from its text: `strace -f`, with -y or without, with times or without.
//
//   text ─ line.ts ─▶ lines ─ happenings.ts ─▶ calls ─ translate.ts ─▶ events of mm-run/1
//
// Nothing in a log is fatal: a line that is no operation is counted, with its number and example.

import type { RecordedOperation, Recording } from "../format.ts";
import { RecordingError } from "../recording.ts";
import { type LineCounts, LineTally, type Unread } from "./counts.ts";
import { readHappenings } from "./happenings.ts";
import type { StraceSpace } from "./tasks.ts";
import { isRelevant, Translator } from "./translate.ts";

export interface StraceLog {
  /** The log as a recording: no states, no notices, empty address spaces at each exec. */
  readonly recording: Recording;
  /** The address spaces, by their process numbers in the recording. */
  readonly spaces: readonly StraceSpace[];
  /** The hint of each operation whose address the kernel chose. */
  readonly hints: ReadonlyMap<RecordedOperation, number>;
  readonly lines: LineCounts;
  readonly unread: { readonly notModelled: readonly Unread[]; readonly unknown: readonly Unread[] };
}

/** What every strace log has somewhere near its beginning. */
const CALL = /(?:^|[\s\]])[a-z_]\w*\(.*\)\s+= (?:\?|-?\d)/;
const MARK =
  /<unfinished \.\.\.>|<\.\.\. \w+ resumed>|^.*\+\+\+ (?:exited with|killed by) .*\+\+\+$/;

/** Lines that are looked at: a program's own output may stand before. */
const LINES_LOOKED_AT = 1000;

export function isStrace(text: string): boolean {
  const begin = text.split("\n", LINES_LOOKED_AT);
  return begin.some((line) => CALL.test(line) || MARK.test(line));
}

/** Reads a log. `RecordingError` when there is nothing of strace in it. */
export function parseStrace(file: string, text: string): StraceLog {
  if (!isStrace(text)) throw new RecordingError(file, 0, "it is no strace log");
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const tally = new LineTally();
  const { list, seen } = readHappenings(lines, tally, isRelevant);
  const translator = new Translator(tally, seen);
  for (const happening of list) translator.take(happening);
  translator.finish();
  const { events, hints, spaces } = translator;
  const program = spaces.find((space) => space.program !== null)?.program;
  const header = {
    kernel: "strace",
    arena: null,
    files: [],
    hugePages: 0,
    mmapBase: null,
    program: program == null ? [] : [program],
  };
  const recording = { file, header, events };
  return { recording, spaces, hints, lines: tally.counts, unread: tally.unread };
}
