// Bytes in the host's own memory: outside of the machine's arena, and there at once.
//
//    position   0        64 KiB   128 KiB  192 KiB
//              ┌────────┬────────┬────────┬────
//              │ block  │   -    │ block  │         made when first written; none reads as zeros
//              └────────┴────────┴────────┴────
//                                    ▲ size: what a block has beyond it is zero

import type { DirectBacking } from "./backing.ts";
import { closedError, positionOf } from "./position.ts";

/** Bytes of a block. */
const BLOCK = 65536;

/** Keeps nothing beyond the life of the process: `sync` has nothing to do. */
export function memoryBacking(): DirectBacking {
  return new MemoryBacking();
}

class MemoryBacking implements DirectBacking {
  readonly #blocks = new Map<number, Uint8Array>();
  #size = 0;
  #isClosed = false;

  read(position: number, into: Uint8Array): number {
    this.#expectOpen();
    const start = positionOf(position, "position");
    const bytes = Math.max(0, Math.min(into.byteLength, this.#size - start));
    for (let at = 0; at < bytes; ) {
      const from = (start + at) % BLOCK;
      const end = Math.min(BLOCK, from + bytes - at);
      const block = this.#blocks.get((start + at - from) / BLOCK);
      if (block === undefined) into.fill(0, at, at + end - from);
      else into.set(block.subarray(from, end), at);
      at += end - from;
    }
    return bytes;
  }

  write(position: number, from: Uint8Array): void {
    this.#expectOpen();
    const start = positionOf(position, "position");
    const bytes = from.byteLength;
    for (let at = 0; at < bytes; ) {
      const first = (start + at) % BLOCK;
      const count = Math.min(BLOCK - first, bytes - at);
      this.#block((start + at - first) / BLOCK).set(from.subarray(at, at + count), first);
      at += count;
    }
    if (bytes > 0) this.#size = Math.max(this.#size, start + bytes);
  }

  size(): number {
    this.#expectOpen();
    return this.#size;
  }

  truncate(bytes: number): void {
    this.#expectOpen();
    const size = positionOf(bytes, "bytes");
    if (size < this.#size) this.#cut(size);
    this.#size = size;
  }

  sync(): void {
    this.#expectOpen();
  }

  close(): void {
    this.#isClosed = true;
    this.#blocks.clear();
  }

  #block(index: number): Uint8Array {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = new Uint8Array(BLOCK);
      this.#blocks.set(index, block);
    }
    return block;
  }

  /** Drops the blocks beyond `size`, and clears the tail of the one that it is in. */
  #cut(size: number): void {
    const last = Math.floor(size / BLOCK);
    for (const index of this.#blocks.keys()) {
      if (index > last) this.#blocks.delete(index);
    }
    this.#blocks.get(last)?.fill(0, size % BLOCK);
  }

  #expectOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}
