// Where a mapping would go: asked, not done.

import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";

/** A mapping that nobody makes. Address, length and offset in bytes; `mapping` 0: no file. */
export interface PlaceRequest {
  readonly hint: number;
  readonly length: number;
  readonly flags: number;
  readonly mapping: number;
  readonly offset: number;
}

export class PlaceCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** The address that mmap would choose, or null where it would fail. */
  find(mm: number, { hint, length, flags, mapping, offset }: PlaceRequest): number | null {
    const status = this.#ask((wasm) => wasm.mm_place(mm, hint, length, flags, mapping, offset));
    return status < 0 ? null : this.#answers.value;
  }
}
