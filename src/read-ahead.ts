// How far to read ahead of an access (as Linux mm/readahead.c, in outline): a few pages where
// nothing is known, twice as many each time that the next access is where the last read ended.

/** Pages that are read where nothing is known, and at most. */
const PAGES_FIRST = 4;
const PAGES_MAX = 32;

export class Ahead {
  #next = 0;
  #pages = PAGES_FIRST / 2;

  /** Pages to read for an access to page `index`, which is not in memory. */
  pagesFor(index: number): number {
    const isNext = index === this.#next;
    this.#pages = isNext ? Math.min(this.#pages * 2, PAGES_MAX) : PAGES_FIRST;
    this.#next = index + this.#pages;
    return this.#pages;
  }
}
