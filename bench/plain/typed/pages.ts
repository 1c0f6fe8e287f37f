// A page table of four levels in typed arrays, with the last leaf remembered.
//
//   31               3  2 1 0
//  ┌───────────────────┬─┬─┬─┐
//  │       frame       │N│W│P│    P present   W writable   N may not be accessed at all
//  └───────────────────┴─┴─┴─┘
//
// Invariants
//   P1  An entry that is not zero counts once among the users of its frame (the zero page aside).
//   P2  W is set only where a write needs no fault: nobody shares the frame, or it is meant to be.

import { PAGE } from "../../memory.ts";
import type { PageRights, Pages } from "../storage.ts";
import type { FrameArena } from "./frame-arena.ts";
import type { SharedObjects } from "./shared-objects.ts";
import { ENTRIES, type TablePool } from "./table-pool.ts";

const PRESENT = 1;
const WRITABLE = 2;
const NO_ACCESS = 4;
const FRAME_SHIFT = 3;

const IN_PAGE = PAGE - 1;
const IN_TABLE = ENTRIES - 1;
const TABLE_SHIFT = 9;

/** Pages below one entry of the second level. */
const PAGES_UPPER = ENTRIES * ENTRIES;

export class TypedPages implements Pages {
  readonly #frames: FrameArena;
  readonly #tables: TablePool;
  readonly #objects: SharedObjects;
  readonly #root: number;
  /** The leaf last walked to, and the 2 MiB it maps. */
  #leaf = 0;
  #region = -1;

  constructor(frames: FrameArena, tables: TablePool, objects: SharedObjects) {
    this.#frames = frames;
    this.#tables = tables;
    this.#objects = objects;
    this.#root = tables.take();
  }

  load(address: number): number {
    const entry = this.#entry(Math.floor(address / PAGE));
    if ((entry & (PRESENT | NO_ACCESS)) !== PRESENT) return -1;
    return this.#frames.bytes[(entry >>> FRAME_SHIFT) * PAGE + (address & IN_PAGE)] as number;
  }

  store(address: number, byte: number): boolean {
    const entry = this.#entry(Math.floor(address / PAGE));
    if ((entry & (WRITABLE | NO_ACCESS)) !== WRITABLE) return false;
    this.#frames.bytes[(entry >>> FRAME_SHIFT) * PAGE + (address & IN_PAGE)] = byte;
    return true;
  }

  isPresent(page: number): boolean {
    return this.#entry(page) !== 0;
  }

  faultPrivate(page: number, isWrite: boolean): void {
    const frames = this.#frames;
    const at = this.#slot(page);
    const entry = this.#tables.entries[at] as number;
    if (entry === 0) {
      const frame = isWrite ? frames.takeZeroed() : 0;
      this.#fill(at, (frame << FRAME_SHIFT) | (isWrite ? WRITABLE | PRESENT : PRESENT));
      return;
    }
    if (!isWrite || (entry & WRITABLE) !== 0) return;
    const frame = entry >>> FRAME_SHIFT;
    this.#tables.entries[at] = (this.#own(frame) << FRAME_SHIFT) | WRITABLE | PRESENT;
  }

  faultShared(page: number, object: number, index: number, canWrite: boolean): void {
    const at = this.#slot(page);
    const frame = this.#objects.frame(object, index);
    if (this.#tables.entries[at] === 0) {
      this.#frames.users[frame] = (this.#frames.users[frame] as number) + 1;
      this.#fill(at, PRESENT);
    }
    const rights = canWrite ? WRITABLE | PRESENT : PRESENT;
    this.#tables.entries[at] = (frame << FRAME_SHIFT) | rights;
  }

  /** From the top down: the stack of free frames then gives the lowest first, as walking wants. */
  zap(start: number, end: number): void {
    for (let stop = end; stop > start; ) {
      const first = Math.max(start, regionStart(stop - 1));
      const leaf = this.#leafOf(first);
      if (leaf !== 0) this.#zapLeaf(leaf, first, stop);
      stop = first;
    }
  }

  protect(start: number, end: number, { canAccess, canWrite }: PageRights): void {
    const { entries } = this.#tables;
    const { users } = this.#frames;
    const denied = canAccess ? 0 : NO_ACCESS;
    for (let page = start; page < end; page++) {
      const leaf = this.#leafOf(page);
      if (leaf === 0) {
        page = regionEnd(page) - 1;
        continue;
      }
      const at = leaf * ENTRIES + (page & IN_TABLE);
      const entry = entries[at] as number;
      if (entry === 0) continue;
      const frame = entry >>> FRAME_SHIFT;
      const write = canWrite && frame !== 0 && users[frame] === 1 ? WRITABLE : 0;
      entries[at] = (frame << FRAME_SHIFT) | PRESENT | denied | write;
    }
  }

  move(from: number, to: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const entry = this.#entry(from + index);
      if (entry === 0) continue;
      this.#fill(this.#slot(to + index), entry);
      this.#empty(from + index);
    }
  }

  copyTo(child: TypedPages, start: number, end: number): void {
    for (let page = start; page < end; ) {
      const stop = Math.min(end, regionEnd(page));
      const leaf = this.#leafOf(page);
      if (leaf !== 0) this.#copyLeaf(leaf, child.#slot(page), page, stop);
      page = stop;
    }
  }

  clear(): void {
    const { entries } = this.#tables;
    for (const upper of this.#below(this.#root)) {
      for (const middle of this.#below(upper)) {
        for (const leaf of this.#below(middle)) {
          for (let at = leaf * ENTRIES; at < (leaf + 1) * ENTRIES; at++) {
            const entry = entries[at] as number;
            if (entry !== 0) this.#frames.drop(entry >>> FRAME_SHIFT);
          }
          this.#tables.wipe(leaf);
        }
        this.#tables.wipe(middle);
      }
      this.#tables.wipe(upper);
    }
    this.#tables.wipe(this.#root);
    this.#region = -1;
  }

  present(start: number, end: number): number[] {
    const found: number[] = [];
    for (let page = start; page < end; page++) if (this.isPresent(page)) found.push(page);
    return found;
  }

  sharers(page: number): number {
    const frame = this.#entry(page) >>> FRAME_SHIFT;
    return frame === 0 ? 0 : (this.#frames.users[frame] as number);
  }

  frame(page: number): number {
    return this.#entry(page) >>> FRAME_SHIFT;
  }

  translate(start: number, end: number): number {
    let found = 0;
    for (let page = start; page < end; page++) if (this.#entry(page) !== 0) found++;
    return found;
  }

  bytes(page: number): Uint8Array {
    const at = (this.#entry(page) >>> FRAME_SHIFT) * PAGE;
    return this.#frames.bytes.subarray(at, at + PAGE);
  }

  /** A frame that one page alone may write: the same if it was alone already, else a copy. */
  #own(frame: number): number {
    const frames = this.#frames;
    if (frame === 0) return frames.takeZeroed();
    if (frames.users[frame] === 1) return frame;
    const copy = frames.takeCopy(frame);
    frames.drop(frame);
    return copy;
  }

  #zapLeaf(leaf: number, start: number, end: number): void {
    const { entries, used } = this.#tables;
    const first = leaf * ENTRIES + (start & IN_TABLE);
    let gone = 0;
    for (let at = first + (end - start) - 1; at >= first; at--) {
      const entry = entries[at] as number;
      if (entry === 0) continue;
      entries[at] = 0;
      this.#frames.drop(entry >>> FRAME_SHIFT);
      gone++;
    }
    const left = (used[leaf] as number) - gone;
    used[leaf] = left;
    if (left === 0) this.#dropLeaf(start, leaf);
  }

  #copyLeaf(leaf: number, target: number, page: number, stop: number): void {
    const { entries, used } = this.#tables;
    const { users } = this.#frames;
    const source = leaf * ENTRIES + (page & IN_TABLE);
    const shift = target - source;
    const last = source + (stop - page);
    let copied = 0;
    for (let at = source; at < last; at++) {
      const entry = entries[at] as number;
      if (entry === 0) continue;
      const kept = entry & ~WRITABLE;
      const frame = entry >>> FRAME_SHIFT;
      if (frame !== 0) users[frame] = (users[frame] as number) + 1;
      entries[at] = kept;
      entries[at + shift] = kept;
      copied++;
    }
    const child = Math.floor(target / ENTRIES);
    used[child] = (used[child] as number) + copied;
  }

  #entry(page: number): number {
    const leaf = this.#leafOf(page);
    return leaf === 0 ? 0 : (this.#tables.entries[leaf * ENTRIES + (page & IN_TABLE)] as number);
  }

  /** Where the entry of a page is; its tables are made if they are not there. */
  #slot(page: number): number {
    let leaf = this.#leafOf(page);
    if (leaf === 0) {
      leaf = this.#makeLeaf(page);
      this.#leaf = leaf;
    }
    return leaf * ENTRIES + (page & IN_TABLE);
  }

  /** Sets an entry that was zero. */
  #fill(at: number, entry: number): void {
    const { entries, used } = this.#tables;
    entries[at] = entry;
    const leaf = at >>> TABLE_SHIFT;
    used[leaf] = (used[leaf] as number) + 1;
  }

  /** Clears an entry whose frame has gone elsewhere. */
  #empty(page: number): void {
    const { entries, used } = this.#tables;
    const leaf = this.#leafOf(page);
    entries[leaf * ENTRIES + (page & IN_TABLE)] = 0;
    const left = (used[leaf] as number) - 1;
    used[leaf] = left;
    if (left === 0) this.#dropLeaf(page, leaf);
  }

  #leafOf(page: number): number {
    const region = Math.floor(page / ENTRIES);
    if (region === this.#region) return this.#leaf;
    this.#region = region;
    this.#leaf = this.#walk(page);
    return this.#leaf;
  }

  #walk(page: number): number {
    const { entries } = this.#tables;
    const upper = Math.floor(page / PAGES_UPPER);
    const second = entries[this.#root * ENTRIES + (upper >>> TABLE_SHIFT)] as number;
    if (second === 0) return 0;
    const third = entries[second * ENTRIES + (upper & IN_TABLE)] as number;
    if (third === 0) return 0;
    return entries[third * ENTRIES + ((page >>> TABLE_SHIFT) & IN_TABLE)] as number;
  }

  #makeLeaf(page: number): number {
    const upper = Math.floor(page / PAGES_UPPER);
    const second = this.#child(this.#root * ENTRIES + (upper >>> TABLE_SHIFT));
    const third = this.#child(second * ENTRIES + (upper & IN_TABLE));
    return this.#child(third * ENTRIES + ((page >>> TABLE_SHIFT) & IN_TABLE));
  }

  #child(at: number): number {
    const known = this.#tables.entries[at] as number;
    if (known !== 0) return known;
    const made = this.#tables.take();
    this.#tables.entries[at] = made;
    return made;
  }

  #dropLeaf(page: number, leaf: number): void {
    const { entries } = this.#tables;
    const upper = Math.floor(page / PAGES_UPPER);
    const second = entries[this.#root * ENTRIES + (upper >>> TABLE_SHIFT)] as number;
    const third = entries[second * ENTRIES + (upper & IN_TABLE)] as number;
    entries[third * ENTRIES + ((page >>> TABLE_SHIFT) & IN_TABLE)] = 0;
    this.#tables.give(leaf);
    this.#region = -1;
  }

  #below(table: number): number[] {
    const found: number[] = [];
    for (let at = table * ENTRIES; at < (table + 1) * ENTRIES; at++) {
      const child = this.#tables.entries[at] as number;
      if (child !== 0) found.push(child);
    }
    return found;
  }
}

function regionStart(page: number): number {
  return Math.floor(page / ENTRIES) * ENTRIES;
}

/** The first page of the next 2 MiB. */
function regionEnd(page: number): number {
  return (Math.floor(page / ENTRIES) + 1) * ENTRIES;
}
