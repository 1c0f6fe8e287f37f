// MADV_COLD (as Linux madvise_cold_or_pageout_pte_range): pages stay, but are the first to go when
// memory is wanted. One that others map as well is theirs to judge.

import { PG } from "../abi";
import { flagClear } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { lruDeactivate } from "../frame/lru";
import { Mm } from "../map/mm";
import { A, P, ptePfn, S } from "../map/pte";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "../map/table";

function coolLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (!(pte & P) || pte & S) continue;
    const pfn = ptePfn(pte);
    if (frameOf(pfn).mapcount != 1 || !frameOf(pfn).lru) continue;
    store<u64>(slot, pte & ~A);
    flagClear(PG.referenced, pfn);
    lruDeactivate(pfn);
  }
}

/** Marks the pages of [start, end) as not used lately. */
export function coolRange(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    coolLeaf(leafPfn(mm, at), leafIndex(at), <u32>((stop - at) >> 12));
    at = leafSeek(mm, stop, end);
  }
}
