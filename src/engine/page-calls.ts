// The calls that look at pages: where frames are mapped.

import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type { EngineFunctions } from "./exports.ts";
import type * as R from "./records.ts";

export class PageCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** Every place of each of `pfns`, at most PLACES_BATCH_MAX of them, in their order: one look. */
  places(pfns: readonly number[], add: (pfn: number, mm: number, address: number) => void): void {
    this.#ask((wasm) => {
      this.#answers.putWords(pfns);
      let count = wasm.places_first(pfns.length);
      for (; count !== 0; count = wasm.places_next()) this.#answers.eachPlace(count, add);
    });
  }

  /** The places of a page's notice. */
  noticePlaces(wasm: EngineFunctions, notice: number): R.PlaceRecord[] {
    const all: R.PlaceRecord[] = [];
    const add = (_: number, mm: number, address: number) => void all.push({ mm, address });
    let count = wasm.notice_places(notice);
    for (; count !== 0; count = wasm.places_next()) this.#answers.eachPlace(count, add);
    return all;
  }

  /** Where the area at `address` maps a frame, or null. */
  mappedIn(mm: number, address: number, pfn: number): number | null {
    const place = this.#ask((wasm) => wasm.page_mapped_in(mm, address, pfn));
    return place < 0 ? null : place;
  }
}
