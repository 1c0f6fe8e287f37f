// MADV_FREE (as Linux madvise_free_pte_range): pages stay mapped and readable, but their contents
// may go whenever memory is wanted, until they are written again. They stand among files, since
// they need no swap to go.

import { LruKind, PG } from "../abi";
import { flagClear } from "../frame/flags";
import { frameAddress } from "../frame/frame";
import { lruMoveTo } from "../frame/lru";
import { Mm } from "../map/mm";
import { A, D, P, ptePfn, S } from "../map/pte";
import { frameClean, isLastOwner } from "../map/rmap";
import { isSwap, slotPut, swapSlot } from "../map/swap";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteSet, tableTrim } from "../map/table";
import { isLeftLocked } from "./left-locked";

function freeLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (isSwap(pte)) {
      pteSet(slot, 0);
      slotPut(swapSlot(pte));
      continue;
    }
    if (!(pte & P) || pte & S) continue;
    const pfn = ptePfn(pte);
    // A page that others map as well must keep what they may have written.
    if (!isLastOwner(pfn)) continue;
    store<u64>(slot, pte & ~(A | D));
    frameClean(pfn);
    flagClear(PG.referenced, pfn);
    if (isLeftLocked(pfn)) continue;
    flagClear(PG.swapbacked, pfn);
    lruMoveTo(pfn, LruKind.InactiveFile);
  }
}

/** Marks the anonymous pages of [start, end) as free to drop. */
export function freeRange(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    freeLeaf(leafPfn(mm, at), leafIndex(at), <u32>((stop - at) >> 12));
    tableTrim(mm, at);
    at = leafSeek(mm, stop, end);
  }
}
