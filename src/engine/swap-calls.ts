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
