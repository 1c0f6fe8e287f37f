// What a file holds that can be replayed, by its content: a recording or an strace log.

import type { Recording } from "./format.ts";
import { parseRecording, RecordingError, textOf } from "./recording.ts";
import { isStrace, parseStrace, type StraceLog } from "./strace/log.ts";

export type Replayable =
  | { readonly kind: "recording"; readonly recording: Recording }
  | { readonly kind: "strace"; readonly log: StraceLog };

/** Reads either from its bytes, packed with gzip or not. RecordingError when it is neither. */
export async function readReplayable(file: string, bytes: Uint8Array): Promise<Replayable> {
  const { isWhole, text } = await textOf(file, bytes);
  if (!isObject(firstLine(text)) && isStrace(text)) {
    return { kind: "strace", log: parseStrace(file, text) };
  }
  if (!isWhole) throw new RecordingError(file, 0, "it is neither gzip nor UTF-8 text");
  if (!text.trimStart().startsWith("{")) {
    throw new RecordingError(file, 0, "it is neither a recording (mm-run/1) nor an strace log");
  }
  return { kind: "recording", recording: parseRecording(file, text) };
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(0, end);
}

function isObject(line: string): boolean {
  if (!line.trimStart().startsWith("{")) return false;
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
