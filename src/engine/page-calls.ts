// The calls that look at pages: where frames are mapped.

import { type ClearRefs, Smaps, TRANSLATE_MANY_MAX } from "../../assembly/abi.ts";
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

  /** Forgets which pages were written: 0, a ticket, or a status. */
  forgetSoftDirty(mm: number): number {
    return this.#ask((wasm) => wasm.mm_forget_soft_dirty(mm));
  }

  /** Forgets which pages were used. */
  forgetReferences(mm: number, what: ClearRefs): number {
    return this.#ask((wasm) => wasm.mm_forget_references(mm, what));
  }

  /** Ranges of pages of a kind: one window of them, and where to go on. Null for no mm. */
  scan(mm: number, ask: R.ScanAsk): { list: R.ScanRangeRecord[]; next: number } | null {
    const { start, end, inverted, mask, anyOf, returned, pages } = ask;
    const count = this.#ask((wasm) =>
      wasm.pagemap_scan(mm, start, end, inverted, mask, anyOf, returned, pages),
    );
    if (count < 0) return null;
    return { list: this.#answers.scanRanges(count), next: this.#answers.value };
  }

  /** What the pages of the area at `address` amount to, by `Smaps`; null for no area. */
  smaps(mm: number, address: number): readonly number[] | null {
    const status = this.#ask((wasm) => wasm.area_smaps(mm, address));
    return status === 1 ? this.#answers.doubles(Smaps.COUNT) : null;
  }

  /** Pins a page: 0 with its frame in the answer, a ticket, or a status. */
  pin(mm: number, address: number, write: boolean): number {
    return this.#ask((wasm) => wasm.page_pin(mm, address, write ? 1 : 0));
  }

  /** Lets go of a frame pinned through `mm`. */
  unpin(mm: number, pfn: number, dirty: boolean): void {
    this.#ask((wasm) => wasm.page_unpin(mm, pfn, dirty ? 1 : 0));
  }

  /** The bytes of a frame as one whole number; 0 for zeros. */
  hash(pfn: number): number {
    return this.#ask((wasm) => wasm.page_hash(pfn));
  }

  /** Where the area at `address` maps a frame, or null. */
  mappedIn(mm: number, address: number, pfn: number): number | null {
    const place = this.#ask((wasm) => wasm.page_mapped_in(mm, address, pfn));
    return place < 0 ? null : place;
  }

  /** The frames of up to TRANSLATE_MAX pages, into `out` from `at` on: 0 or a status. */
  translateRange(mm: number, start: number, out: Uint32Array, at: number, count: number): number {
    const status = this.#ask((wasm) => wasm.translate_range(mm, start, count));
    if (status === 0) out.set(this.#answers.windowWords(0, count), at);
    return status;
  }

  /** The same of up to TRANSLATE_MANY_MAX addresses: how many were good, or a status. */
  translateMany(mm: number, addresses: Float64Array, out: Uint32Array, at: number): number {
    return this.#ask((wasm) => {
      this.#answers.putDoubles(addresses);
      const good = wasm.translate_many(mm, addresses.length);
      if (good > 0) out.set(this.#answers.windowWords(2 * TRANSLATE_MANY_MAX, good), at);
      return good;
    });
  }
}
