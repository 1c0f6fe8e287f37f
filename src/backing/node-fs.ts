// pagebell/backing/node-fs: swap in a file, by Node. Slot n is bytes [n × 4096, (n + 1) × 4096).

import { type FileHandle, open } from "node:fs/promises";
import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { SwapBacking } from "./backing.ts";

export type { SwapBacking } from "./backing.ts";

/** A backing that holds a file open. `close` waits for what is under way; later calls fail. */
export interface FileBacking extends SwapBacking {
  close(): Promise<void>;
}

/**
 * Makes, or empties, the file at `path`, for its owner only: pages of memory will be in it. Rejects
 * with Node's own error where that cannot be. Never answers at once: sync calls get EAGAIN first.
 */
export async function nodeFileBacking(path: string): Promise<FileBacking> {
  const file = await open(path, "w+", 0o600);
  return {
    read: (slot, into) => readAll(file, into, slot * PAGE_SIZE),
    write: (slot, from) => writeAll(file, from, slot * PAGE_SIZE),
    close: () => file.close(),
  };
}

async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.byteLength; ) {
    const { bytesRead } = await file.read(into, at, into.byteLength - at, position + at);
    if (bytesRead === 0) throw new RangeError(`the swap file ends before byte ${position + at}`);
    at += bytesRead;
  }
}

async function writeAll(file: FileHandle, from: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < from.byteLength; ) {
    const { bytesWritten } = await file.write(from, at, from.byteLength - at, position + at);
    at += bytesWritten;
  }
}
