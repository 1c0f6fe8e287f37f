// What reclaim and its callers both know: LRU lists, what becomes of pages, lists in the window.
//
// Part of the contract: imported through abi.ts by both sides.

/** The LRU lists that each group has; an active one follows its inactive one. */
export const enum LruKind {
  InactiveAnon,
  ActiveAnon,
  InactiveFile,
  ActiveFile,
}

/** What becomes of a page that reclaim looks at; from `Exported` on: why it is skipped. */
export const enum Fate {
  /** Gone, or on its way to swap. */
  Reclaimed,
  /** Used since it was looked at before: it stays, and may become active. */
  Kept,
  /** Held outside, or its address space is watched: somebody has to be told first. */
  Exported,
  /** Under the freeze of an open bracket. */
  Frozen,
  /** In an area that is locked (mlock). */
  Locked,
  Pinned,
  Quarantined,
  /** Being read or written by the host. */
  Busy,
  /** Of a file, and newer than what its backing has. */
  Dirty,
  /** Of a file without a backing: the cache is its contents. */
  Unbacked,
  /** No slot of swap is free. */
  NoSwap,
  COUNT,
}

/** Words that a scan of the LRU lists leaves in the window. */
export const enum ScanField {
  /** Pages of inactive lists that were looked at. */
  Scanned,
  /** Pages by what became of them: index with a Fate. */
  Fates,
  /** How many DirtyEntry records follow the words of the scan. */
  Listed = 12,
  LENGTH,
}

/** Dirty pages that one scan lists, at most. */
export const DIRTY_LIST_MAX: u32 = 256;

/** Words of one dirty page of a file that a scan has passed over; it may be there twice. */
export const enum DirtyEntry {
  Mapping,
  IndexLo,
  IndexHi,
  LENGTH,
}

/** Words of one candidate that `reclaim_age` writes to the window. */
export const enum Candidate {
  Pfn,
  /** References found in ptes and in what its holders marked, now cleared. */
  References,
  /** The file that it is a dirty page of, where a backing has that; else 0. */
  Mapping,
  IndexLo,
  IndexHi,
  LENGTH,
}
