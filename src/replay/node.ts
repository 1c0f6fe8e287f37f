// Recordings and strace logs on the disk or from standard input, for Node.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Recording } from "./format.ts";
import { RecordingError } from "./recording.ts";
import { type Replayable, readReplayable } from "./source.ts";

/** The path that stands for standard input. */
const STDIN = "-";

/** Reads what is in a file, or in standard input. RecordingError when it cannot be replayed. */
export async function loadReplayable(path: string): Promise<Replayable> {
  return path === STDIN
    ? readReplayable("standard input", await readStdin())
    : readReplayable(path, await bytesOf(path));
}

/** Reads the recording in a file. RecordingError when it is not there or not one. */
export async function loadRecording(path: string): Promise<Recording> {
  const found = await loadReplayable(path);
  if (found.kind === "recording") return found.recording;
  const reason = `${basename(path)} is an strace log; only recordings (mm-run/1) can be compared`;
  throw new RecordingError(path, 0, reason);
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RecordingError(path, 0, why, { cause });
  }
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
