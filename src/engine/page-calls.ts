// The calls that look at pages: where frames are mapped.

import { PLACES_BATCH_MAX } from "../../assembly/abi.ts";
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
  places(pfns: readonly number[]): R.PlaceRecord[] {
    return this.#ask((wasm) => {
      this.#answers.putWords(pfns.slice(0, PLACES_BATCH_MAX));
      return this.allPlaces(wasm, wasm.places_first(pfns.length));
    });
  }

  /** The places of a look whose first window has `count` of them. */
  allPlaces(wasm: EngineFunctions, count: number): R.PlaceRecord[] {
    const all = this.#answers.places(count);
    while (count !== 0) {
      count = wasm.places_next();
      for (const place of this.#answers.places(count)) all.push(place);
    }
    return all;
  }

  /** Where the area at `address` maps a frame, or null. */
  mappedIn(mm: number, address: number, pfn: number): number | null {
    const place = this.#ask((wasm) => wasm.page_mapped_in(mm, address, pfn));
    return place < 0 ? null : place;
  }
}
