// What a case leaves behind, wherever its region lies: what a side outside this program, which
// chooses other addresses, can prove.
//
// Invariants
//   O1  It covers, of each region that the case names, every area with its rights, which pages are
//       present, and every byte of those; addresses count from the region's start.
//   O2  bench/native/outcome.h computes the same number.

import { mix } from "./digest.ts";
import { type AreaView, PAGE, type Space } from "./memory.ts";

export class Outcome {
  #sum = 0;

  add(...values: readonly number[]): void {
    for (const value of values) this.#sum = mix(this.#sum, value);
  }

  /** The region of so many pages at `start`; leaves it as it is. */
  addRegion(space: Space, start: number, pages: number): void {
    const end = start + pages * PAGE;
    for (const area of space.areas()) {
      if (area.end > start && area.start < end) this.#addArea(space, area, start, end);
    }
  }

  /** Eight hexadecimal digits. */
  get hex(): string {
    return (this.#sum >>> 0).toString(16).padStart(8, "0");
  }

  #addArea(space: Space, area: AreaView, start: number, end: number): void {
    const [from, to] = [Math.max(area.start, start), Math.min(area.end, end)];
    this.add((from - start) / PAGE, (to - start) / PAGE, area.prot);
    for (const { address } of [...space.pages(from, to)]) {
      this.add((address - start) / PAGE);
      this.#addBytes(space.contents(address));
    }
  }

  #addBytes(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.slice().buffer);
    let sum = this.#sum;
    for (let at = 0; at < words.length; at++) sum = mix(sum, words[at] as number);
    this.#sum = sum;
  }
}
