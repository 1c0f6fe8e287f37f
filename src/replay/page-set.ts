// A set of pages of several address spaces: distinct (mm, page) pairs, an mm by its number.

import type { Mm } from "../mm.ts";

export class PageSet {
  readonly #spaces = new Map<number, Set<number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(mm: Mm, address: number): boolean {
    return this.#spaces.get(mm.id)?.has(address) === true;
  }

  add(mm: Mm, address: number): void {
    const pages = this.#spaces.get(mm.id) ?? new Set<number>();
    this.#spaces.set(mm.id, pages);
    if (pages.has(address)) return;
    pages.add(address);
    this.#size++;
  }

  delete(mm: Mm, address: number): void {
    if (this.#spaces.get(mm.id)?.delete(address) === true) this.#size--;
  }

  clear(): void {
    this.#spaces.clear();
    this.#size = 0;
  }
}
