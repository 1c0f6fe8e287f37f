// An exporter's own reverse map: which frame it reaches by which entry, and which entries reach a
// frame.
//
// Invariants
//   R12  `#frames` is the inverse of `#spaces`, entry by entry.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { Mm } from "../mm.ts";
import { PageSet } from "./page-set.ts";

export class HeldPages {
  readonly #spaces = new Map<number, Map<number, number>>();
  readonly #frames = new Map<number, PageSet>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The frame behind an entry; undefined where it has none. */
  pfn(mm: Mm, address: number): number | undefined {
    return this.#spaces.get(mm.id)?.get(address);
  }

  /** How many entries reach a frame. */
  entries(pfn: number): number {
    return this.#frames.get(pfn)?.size ?? 0;
  }

  add(mm: Mm, address: number, pfn: number): void {
    const space = this.#spaces.get(mm.id) ?? new Map<number, number>();
    this.#spaces.set(mm.id, space);
    if (space.has(address)) this.#forget(mm, space, address);
    space.set(address, pfn);
    const entries = this.#frames.get(pfn) ?? new PageSet();
    this.#frames.set(pfn, entries);
    entries.add(mm, address);
    this.#size++;
  }

  /** Drops the entries in [start, end). */
  remove(mm: Mm, start: number, end: number): void {
    const space = this.#spaces.get(mm.id);
    if (space === undefined) return;
    for (const address of this.addresses(mm, start, end)) this.#forget(mm, space, address);
    if (space.size === 0) this.#spaces.delete(mm.id);
  }

  /** The addresses of the entries in [start, end); looked for from the smaller side. */
  addresses(mm: Mm, start: number, end: number): number[] {
    const space = this.#spaces.get(mm.id);
    if (space === undefined) return [];
    if ((end - start) / PAGE_SIZE > space.size) {
      return [...space.keys()].filter((address) => address >= start && address < end);
    }
    const found: number[] = [];
    for (let at = start; at < end; at += PAGE_SIZE) if (space.has(at)) found.push(at);
    return found;
  }

  #forget(mm: Mm, space: Map<number, number>, address: number): void {
    const pfn = space.get(address);
    space.delete(address);
    this.#size--;
    if (pfn === undefined) return;
    const entries = this.#frames.get(pfn);
    entries?.delete(mm, address);
    if (entries?.size === 0) this.#frames.delete(pfn);
  }
}
