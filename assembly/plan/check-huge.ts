// The checker of huge pages: the pool, its promises, and the counts of each page.
//
// Written by: nobody. Read by: check.ts, after the tickets, whose sum of needs it takes.

import { FileKind, HUGE_FRAMES, PG } from "../abi";
import { flagAll, flagCount } from "../frame/flag-range";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { hugeFirst, hugeFree, hugeLent, hugePlanned, hugePromised, hugeTotal } from "../frame/huge";
import { usedFirst, usedNext } from "../map/check-used";
import { promisesCached, promisesCount } from "../map/huge-promise";
import { Mapping, mappingPool } from "../map/mapping";
import { Mm, mmFirst } from "../map/mm";
import { Vma } from "../map/vma";
import { frameCount } from "../mem/layout";
import { sum } from "./check-ticket";
import { recordsOf } from "./record";

/** Numbers of broken invariants of huge pages; G4 is check-table.ts's. */
export const enum HugeInvariant {
  None = 0,
  /** G1: a block that is not aligned, or a frame of it with other flags, or counts. */
  Block = 801,
  /** G2: a free huge page that is not in the list, or the reverse, or another number of them. */
  FreeList = 802,
  /** G3: promised is not what areas, files and plans were promised, or more than there is. */
  Promise = 803,
  /** G5: refcount of a huge page. */
  RefCount = 805,
  /** G6: a huge page that nobody uses is lent, or another number of them is. */
  Lent = 806,
  /** G7: the promises of a file are not as many as it has bits, or one is for a cached page. */
  FilePromise = 807,
}

let idle: u32 = 0;
let lent: u32 = 0;

/** @returns the number of the first invariant of huge pages that does not hold, or 0. */
export function checkHugePool(): u32 {
  if (!hugeTotal) return flagNext(PG.hugetlb, 0, frameCount) < frameCount ? HugeInvariant.Block : 0;
  idle = 0;
  lent = 0;
  let count: u32 = 0;
  for (let head = flagNext(PG.head, 0, frameCount); head < frameCount; ) {
    const bad = checkBlock(head);
    if (bad) return bad;
    count += 1;
    head = flagNext(PG.head, head + 1, frameCount);
  }
  if (count != hugeTotal) return HugeInvariant.Block;
  if (flagCount(PG.hugetlb, 0, frameCount) != count * HUGE_FRAMES) return HugeInvariant.Block;
  if (flagCount(PG.tail, 0, frameCount) != count * (HUGE_FRAMES - 1)) return HugeInvariant.Block;
  if (!isListed()) return HugeInvariant.FreeList;
  if (lent != hugeLent) return HugeInvariant.Lent;
  if (!filesAreRight()) return HugeInvariant.FilePromise;
  const isThere = hugePromised <= hugeFree + hugeLent && hugePlanned <= hugeFree;
  const isRight = isThere && hugePlanned == sum.huge && promises() == hugePromised;
  return isRight ? HugeInvariant.None : HugeInvariant.Promise;
}

function checkBlock(head: u32): u32 {
  const end = head + HUGE_FRAMES;
  if (head & (HUGE_FRAMES - 1) || end > frameCount) return HugeInvariant.Block;
  const isMarked = flagAll(PG.hugetlb, head, end) && flagAll(PG.tail, head + 1, end);
  if (!isMarked || flagTest(PG.tail, head)) return HugeInvariant.Block;
  const frame = frameOf(head);
  if (frame.refcount && !tailsAreBare(head, end)) return HugeInvariant.Block;
  const cached: u32 = flagTest(PG.pagecache, head) ? 1 : 0;
  const held = frame.mapcount + cached + recordsIn(head, end);
  if (frame.refcount != held) return HugeInvariant.RefCount;
  if (!frame.refcount) idle += 1;
  if (!flagTest(PG.private_, head)) return HugeInvariant.None;
  if (!frame.refcount) return HugeInvariant.Lent;
  lent += 1;
  return HugeInvariant.None;
}

/** Looked at while the page is in use: nobody touches a free one. */
function tailsAreBare(head: u32, end: u32): bool {
  for (let pfn = head + 1; pfn < end; pfn++) {
    const frame = frameOf(pfn);
    if (frame.refcount || frame.mapcount || frame.mapping) return false;
  }
  return true;
}

function recordsIn(start: u32, end: u32): u32 {
  let count: u32 = 0;
  for (let pfn = flagNext(PG.exported, start, end); pfn < end; ) {
    count += recordsOf(pfn);
    pfn = flagNext(PG.exported, pfn + 1, end);
  }
  return count;
}

function isListed(): bool {
  let count: u32 = 0;
  for (let head = hugeFirst; head; head = frameOf(head).lruNext) {
    if (count == hugeFree || !flagTest(PG.head, head) || frameOf(head).refcount) return false;
    count += 1;
  }
  return count == hugeFree && idle == hugeFree;
}

function filesAreRight(): bool {
  for (let at = usedFirst(mappingPool); at; at = usedNext()) {
    const mapping = changetype<Mapping>(at);
    if (mapping.kind != FileKind.Huge) continue;
    if (promisesCount(mapping) != mapping.promised || promisesCached(mapping)) return false;
  }
  return true;
}

/** What areas, files and plans were promised. */
function promises(): u32 {
  let count = sum.huge;
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    for (let p = changetype<Mm>(at).first; p; p = changetype<Vma>(p).next) {
      count += changetype<Vma>(p).promised;
    }
  }
  for (let at = usedFirst(mappingPool); at; at = usedNext()) {
    count += changetype<Mapping>(at).promised;
  }
  return count;
}
