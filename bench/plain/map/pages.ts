// A page table as a Map from page number to an object.
//
// Invariants
//   M1  An entry counts once among the users of its frame (the zero page aside).
//   M2  `canWrite` only where a write needs no fault: the frame is nobody else's, or meant for all.

import { PAGE } from "../../memory.ts";
import type { PageRights, Pages } from "../storage.ts";
import { type Frame, type FramePool, ZERO_PAGE } from "./frame-pool.ts";
import type { SharedObjects } from "./shared-objects.ts";

interface Entry {
  frame: Frame;
  canWrite: boolean;
  canAccess: boolean;
}

export class MapPages implements Pages {
  readonly #frames: FramePool;
  readonly #objects: SharedObjects;
  readonly #entries = new Map<number, Entry>();

  constructor(frames: FramePool, objects: SharedObjects) {
    this.#frames = frames;
    this.#objects = objects;
  }

  load(address: number): number {
    const entry = this.#entries.get(Math.floor(address / PAGE));
    if (entry === undefined || !entry.canAccess) return -1;
    return entry.frame.bytes[address % PAGE] as number;
  }

  store(address: number, byte: number): boolean {
    const entry = this.#entries.get(Math.floor(address / PAGE));
    if (entry === undefined || !entry.canWrite) return false;
    entry.frame.bytes[address % PAGE] = byte;
    return true;
  }

  isPresent(page: number): boolean {
    return this.#entries.has(page);
  }

  faultPrivate(page: number, isWrite: boolean): void {
    const entry = this.#entries.get(page);
    if (entry === undefined) {
      const frame = isWrite ? this.#frames.takeZeroed() : ZERO_PAGE;
      this.#entries.set(page, { frame, canWrite: isWrite, canAccess: true });
    } else if (isWrite && !entry.canWrite) {
      entry.frame = this.#own(entry.frame);
      entry.canWrite = true;
    }
  }

  faultShared(page: number, object: number, index: number, canWrite: boolean): void {
    const known = this.#entries.get(page);
    if (known !== undefined) {
      known.canWrite = canWrite;
      return;
    }
    const frame = this.#objects.frame(object, index);
    frame.users++;
    this.#entries.set(page, { frame, canWrite, canAccess: true });
  }

  zap(start: number, end: number): void {
    this.#each(start, end, (page, entry) => {
      this.#frames.drop(entry.frame);
      this.#entries.delete(page);
    });
  }

  protect(start: number, end: number, { canAccess, canWrite }: PageRights): void {
    this.#each(start, end, (_, entry) => {
      entry.canAccess = canAccess;
      entry.canWrite = canWrite && entry.frame.users === 1;
    });
  }

  move(from: number, to: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const entry = this.#entries.get(from + index);
      if (entry === undefined) continue;
      this.#entries.delete(from + index);
      this.#entries.set(to + index, entry);
    }
  }

  copyTo(child: MapPages, start: number, end: number): void {
    const copies = child.#entries;
    this.#each(start, end, (page, entry) => {
      const { frame, canAccess } = entry;
      entry.canWrite = false;
      if (frame !== ZERO_PAGE) frame.users++;
      copies.set(page, { frame, canWrite: false, canAccess });
    });
  }

  clear(): void {
    for (const { frame } of this.#entries.values()) this.#frames.drop(frame);
    this.#entries.clear();
  }

  present(start: number, end: number): number[] {
    const found: number[] = [];
    this.#each(start, end, (page) => found.push(page));
    return found.sort((a, b) => a - b);
  }

  sharers(page: number): number {
    const frame = this.#entries.get(page)?.frame ?? ZERO_PAGE;
    return frame === ZERO_PAGE ? 0 : frame.users;
  }

  frame(page: number): Frame | undefined {
    return this.#entries.get(page)?.frame;
  }

  translate(start: number, end: number): number {
    let found = 0;
    for (let page = start; page < end; page++) if (this.frame(page) !== undefined) found++;
    return found;
  }

  bytes(page: number): Uint8Array {
    return (this.#entries.get(page)?.frame ?? ZERO_PAGE).bytes;
  }

  /** A frame that one page alone may write: the same if it was alone already, else a copy. */
  #own(frame: Frame): Frame {
    if (frame === ZERO_PAGE) return this.#frames.takeZeroed();
    if (frame.users === 1) return frame;
    const copy = this.#frames.takeCopy(frame);
    this.#frames.drop(frame);
    return copy;
  }

  /**
   * Visits the entries of a range: by key, from the top down, so that the stack of free frames
   * gives the lowest first; or by walking all of them where that is less.
   */
  #each(start: number, end: number, visit: (page: number, entry: Entry) => void): void {
    if (end - start > this.#entries.size) {
      for (const [page, entry] of this.#entries) {
        if (page >= start && page < end) visit(page, entry);
      }
      return;
    }
    for (let page = end - 1; page >= start; page--) {
      const entry = this.#entries.get(page);
      if (entry !== undefined) visit(page, entry);
    }
  }
}
