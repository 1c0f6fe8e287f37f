// MADV_PAGEOUT (as Linux madvise_pageout and shrink_folio_list): anonymous pages that one pte alone
// maps go to swap, those that MADV_FREE marked and nobody has written since are dropped. Pages of
// files go where one pte alone maps them, too: everybody here may write to every file.
//
//   page                                       becomes
//   MADV_FREE, not written since               nothing
//   MADV_FREE, written again                   an ordinary page, still there: it goes the next time
//   any other that one pte alone maps          a swap entry; its frame waits to be written
//   of a file in memory                        nothing: the file has it in swap (swap-shared.ts),
//                                              or, where it was never written, does without
//   of a file with a backing, clean            nothing: it can be read again
//   shared with another pte, merged, dirty of a disk, locked: left alone

import { Demand, LruKind, PG, Reason, VM_HUGETLB, VM_LOCKED, VM_PFNMAP, Vmstat } from "../abi";
import { flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { lruMoveTo } from "../frame/lru";
import { writebackSet } from "../map/dirty";
import { isMerged } from "../map/ksm";
import { isShmem, Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { D, P, ptePfn, S } from "../map/pte";
import { frameUnmap } from "../map/rmap";
import { softDirtyToSwap } from "../map/soft-dirty";
import { slotTake, swapEntry, swapSlots } from "../map/swap";
import { leafEnd, leafSeek, pteGet, pteSet, pteSlot, tableTrim } from "../map/table";
import { statAdd } from "../mem/vmstat";
import { Notice, noticePage } from "../plan/notice";
import { mustTell } from "../plan/plan";
import { evictApply, frozenInFile, hasSwap } from "./evict";
import { isLeftLocked, passOver } from "./left-locked";
import { isUntouched } from "./swap-shared";

/** Areas that nothing is paged out of: EINVAL. */
export const UNEVICTABLE: u32 = VM_LOCKED | VM_PFNMAP | VM_HUGETLB;

/** Is the page behind a pte one that this pte alone maps, and nobody is busy with? */
function isAlone(pte: u64): bool {
  if (!(pte & P) || pte & S) return false;
  const pfn = ptePfn(pte);
  if (flagTest(PG.pagecache, pfn)) return frameOf(pfn).mapcount == 1 && isOfFileAlone(pfn, pte);
  if (!swapSlots) return false;
  const busy = flagTest(PG.swapcache, pfn) || flagTest(PG.pinned, pfn) || isMerged(pfn);
  return flagTest(PG.anon, pfn) && frameOf(pfn).mapcount == 1 && !busy;
}

/** The same of a page of a file: whether it has somewhere to go, too. */
function isOfFileAlone(pfn: u32, pte: u64): bool {
  const mapping = changetype<Mapping>(frameOf(pfn).mapping);
  const isDirty = (pte & D) != 0;
  const goes = isShmem(mapping)
    ? hasSwap() || isUntouched(pfn, isDirty)
    : mapping.isBacked != 0 && !isDirty && !flagTest(PG.dirty, pfn);
  if (!goes || !frameOf(pfn).lru || frozenInFile(pfn)) return false;
  const isBusy = flagTest(PG.writeback, pfn) || flagTest(PG.swapcache, pfn);
  return !isBusy && !flagTest(PG.pinned, pfn) && !flagTest(PG.quarantine, pfn);
}

/** Does a page that is alone stay all the same, for want of room in swap? Nobody is told of it. */
function lacksSwap(pfn: u32): bool {
  return flagTest(PG.anon, pfn) && flagTest(PG.swapbacked, pfn) && !hasSwap();
}

/** Adds a notice for each page of [start, end) that will be looked at. */
export function pageoutPlan(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    for (; at < stop; at += 4096) {
      const pte = pteGet(mm, at);
      const pfn = ptePfn(pte);
      if (!isAlone(pte) || isLeftLocked(pfn) || lacksSwap(pfn)) continue;
      if (mustTell(mm, at, at + 4096)) noticePage(pfn, Reason.Evict, Demand.All);
    }
    at = leafSeek(mm, stop, end);
  }
}

/** A page that MADV_FREE marked: dropped when clean, an ordinary one again when not. */
function lazyFree(slot: usize, pte: u64, pfn: u32): void {
  if (pte & D || flagTest(PG.dirty, pfn)) {
    flagSet(PG.swapbacked, pfn);
    lruMoveTo(pfn, LruKind.ActiveAnon);
    return;
  }
  pteSet(slot, 0);
  frameUnmap(pfn);
  statAdd(Vmstat.pglazyfreed, 1);
}

/** Swaps one page out; where no slot is left it stays. */
function swapOut(slot: usize, pte: u64, pfn: u32): void {
  const taken = slotTake(pfn);
  if (!taken) return;
  pteSet(slot, swapEntry(taken - 1, true) | softDirtyToSwap(pte));
  frameUnmap(pfn);
  writebackSet(pfn);
}

/** In a commit: the notice of the next page that was told of. */
let told: usize = 0;

/** Begins a commit with the notices of its plan, or ends it with 0. */
export function pageoutTold(notices: usize): void {
  told = notices;
}

/** Goes past the notice of `pfn`, where it has one: they are in the order of the pages. */
function wasTold(pfn: u32): bool {
  if (!told || changetype<Notice>(told).pfn != pfn) return false;
  told = changetype<Notice>(told).next;
  return true;
}

/** Takes one page out, which nobody has to be told of any more. */
function takeOut(slot: usize, pte: u64, pfn: u32): void {
  if (flagTest(PG.pagecache, pfn)) evictApply(pfn);
  else if (flagTest(PG.swapbacked, pfn)) swapOut(slot, pte, pfn);
  else lazyFree(slot, pte, pfn);
}

/**
 * What becomes of a page. One that could not go yet when the others were told of was not told of:
 * it stays with who holds it.
 */
function pageOut(mm: Mm, page: u64): void {
  const slot = pteSlot(mm, page);
  const pte = load<u64>(slot);
  const pfn = ptePfn(pte);
  const isTold = (pte & P) != 0 && wasTold(pfn);
  if (!isAlone(pte)) return;
  if (isLeftLocked(pfn)) passOver(pfn);
  else if (isTold || !mustTell(mm, page, page + 4096)) takeOut(slot, pte, pfn);
}

/** Pages [start, end) of `mm` out. */
export function pageoutRange(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const first = at;
    const stop = leafEnd(at, end);
    for (; at < stop; at += 4096) pageOut(mm, at);
    tableTrim(mm, first);
    at = leafSeek(mm, stop, end);
  }
}
