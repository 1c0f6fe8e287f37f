// The pool of huge pages (as Linux mm/hugetlb.c, struct hstate): blocks of 512 frames, taken from
// the buddy once and never given back to it.
//
//            hugeTake                       hugeDrop: the last reference
//   free ───────────────▶ in use ────────────────────────────────────────▶ free
//
//   frame      flags              record
//   first      hugetlb, head      counts, owner and index of the whole page; lruNext: the next free
//   others     hugetlb, tail      nothing but the list of their own export records
//
// A promise is a free page that nobody may take but whom it was made to: an area of private huge
// pages, a file of shared ones, a plan. An owner that lets go of a page is promised it again, also
// while a fork child still has it: the page is lent (Linux: hugetlb_restore_reserve), and counts
// as if it were free. So areas and files may have more promises than there are free pages, and then
// a fault is SIGBUS all the same; a plan's are always there.
//
//            the owner lets go, others have it        the last of them lets go
//   in use ─────────────────────────────────▶ lent ────────────────────────────▶ free
//
// Invariants
//   G1  A huge page is 512 aligned frames with PG.hugetlb, the first with PG.head, the others with
//       PG.tail and without counts.
//   G2  The list of free huge pages has every one without a reference once, and is as long as
//       `hugeFree` says.
//   G3  `hugePromised` is what areas, files and plans were promised, and at most what is free or
//       lent; what plans were promised is free.
//   G6  A lent huge page has PG.private_ and is in use, and `hugeLent` counts them.
//   G5  refcount of a huge page = mapcount + 1 for the page cache + export records of all its
//       frames.
//
// Written by: this file. Read by: map/, op/, the checkers.

import { HUGE_FRAMES, HUGE_ORDER, PAGE_SHIFT, PG, Status, Vmstat } from "../abi";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { frameAlloc, frameFree } from "./buddy";
import { flagClearRange, flagSetRange } from "./flag-range";
import { flagClear, flagSet, flagsClear, flagTest } from "./flags";
import { frameAddress, frameOf } from "./frame";

/** Huge pages of the pool (Linux: nr_huge_pages). */
export let hugeTotal: u32 = 0;
/** Of these, how many nobody uses (free_huge_pages). */
export let hugeFree: u32 = 0;
/** Promises; Linux's resv_huge_pages is this without what is lent. */
export let hugePromised: u32 = 0;
/** Of these, how many to plans: they are free. */
export let hugePlanned: u32 = 0;
/** Huge pages that are lent. */
export let hugeLent: u32 = 0;
/** First free one, 0 for none. */
export let hugeFirst: u32 = 0;

/** Flags that a huge page keeps while it is free. */
const AT_FREE: u32 = ~((1 << PG.hugetlb) | (1 << PG.head));
const BYTES: usize = (<usize>HUGE_FRAMES) << PAGE_SHIFT;

/** Is `pfn` a frame of a huge page? */
export function isHugeFrame(pfn: u32): bool {
  return hugeTotal != 0 && flagTest(PG.hugetlb, pfn);
}

/** The frame that has the counts for `pfn`: its own, or of a huge page the first one. */
export function headOf(pfn: u32): u32 {
  return isHugeFrame(pfn) ? pfn & ~(HUGE_FRAMES - 1) : pfn;
}

/**
 * Makes the pool, once.
 * @returns EBUSY when there is one; ENOMEM, and nothing is taken, when there are not so many
 * blocks.
 */
export function hugePoolInit(count: u32): i32 {
  if (hugeTotal) return Status.EBUSY;
  for (let i: u32 = 0; i < count; i++) {
    const pfn = frameAlloc(HUGE_ORDER);
    if (!pfn) {
      poolUndo();
      return Status.ENOMEM;
    }
    blockMark(pfn);
    push(pfn);
    hugeTotal++;
  }
  statAdd(Vmstat.hugepages_total, count);
  return Status.Ok;
}

function blockMark(pfn: u32): void {
  flagSetRange(PG.hugetlb, pfn, pfn + HUGE_FRAMES);
  flagSetRange(PG.tail, pfn + 1, pfn + HUGE_FRAMES);
  flagSet(PG.head, pfn);
}

function poolUndo(): void {
  while (hugeFirst) {
    const pfn = pop();
    flagClearRange(PG.hugetlb, pfn, pfn + HUGE_FRAMES);
    flagClearRange(PG.tail, pfn + 1, pfn + HUGE_FRAMES);
    flagClear(PG.head, pfn);
    frameFree(pfn, HUGE_ORDER);
  }
  hugeTotal = 0;
}

function push(head: u32): void {
  frameOf(head).lruNext = hugeFirst;
  hugeFirst = head;
  hugeFree++;
  statAdd(Vmstat.hugepages_free, 1);
}

function pop(): u32 {
  const head = hugeFirst;
  hugeFirst = frameOf(head).lruNext;
  frameOf(head).lruNext = 0;
  hugeFree--;
  statAdd(Vmstat.hugepages_free, -1);
  return head;
}

/** Huge pages that can be promised. */
function hugePromisable(): u32 {
  return hugeFree + hugeLent - hugePromised;
}

/** Free huge pages that are promised to nobody. */
export function hugeAvailable(): u32 {
  return min(hugePromisable(), hugeFree - hugePlanned);
}

/** Promises `count` huge pages; false, and nothing has changed, when there are not so many. */
export function hugePromise(count: u64): bool {
  if (!count) return true;
  if (count > <u64>hugePromisable()) return false;
  hugePromised += <u32>count;
  statAdd(Vmstat.hugepages_rsvd, <f64>count);
  return true;
}

/** The same to a plan: they are free, and stay so until it is over. */
export function hugePlan(count: u32): bool {
  if (count > hugeAvailable() || !hugePromise(count)) return false;
  hugePlanned += count;
  return true;
}

export function hugeUnplan(count: u32): void {
  if (CHECK) assert(count <= hugePlanned, "G3: more than was planned");
  hugePlanned -= count;
  hugeUnpromise(count);
}

/** The owner lets go of `head`, which is promised to it again from now on, whoever still has it. */
export function hugeLend(head: u32): void {
  if (CHECK) assert(!flagTest(PG.private_, head), "G6: a huge page is lent twice");
  flagSet(PG.private_, head);
  hugeLent++;
  statAdd(Vmstat.hugepages_lent, 1);
  hugePromised++;
  statAdd(Vmstat.hugepages_rsvd, 1);
}

/** Takes a promise back. */
export function hugeUnpromise(count: u32): void {
  if (!count) return;
  if (CHECK) assert(count <= hugePromised, "G3: more than was promised");
  hugePromised -= count;
  statAdd(Vmstat.hugepages_rsvd, -(<f64>count));
}

/**
 * Takes a huge page with one reference; its bytes are anything. A `promised` one uses the promise
 * up.
 * @returns its first frame, or 0 when every free one is promised to others, or what was promised is
 * still lent.
 */
export function hugeTake(promised: bool): u32 {
  if (hugeFree == hugePlanned || (!promised && !hugeAvailable())) return 0;
  if (promised) hugeUnpromise(1);
  const head = pop();
  frameOf(head).refcount = 1;
  return head;
}

/** The last that had a lent page has let go. */
function giveBack(): void {
  hugeLent--;
  statAdd(Vmstat.hugepages_lent, -1);
}

/** One reference less; the last one frees it, and with it its owner and its flags. */
export function hugeDrop(head: u32): void {
  const frame = frameOf(head);
  frame.refcount--;
  if (frame.refcount) return;
  if (CHECK) assert(frame.mapcount == 0, "a huge page that is mapped is freed");
  frame.mapping = 0;
  frame.index = 0;
  if (flagTest(PG.private_, head)) giveBack();
  flagsClear(AT_FREE, head);
  push(head);
}

export function hugeZero(head: u32): void {
  memory.fill(frameAddress(head), 0, BYTES);
}

export function hugeCopy(to: u32, from: u32): void {
  memory.copy(frameAddress(to), frameAddress(from), BYTES);
}
