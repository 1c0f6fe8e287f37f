// Pages that stay locked in an area that no longer is (as Linux mm/mlock.c and mm/mremap.c:
// dontunmap_complete). MREMAP_DONTUNMAP takes the lock from all of the old area, also from what did
// not move; nobody unlocks the pages there, so that reclaim passes over them from then on.
//
//              the lock is taken away          MADV_PAGEOUT passes over it
//   ordinary ─────────────────────────▶ counted ──────────────────────────▶ uncounted
//      ▲                                                                       │
//      └─────────────────────────────── munlock ──────────────────────────────┘
//
//   counted    PG.mlocked, PG.unevictable: an munlock takes back its own mlock, and this is left
//   uncounted  PG.mlocked
//
// Pages of areas that are locked have neither flag: the area says it.
//
// Invariants
//   R7  PG.unevictable implies PG.mlocked, and PG.mlocked implies PG.anon.

import { PG } from "../abi";
import { flagClear, flagSet, flagsLive, flagTest } from "../frame/flags";
import { Mm } from "../map/mm";
import { P, ptePfn, S } from "../map/pte";
import { leafEnd, leafSeek, pteGet } from "../map/table";

const MLOCKED: u32 = 1 << PG.mlocked;

/** May the page in `pfn` not go, though its area is not locked? */
export function isLeftLocked(pfn: u32): bool {
  return (flagsLive & MLOCKED) != 0 && flagTest(PG.mlocked, pfn);
}

/** Reclaim has met the page and put it back: nothing counts its lock any more. */
export function passOver(pfn: u32): void {
  flagClear(PG.unevictable, pfn);
}

/** The lock of the area of [start, end) goes, and its pages keep theirs. */
export function leaveLocked(mm: Mm, start: u64, end: u64): void {
  for (let at = nextPage(mm, start, end); at < end; at = nextPage(mm, at + 4096, end)) {
    const pfn = ptePfn(pteGet(mm, at));
    flagSet(PG.mlocked, pfn);
    flagSet(PG.unevictable, pfn);
  }
}

/** munlock(2) of an area that was locked. */
export function unlockLeft(mm: Mm, start: u64, end: u64): void {
  if (!(flagsLive & MLOCKED)) return;
  for (let at = nextPage(mm, start, end); at < end; at = nextPage(mm, at + 4096, end)) {
    const pfn = ptePfn(pteGet(mm, at));
    if (!flagTest(PG.unevictable, pfn)) flagClear(PG.mlocked, pfn);
  }
}

/** First address of [from, end) with an anonymous page, or `end`. */
function nextPage(mm: Mm, from: u64, end: u64): u64 {
  let at = from < end ? leafSeek(mm, from, end) : end;
  while (at < end) {
    for (const stop = leafEnd(at, end); at < stop; at += 4096) {
      const pte = pteGet(mm, at);
      if (pte & P && !(pte & S) && flagTest(PG.anon, ptePfn(pte))) return at;
    }
    at = leafSeek(mm, at, end);
  }
  return end;
}
