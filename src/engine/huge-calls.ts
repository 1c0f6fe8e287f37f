// The call on the pool of huge pages.

import type { Ask } from "./ask.ts";

export class HugeCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Takes `count` huge pages out of memory, once. 0, or a status below. */
  pool(count: number): number {
    return this.#ask((wasm) => wasm.huge_pool(count));
  }
}
