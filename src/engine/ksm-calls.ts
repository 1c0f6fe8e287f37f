// The calls that merge equal pages: looking for a pair, and making it one.

import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class KsmCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** Goes on with the pass for at most `pages` pages, or to the first pair. */
  scan(pages: number): R.MergeScanRecord {
    const ended = this.#ask((wasm) => wasm.merge_scan(pages));
    const { count: scanned, pfn, value: into } = this.#answers;
    return { ended, scanned, pfn, into };
  }

  /** 0, a ticket, or a status: ENOENT where they are no pair (any more), EAGAIN, ENOMEM. */
  merge(pfn: number, into: number): number {
    return this.#ask((wasm) => wasm.page_merge(pfn, into));
  }

  state(): R.MergeStateRecord {
    this.#ask((wasm) => wasm.merge_state());
    const { count: shared, pfn: sharing, value: fullScans } = this.#answers;
    return { shared, sharing, fullScans };
  }
}
