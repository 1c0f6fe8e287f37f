// Bytes behind a handle that reads and writes at once: what OPFS gives to dedicated workers.

import type { DirectBacking } from "./backing.ts";
import { positionOf } from "./position.ts";

/** The part of FileSystemSyncAccessHandle that is asked: it may do less than it was asked for. */
export interface SyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(from: Uint8Array, options: { at: number }): number;
  getSize(): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

export function handleBacking(handle: SyncAccessHandle): DirectBacking {
  return {
    read: (position, into) => readWhole(handle, positionOf(position, "position"), into),
    write: (position, from) => writeWhole(handle, positionOf(position, "position"), from),
    size: () => handle.getSize(),
    truncate: (bytes) => handle.truncate(positionOf(bytes, "bytes")),
    sync: () => handle.flush(),
    close: () => handle.close(),
  };
}

function readWhole(handle: SyncAccessHandle, position: number, into: Uint8Array): number {
  let at = 0;
  while (at < into.byteLength) {
    const count = handle.read(into.subarray(at), { at: position + at });
    if (count === 0) break;
    at += count;
  }
  return at;
}

function writeWhole(handle: SyncAccessHandle, position: number, from: Uint8Array): void {
  for (let at = 0; at < from.byteLength; ) {
    const count = handle.write(from.subarray(at), { at: position + at });
    if (count === 0) throw new Error(`nothing could be written at byte ${position + at}`);
    at += count;
  }
}
