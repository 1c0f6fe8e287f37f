// Whole reads and writes at a position: as many calls of pread and pwrite as that takes.

import type { FileHandle } from "node:fs/promises";
import { positionOf } from "./position.ts";

/** What is asked of a file handle: it may do less than it was asked for. */
export type Positional = Pick<FileHandle, "read" | "write">;

/** Fills `into` from `position` on; how many bytes there were before the file ended. */
export async function readWhole(
  file: Positional,
  position: number,
  into: Uint8Array,
): Promise<number> {
  const start = positionOf(position, "position");
  let at = 0;
  while (at < into.byteLength) {
    const left = into.byteLength - at;
    const { bytesRead } = await uninterrupted(() => file.read(into, at, left, start + at));
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}

/** Writes all of `from` at `position`. */
export async function writeWhole(
  file: Positional,
  position: number,
  from: Uint8Array,
): Promise<void> {
  const start = positionOf(position, "position");
  for (let at = 0; at < from.byteLength; ) {
    const left = from.byteLength - at;
    const { bytesWritten } = await uninterrupted(() => file.write(from, at, left, start + at));
    if (bytesWritten === 0) throw new Error(`nothing could be written at byte ${start + at}`);
    at += bytesWritten;
  }
}

/** Asks again where a signal came in between: Node repeats most calls by itself, but no read. */
async function uninterrupted<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if ((error as NodeJS.ErrnoException | null)?.code !== "EINTR") throw error;
    }
  }
}
