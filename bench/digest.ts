// The hash of what was done: two sides with the same one did the same work.
//
// Invariants
//   D1  It covers every area, every present page of private memory with its sharers, and every
//       byte that can be read.

import { createHash } from "node:crypto";
import { type AreaView, PAGE, type Space } from "./memory.ts";

/** Hexadecimal digits of a hash that are shown. */
const DIGITS = 16;

export class Digest {
  readonly #hash = createHash("sha256");

  add(...values: readonly (number | string)[]): void {
    this.#hash.update(`${values.join(",")};`);
  }

  addBytes(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** All of an address space. Reads it, so nothing else is to be done with it afterwards. */
  addSpace(space: Space): void {
    const areas = [...space.areas()];
    this.add("areas", areas.length);
    for (const area of areas) {
      this.add(area.start, area.end, area.prot, area.isShared ? "s" : "p");
      if (!area.isShared) this.#addPresence(space, area);
    }
    for (const area of areas) this.#addContents(space, area);
  }

  get hex(): string {
    return this.#hash.copy().digest("hex").slice(0, DIGITS);
  }

  #addPresence(space: Space, { start, end }: AreaView): void {
    for (const { address, sharers } of space.pages(start, end)) this.add(address, sharers);
  }

  #addContents(space: Space, { start, end, prot }: AreaView): void {
    if (prot === 0) return;
    for (let at = start; at < end; at += PAGE) this.addBytes(space.contents(at));
  }
}

/** An odd number whose products spread over all bits: 2**32 over the golden ratio. */
const SPREAD = 0x9e37_79b1;

/** Takes a value into a checksum: cheap enough to stand in what is measured. */
export function mix(sum: number, value: number): number {
  const folded = sum ^ value ^ Math.floor(value / 0x1_0000_0000);
  return Math.imul(folded, SPREAD) ^ (folded >>> 15);
}
