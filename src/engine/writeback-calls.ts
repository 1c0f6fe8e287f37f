// The calls of files whose bytes the host keeps: what to read, what to write, what is stored.

import type { WritebackMode } from "../../assembly/abi.ts";
import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class WritebackCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** A file of `bytes` bytes that the host has: its handle, or EINVAL, ENOMEM. */
  open(bytes: number): number {
    return this.#ask((wasm) => wasm.mapping_open(bytes));
  }

  /** One reference more, which `files.release` gives back. */
  hold(mapping: number): number {
    return this.#ask((wasm) => wasm.mapping_hold(mapping));
  }

  /** Begins to read up to `most` pages from `index` on: how many, or EAGAIN, ENOMEM. */
  read(mapping: number, index: number, most: number): number {
    return this.#ask((wasm) => wasm.mapping_read(mapping, index, most));
  }

  /** A page has been read: its frame is in `answer.pfn`. */
  filled(mapping: number, index: number, failed: boolean): number {
    return this.#ask((wasm) => wasm.mapping_filled(mapping, index, failed ? 1 : 0));
  }

  /** Begins to write pages [first, end) back: 0, a ticket, or a status; see `answer.writeback`. */
  begin(mapping: number, first: number, end: number, most: number, mode: WritebackMode): number {
    return this.#ask((wasm) => wasm.mapping_writeback(mapping, first, end, most, mode));
  }

  written(mapping: number, index: number, bytes: number, failed: boolean): number {
    return this.#ask((wasm) => wasm.mapping_written(mapping, index, bytes, failed ? 1 : 0));
  }

  /** A page that was written is to be written again; whether it has to be read back for that. */
  redirty(mapping: number, index: number): boolean {
    return this.#ask((wasm) => wasm.mapping_redirty(mapping, index)) === 2;
  }

  /** What the host stores was cut to `end` bytes, or grown to them with zeros. */
  trimmed(mapping: number, end: number): number {
    return this.#ask((wasm) => wasm.mapping_trimmed(mapping, end));
  }

  disk(mapping: number): R.DiskRecord {
    this.#ask((wasm) => wasm.mapping_disk(mapping));
    return this.#answers.disk;
  }

  /** The first hole that reaches into pages [first, end) and is not stored, or null. */
  nextHole(mapping: number, first: number, end: number): R.PageRangeRecord | null {
    const found = this.#ask((wasm) => wasm.mapping_hole_next(mapping, first, end));
    return found === 1 ? this.#answers.pageRange : null;
  }

  holeStored(mapping: number, first: number, end: number): number {
    return this.#ask((wasm) => wasm.mapping_hole_stored(mapping, first, end));
  }

  /** The files with dirty pages, oldest first. */
  dirtyFiles(): number[] {
    return this.#ask((wasm) => {
      const files: number[] = [];
      let next = wasm.mapping_dirty_next(0) >>> 0;
      while (next !== 0) {
        files.push(next);
        next = wasm.mapping_dirty_next(next) >>> 0;
      }
      return files;
    });
  }
}
