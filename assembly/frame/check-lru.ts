// The checker of the LRU lists: which invariant of lru.ts does not hold.
//
// Written by: nobody. Read by: builds with checks, after each commit; tests, after each step.

import { LRU_KINDS, PG, Vmstat } from "../abi";
import { CHECK } from "../mem/assert";
import { FRAME_BYTES, frameCount, frameTable } from "../mem/layout";
import { statGet } from "../mem/vmstat";
import { flagNext, flagTest } from "./flags";
import { Frame, frameOf } from "./frame";
import { isSwapBacked, LISTS, lruKind, lruList, lruTop } from "./lru";

/** Numbers of broken invariants of the LRU lists. */
export const enum LruInvariant {
  None = 0,
  /** L6: a list's links, its count, or what its frames say of it. */
  List = 151,
  /** L7: a gauge is not the sum of its lists. */
  Gauge = 152,
  /** L8: a page that is in no list, or a frame in one that is no page. */
  Member = 153,
  /** L9: PG.swapbacked says other than the list. */
  Backing = 154,
}

/** Pages of each kind, over all groups. */
const sums = memory.data(4 * LRU_KINDS);

/** @returns the number of the first invariant of the LRU lists that does not hold, or 0. */
export function checkLru(): u32 {
  memory.fill(sums, 0, 4 * LRU_KINDS);
  let listed: u32 = 0;
  const last = CHECK ? lruTop : LISTS - 1;
  for (let list: u32 = 1; list <= last; list++) {
    const bad = checkList(list);
    if (bad) return bad;
    const at = sums + ((<usize>lruKind(list)) << 2);
    store<u32>(at, load<u32>(at) + lruList(list).count);
    listed += lruList(list).count;
  }
  for (let kind: u32 = 0; kind < LRU_KINDS; kind++) {
    const sum = load<u32>(sums + ((<usize>kind) << 2));
    if (statGet(Vmstat.nr_inactive_anon + kind) != <f64>sum) return LruInvariant.Gauge;
  }
  return checkMembers(listed);
}

function checkList(list: u32): u32 {
  const at = lruList(list);
  let before: u32 = 0;
  let seen: u32 = 0;
  for (let pfn = at.head; pfn; pfn = frameOf(pfn).lruNext) {
    const frame = frameOf(pfn);
    if (frame.lru != list || frame.lruPrev != before || seen == at.count) return LruInvariant.List;
    if (isSwapBacked(list) != flagTest(PG.swapbacked, pfn)) return LruInvariant.Backing;
    before = pfn;
    seen += 1;
  }
  return at.tail == before && seen == at.count ? LruInvariant.None : LruInvariant.List;
}

/** What says that it is in a list has been seen there, and what must be in one says so. */
function checkMembers(listed: u32): u32 {
  let count: u32 = 0;
  const end = frameTable + <usize>frameCount * FRAME_BYTES;
  for (let at = frameTable; at < end; at += FRAME_BYTES) {
    if (load<u16>(at, offsetof<Frame>("lru"))) count += 1;
  }
  if (isAnyListed(PG.slab) || isAnyListed(PG.table)) return LruInvariant.Member;
  if (count != listed) return LruInvariant.List;
  if (!areListed(PG.pagecache) || !areListed(PG.swapcache) || !areListed(PG.anon)) {
    return LruInvariant.Member;
  }
  return LruInvariant.None;
}

/** Whether every frame with `flag` that is a page is in a list; an anonymous one when mapped. */
function areListed(flag: PG): bool {
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    const isPage = flag != PG.anon || frameOf(pfn).mapcount != 0;
    if (isPage && !frameOf(pfn).lru && !flagTest(PG.hugetlb, pfn)) return false;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return true;
}

/** Whether a frame with `flag` is in a list. */
function isAnyListed(flag: PG): bool {
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    if (frameOf(pfn).lru) return true;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return false;
}
