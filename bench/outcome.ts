// What a case leaves behind, wherever its region lies: what a side outside this program, which
// chooses other addresses, can prove.
//
// Invariants
//   O1  It covers, of each region that the case names, every area with its rights, which pages are
//       present, and every byte of those that may be read; addresses count from the region's start.
//   O2  bench/native/outcome.h computes the same number.

import { PROT_READ } from "../src/constants.ts";
import { mix } from "./digest.ts";
import { type AreaView, PAGE, type Space } from "./memory.ts";

export class Outcome {
  #sum = 0;

  add(...values: readonly number[]): void {
    for (const value of values) this.#sum = mix(this.#sum, value);
  }

  /** The region of so many pages at `start`; leaves it as it is. */
  addRegion(space: Space, start: number, pages: number): void {
    this.#addAreas(space, start, pages, true);
  }

  /** The same without the pages of shared areas, which come by read-ahead as well. */
  addPrivate(space: Space, start: number, pages: number): void {
    this.#addAreas(space, start, pages, false);
  }

  /** Eight hexadecimal digits. */
  get hex(): string {
    return (this.#sum >>> 0).toString(16).padStart(8, "0");
  }

  #addAreas(space: Space, start: number, pages: number, withShared: boolean): void {
    const end = start + pages * PAGE;
    for (const area of space.areas()) {
      if (area.end <= start || area.start >= end) continue;
      const [from, to] = [Math.max(area.start, start), Math.min(area.end, end)];
      this.add((from - start) / PAGE, (to - start) / PAGE, area.prot);
      if (!area.isShared || withShared)
        this.#addPresent(space, { ...area, start: from, end: to }, start);
    }
  }

  #addPresent(space: Space, area: AreaView, start: number): void {
    const isReadable = (area.prot & PROT_READ) !== 0;
    for (const { address } of [...space.pages(area.start, area.end)]) {
      this.add((address - start) / PAGE);
      if (isReadable) this.#addBytes(space.contents(address));
    }
  }

  #addBytes(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.slice().buffer);
    let sum = this.#sum;
    for (let at = 0; at < words.length; at++) sum = mix(sum, words[at] as number);
    this.#sum = sum;
  }
}
