// Recordings on the disk, for Node.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Recording } from "./format.ts";
import { RecordingError, readRecording } from "./recording.ts";

/** What an strace log begins with: a process id or a time, or straight the call. */
const STRACE = /^(\[pid +\d+\] |\d+ +)?(\d+[\d:.]* +)?[a-z_0-9]+\(/;

/** Reads the recording in a file. RecordingError when it is not there or not one. */
export async function loadRecording(path: string): Promise<Recording> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RecordingError(path, 0, why, { cause });
  }
  if (STRACE.test(new TextDecoder().decode(bytes.subarray(0, 256)))) {
    const reason = `${basename(path)} is an strace log; only recordings (mm-run/1) can be replayed`;
    throw new RecordingError(path, 0, reason);
  }
  return readRecording(path, bytes);
}
