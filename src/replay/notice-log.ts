// What the engine announced during one operation: which present pages, before it changed them.
//
// Written by the exporter, which is called before the commit: a page that it holds was present
// before the operation, because it takes hold of new pages between operations only.

import type { Mm } from "../mm.ts";
import { PageSet } from "./page-set.ts";

/** The part of every address space that a recording knows of. */
export interface Scope {
  readonly start: number;
  readonly end: number;
}

export class NoticeLog {
  readonly scope: Scope;
  /** Pages announced since the last `begin`. */
  readonly pages = new PageSet();
  /** Notices that the exporter got, in all; releases are counted apart. */
  told = 0;
  releases = 0;

  constructor(scope: Scope = { start: 0, end: Number.POSITIVE_INFINITY }) {
    this.scope = scope;
  }

  /** A page that is announced; one that the recording cannot know of does not count. */
  add(mm: Mm, address: number): void {
    const { start, end } = this.scope;
    if (address >= start && address < end) this.pages.add(mm, address);
  }

  begin(): void {
    this.pages.clear();
  }
}
