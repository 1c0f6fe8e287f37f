// The LRU lists (as Linux mm/swap.c and struct lruvec): every page of a user in one list, in the
// order in which reclaim looks at them. Each group of address spaces has four of its own.
//
//            a page is new, or was rotated
//                       │
//          ┌────────────▼─────────────┐   referenced twice    ┌──────────────────────────┐
//          │ head   inactive     tail ├──────────────────────▶│ head    active      tail │
//          └──────────────────────┬───┘◀──────────────────────┴──────────────────────────┘
//                                 ▼          not looked at for a round of the active list
//                              reclaimed
//
//   list = 1 + 4 × group + kind; 0 is none. Links are frame numbers: lruNext leads to older ones.
//
// Frames are handed out ascending, so pages that were faulted in one after another stand beside
// each other here too: a run of them leaves with one repair at each end (`lruRemoveRun`).
//
// Invariants
//   L6  A frame whose `lru` is n is in list n exactly once, and the list counts its frames.
//   L7  nr_inactive_anon, nr_active_anon, … are the sums of the lists' counts over all groups.
//   L8  Every anonymous page that is mapped, and every page that a file or swap caches, is in a
//       list; no frame of the allocator, of a pool or of a page table is.
//   L9  Lists of anonymous pages have what PG.swapbacked says is that, lists of files the others.
//
// Written by: this file, for whoever makes, moves and frees pages. Read by: op/shrink.ts.

import { GROUPS_MAX, LRU_KINDS, LruKind, PG, Vmstat } from "../abi";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { flagClear, flagSet, flagTest } from "./flags";
import { frameOf } from "./frame";

@unmanaged
export class LruList {
  /** Added last; 0 at both ends of an empty list. */
  head: u32;
  /** What reclaim looks at first. */
  tail: u32;
  count: u32;
}

/** Lists that there are, with the unused list 0. */
export const LISTS: u32 = 1 + LRU_KINDS * GROUPS_MAX;
/** The highest list that was ever used, for the checker; kept where checks are on. */
export let lruTop: u32 = 0;
const lists: usize = memory.data(<i32>(offsetof<LruList>() * LISTS), 16);

/** The list of `kind` that a group has. */
export function lruOf(group: u32, kind: LruKind): u32 {
  return 1 + group * LRU_KINDS + <u32>kind;
}

export function lruKind(list: u32): LruKind {
  return <LruKind>((list - 1) % LRU_KINDS);
}

/** The group that a list belongs to: who pays for the pages in it. */
export function lruGroup(list: u32): u32 {
  return (list - 1) / LRU_KINDS;
}

export function lruList(list: u32): LruList {
  if (CHECK) assert(list != 0 && list < LISTS, "no such LRU list");
  return changetype<LruList>(lists + <usize>list * offsetof<LruList>());
}

function count(list: u32, delta: i32): void {
  lruList(list).count += delta;
  statAdd(Vmstat.nr_inactive_anon + lruKind(list), delta);
}

/** Puts `pfn`, which is in no list, at the head of `list`. */
export function lruAdd(pfn: u32, list: u32): void {
  const at = lruList(list);
  const frame = frameOf(pfn);
  if (CHECK) assert(frame.lru == 0, "L6: a page is added twice");
  if (CHECK) lruTop = max(lruTop, list);
  const first = at.head;
  frame.lru = <u16>list;
  frame.lruNext = first;
  if (first) frameOf(first).lruPrev = pfn;
  else at.tail = pfn;
  at.head = pfn;
  count(list, 1);
}

/** Takes the `size` frames from `first` on out: they stand side by side, the last one first. */
export function lruRemoveRun(first: u32, size: u32): void {
  const oldest = frameOf(first);
  const newest = frameOf(first + size - 1);
  const list = oldest.lru;
  const at = lruList(list);
  const before = newest.lruPrev;
  const after = oldest.lruNext;
  if (before) frameOf(before).lruNext = after;
  else at.head = after;
  if (after) frameOf(after).lruPrev = before;
  else at.tail = before;
  count(list, -(<i32>size));
}

/** Takes `pfn` out of its list. */
export function lruRemove(pfn: u32): void {
  lruRemoveRun(pfn, 1);
  const frame = frameOf(pfn);
  frame.lru = 0;
  frame.lruNext = 0;
  frame.lruPrev = 0;
}

/** Moves `pfn` to the head of `list`, which may be its own. */
export function lruMove(pfn: u32, list: u32): void {
  lruRemove(pfn);
  lruAdd(pfn, list);
}

/** Moves `pfn` to the head of its group's list of `kind`. */
export function lruMoveTo(pfn: u32, kind: LruKind): void {
  lruMove(pfn, lruOf(lruGroup(frameOf(pfn).lru), kind));
}

/** `fresh`, which is in no list, takes the place of `old`. */
export function lruReplace(old: u32, fresh: u32): void {
  const from = frameOf(old);
  const to = frameOf(fresh);
  const at = lruList(from.lru);
  to.lru = from.lru;
  to.lruNext = from.lruNext;
  to.lruPrev = from.lruPrev;
  if (to.lruPrev) frameOf(to.lruPrev).lruNext = fresh;
  else at.head = fresh;
  if (to.lruNext) frameOf(to.lruNext).lruPrev = fresh;
  else at.tail = fresh;
  from.lru = 0;
  from.lruNext = 0;
  from.lruPrev = 0;
}

export function isActive(list: u32): bool {
  const kind = lruKind(list);
  return kind == LruKind.ActiveAnon || kind == LruKind.ActiveFile;
}

/** Anonymous or shared memory, as the lists tell it: what needs swap to go. */
export function isSwapBacked(list: u32): bool {
  return lruKind(list) <= LruKind.ActiveAnon;
}

/** The page is worth keeping: to the active list (Linux: folio_activate). */
export function lruActivate(pfn: u32): void {
  flagClear(PG.referenced, pfn);
  const list = frameOf(pfn).lru;
  if (isActive(list)) return;
  lruMove(pfn, list + 1);
  statAdd(Vmstat.pgactivate, 1);
}

/** To the head of the inactive list (Linux: folio_deactivate). */
export function lruDeactivate(pfn: u32): void {
  flagClear(PG.referenced, pfn);
  const list = frameOf(pfn).lru;
  if (!isActive(list)) return;
  lruMove(pfn, list - 1);
  statAdd(Vmstat.pgdeactivate, 1);
}

/** A page that is read or written by file is active the second time (Linux: mark_page_accessed). */
export function lruMarkAccessed(pfn: u32): void {
  if (!flagTest(PG.referenced, pfn)) flagSet(PG.referenced, pfn);
  else if (!isActive(frameOf(pfn).lru)) lruActivate(pfn);
}
