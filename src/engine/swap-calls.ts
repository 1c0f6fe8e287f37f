// The calls of swap: the engine says which pages, the host moves their bytes.

import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class SwapCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  on(slots: number): number {
    return this.#ask((wasm) => wasm.swap_on(slots));
  }

  /** Whether no page goes out any more, until the area is gone or this is called again. */
  close(closes: boolean): number {
    return this.#ask((wasm) => wasm.swap_close(closes ? 1 : 0));
  }

  /** Maps what an address space has in swap from `from` on; where it stopped is `answer.value`. */
  unuse(mm: number, from: number): number {
    return this.#ask((wasm) => wasm.swap_unuse(mm, from));
  }

  /** Brings back what files in memory have in swap. */
  unuseFiles(): number {
    return this.#ask((wasm) => wasm.swap_unuse_files());
  }

  /** The area goes, where nothing is in it any more. */
  off(): number {
    return this.#ask((wasm) => wasm.swap_off());
  }

  /** The first page from frame `from` on that waits to be read, or null. */
  nextRead(from: number): R.SwapPageRecord | null {
    return this.#ask((wasm) => wasm.swap_next_read(from)) === 1 ? this.#answers.swapPage : null;
  }

  /** The first page from frame `from` on that waits to be written, or null. */
  next(from: number): R.SwapPageRecord | null {
    return this.#ask((wasm) => wasm.swap_next(from)) === 1 ? this.#answers.swapPage : null;
  }

  written(slot: number, failed: boolean): number {
    return this.#ask((wasm) => wasm.swap_written(slot, failed ? 1 : 0));
  }

  filled(slot: number, failed: boolean): number {
    return this.#ask((wasm) => wasm.swap_filled(slot, failed ? 1 : 0));
  }
}
