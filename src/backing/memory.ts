// Bytes in the host's own memory: outside of the machine's arena, and there at once.
//
//    position   0        4096     8192     12288
//              ┌────────┬────────┬────────┬────
//              │ block  │   -    │ block  │         made when first written; none reads as zeros
//              └────────┴────────┴────────┴────
//                                    ▲ size: what a block has beyond it is zero

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { DirectBacking } from "./backing.ts";
import { closedError, positionOf } from "./position.ts";

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
    for (const { index, from, end, at } of blocksOf(start, bytes)) {
      const block = this.#blocks.get(index);
      if (block === undefined) into.fill(0, at, at + end - from);
      else into.set(block.subarray(from, end), at);
    }
    return bytes;
  }

  write(position: number, from: Uint8Array): void {
    this.#expectOpen();
    const start = positionOf(position, "position");
    for (const part of blocksOf(start, from.byteLength)) {
      const bytes = from.subarray(part.at, part.at + part.end - part.from);
      this.#block(part.index).set(bytes, part.from);
    }
    if (from.byteLength > 0) this.#size = Math.max(this.#size, start + from.byteLength);
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
      block = new Uint8Array(PAGE_SIZE);
      this.#blocks.set(index, block);
    }
    return block;
  }

  /** Drops the blocks beyond `size`, and clears the tail of the one that it is in. */
  #cut(size: number): void {
    const last = Math.floor(size / PAGE_SIZE);
    for (const index of this.#blocks.keys()) {
      if (index > last) this.#blocks.delete(index);
    }
    this.#blocks.get(last)?.fill(0, size % PAGE_SIZE);
  }

  #expectOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

/** Bytes [from, end) of the block `index`, which are those from `at` on of what is asked for. */
interface Part {
  readonly index: number;
  readonly from: number;
  readonly end: number;
  readonly at: number;
}

function* blocksOf(position: number, bytes: number): Generator<Part, void, void> {
  for (let at = 0; at < bytes; ) {
    const index = Math.floor((position + at) / PAGE_SIZE);
    const from = position + at - index * PAGE_SIZE;
    const end = Math.min(PAGE_SIZE, from + bytes - at);
    yield { index, from, end, at };
    at += end - from;
  }
}
