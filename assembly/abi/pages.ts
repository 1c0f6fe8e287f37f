// What looking at pages crosses the boundary with.
//
// Part of the contract: imported through abi.ts by both sides.

/** Words of one range that `pagemap_scan` writes to the window. */
export const enum ScanRange {
  StartLo,
  StartHi,
  EndLo,
  EndHi,
  /** PAGE_IS_… */
  Categories,
  Spare,
  LENGTH,
}

/**
 * Numbers of f64 that `area_smaps` writes to the window: bytes; those that are proportional, and
 * what is locked, in 1 / 4096 of a byte.
 */
export const enum Smaps {
  Rss,
  Pss,
  PssDirty,
  PssAnon,
  PssFile,
  PssShmem,
  SharedClean,
  SharedDirty,
  PrivateClean,
  PrivateDirty,
  Referenced,
  Anonymous,
  Ksm,
  LazyFree,
  Swap,
  SwapPss,
  Locked,
  COUNT,
}

/** Which references are forgotten: what Linux takes in /proc/PID/clear_refs. */
export const enum ClearRefs {
  All = 1,
  Anonymous = 2,
  Mapped = 3,
}

/** Most frames whose places are asked for in one call. */
export const PLACES_BATCH_MAX: u32 = 4096;

/** Words of one place, after PLACES_BATCH_MAX words of the window. */
export const enum PlaceEntry {
  Pfn,
  Mm,
  AddressLo,
  AddressHi,
  LENGTH,
}
