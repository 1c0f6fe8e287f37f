// What the engine announced during one operation: which present pages, before it changed them.
//
// Written by the exporter, which is called before the commit: a page that it holds was present
// before the operation, because it takes hold of new pages between operations only.

import { PageSet } from "./page-set.ts";

export class NoticeLog {
  /** Pages announced since the last `begin`. */
  readonly pages = new PageSet();
  /** Notices that the exporter got, in all; releases are counted apart. */
  told = 0;
  releases = 0;

  begin(): void {
    this.pages.clear();
  }
}
