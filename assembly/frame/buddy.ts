// The buddy allocator: blocks of 2**order frames, order 0..ORDER_MAX, always the lowest that fits.
//
// A block is not a record: an aligned run of 2**order bits of PG.free *is* a free block. So to
// split and to coalesce takes no work, and one frame costs one bit.
//
//   PG.free      1111 1111  0011 1111  1100 0000  …       orders 0..8: read from these bits
//                └ order 3 ┘  └2──┘└1┘  1            …
//   PG.buddy     set on the first frame of each line of 512 that is wholly free: order 9, and two
//                of them, aligned, order 10
//
// Frames are handed out in ascending order because zeroing and walking them is twice as fast so.
// Part of a block may be freed before the rest, frame by frame.
//
//   fresh ──frameAlloc──▶ in use ──frameFree──▶ free ──frameAlloc──▶ in use …
//   (free, never used:                          (free, junk)
//    all zero)
//
// Invariants
//   B1  `freeFrames()` is the number of bits of PG.free; frame 0 has PG.reserved and is never free.
//   B2  PG.buddy is set exactly on the first frame of each line that is wholly free.
//   B3  PG.fresh implies PG.free, and no other flag is set on a free frame.
//   B4  A free frame is mapped by nobody and exported by nobody; its record is all zero.
//   B5  No frame below `lowest` is free, no block of an order is free below the order's hint.
//   B6  What is reserved is free: `framesReserved() <= freeFrames()`.
//
// Written by: this file. Read by: everyone above.

import { ORDER_MAX, PAGE_SIZE, PG, Vmstat } from "../abi";
import { CHECK } from "../mem/assert";
import { FRAME_BYTES, frameCount, LINE_FRAMES, LINE_SHIFT } from "../mem/layout";
import { statAdd, statMax } from "../mem/vmstat";
import { blockNext, hintLower, hintsInit } from "./block";
import { flagAll, flagClearRange, flagSetRange } from "./flag-range";
import {
  flagClear,
  flagNext,
  flagSet,
  flagsClear,
  flagsInit,
  flagsLive,
  flagTest,
  flagWord,
  lineMark,
  lineSettle,
  WORD_FRAMES,
} from "./flags";
import { frameAddress, frameOf } from "./frame";
import { junkCheck, junkFill } from "./junk";

const BIT_FREE: u32 = 1 << PG.free;
const BIT_BUDDY: u32 = 1 << PG.buddy;
const BIT_FRESH: u32 = 1 << PG.fresh;
const BIT_RESERVED: u32 = 1 << PG.reserved;
/** Flags that end with the use of a frame; the others are this file's. */
const AT_FREE: u32 = ~(BIT_FREE | BIT_BUDDY | BIT_FRESH | BIT_RESERVED);
const ALL_ONES: u64 = -1;

/** What the allocator knows beside the bits. */
@unmanaged
export class Counts {
  /** Frames that are free. */
  free: u32;
  /** Of these, how many are set aside. */
  reserved: u32;
  /** No frame below is free. */
  lowest: u32;
  /** Fewest frames that ever were free. */
  fewest: u32;
}

/** The one there is. Written by this file alone. */
export const counts: Counts = changetype<Counts>(memory.data(<i32>offsetof<Counts>(), 16));

/** Index of the function that gives frames back, 0 for none. */
let shrinker: u32 = 0;
/** Frames that an allocation, or a reserve, did not find since `framesLackTake`. */
let lack: u32 = 0;

/** Whether what `takeOne` took last was fresh: its bytes are zero. */
let tookFresh: bool = false;

/** Makes every frame but frame 0 free and fresh. Precondition: memory is zero, as when grown. */
export function buddyInit(): void {
  flagsInit();
  flagSet(PG.reserved, 0);
  frameOf(0).refcount = 1;
  flagSetRange(PG.free, 1, frameCount);
  flagSetRange(PG.fresh, 1, frameCount);
  for (let head = LINE_FRAMES; head + LINE_FRAMES <= frameCount; head += LINE_FRAMES) {
    flagSet(PG.buddy, head);
  }
  counts.free = frameCount - 1;
  counts.fewest = counts.free;
  counts.reserved = 0;
  counts.lowest = 1;
  hintsInit();
}

/** @returns frames that nobody uses, with those that are reserved. */
export function freeFrames(): u32 {
  return counts.free;
}

/** @returns frames set aside by `framesReserve`. */
export function framesReserved(): u32 {
  return counts.reserved;
}

/** @returns frames that an allocation may take now: free, and not reserved. */
export function framesAvailable(): u32 {
  return counts.free - counts.reserved;
}

/** @returns the frame below which none is free. */
export function lowestFree(): u32 {
  return counts.lowest;
}

/**
 * Takes 2**order frames that lie together, aligned to as many: the lowest there are. Their bytes
 * are junk; their records are zero.
 *
 * @returns the first one, or 0 when there is none that is not reserved.
 */
export function frameAlloc(order: u32): u32 {
  if (CHECK) assert(order <= ORDER_MAX, "no such order");
  const count = (<u32>1) << order;
  if (counts.free - counts.reserved < count && !framesShrink(count)) {
    if (order == 0) framesLackAdd(1);
    return 0;
  }
  return order == 0 ? takeOne() : takeBlock(order);
}

/** Takes one frame whose bytes are zero. @returns it, or 0 when there is none. */
export function frameAllocZeroed(): u32 {
  if (counts.free <= counts.reserved && !framesShrink(1)) {
    framesLackAdd(1);
    return 0;
  }
  const pfn = takeOne();
  if (!tookFresh) memory.fill(frameAddress(pfn), 0, PAGE_SIZE);
  return pfn;
}

/** Takes one of the frames that the caller reserved. Cannot fail. Its bytes are junk. */
export function frameTake(): u32 {
  if (CHECK) assert(counts.reserved != 0, "nothing is reserved");
  counts.reserved -= 1;
  return takeOne();
}

/** As `frameTake`, with bytes that are zero. */
export function frameTakeZeroed(): u32 {
  if (CHECK) assert(counts.reserved != 0, "nothing is reserved");
  counts.reserved -= 1;
  return frameAllocZeroed();
}

/**
 * Gives back the 2**order frames from `pfn`, with their flags and records.
 *
 * Precondition: each is in use, mapped by nobody and exported by nobody.
 */
export function frameFree(pfn: u32, order: u32): void {
  if (CHECK) freeableCheck(pfn, order);
  const count = (<u32>1) << order;
  if (order == 0) giveOne(pfn);
  else giveBlock(pfn, count);
  given(pfn, count);
}

/**
 * Gives back the `count` frames from `pfn`, with their flags and records, at once.
 *
 * Precondition: as for `frameFree`, of each.
 */
export function framesFreeRun(pfn: u32, count: u32): void {
  if (CHECK) for (let at = pfn; at < pfn + count; at++) freeableCheck(at, 0);
  if (count == 1) giveOne(pfn);
  else giveBlock(pfn, count);
  given(pfn, count);
}

/**
 * Sets `n` free frames aside: an allocation does not touch them until `framesUnreserve`, or
 * `frameTake` uses one up.
 *
 * @returns false, and nothing has changed, when there are not so many.
 */
export function framesReserve(n: u32): bool {
  if (n > counts.free - counts.reserved && !framesShrink(n)) {
    framesLackAdd(n - (counts.free - counts.reserved));
    return false;
  }
  counts.reserved += n;
  return true;
}

/** Who gives frames back that nothing depends on, when there are too few: as Linux's shrinkers. */
export function shrinkerSet(give: (count: u32) => void): void {
  shrinker = <u32>give.index;
}

/**
 * Asks for frames back, so that `n` are free and not reserved. Only what is cached on a guess goes.
 *
 * @returns whether there are so many now.
 */
export function framesShrink(n: u32): bool {
  if (!shrinker || n > frameCount) return false;
  const available = counts.free - counts.reserved;
  if (n > available) call_indirect<void>(shrinker, n - available);
  return n <= counts.free - counts.reserved;
}

/** Somebody goes without `n` frames. */
export function framesLackAdd(n: u32): void {
  lack = max(lack, n);
}

/** @returns the most frames that somebody went without since this was asked before. */
export function framesLackTake(): u32 {
  const n = lack;
  lack = 0;
  return n;
}

/** Lets `n` frames that were reserved be had by anyone. */
export function framesUnreserve(n: u32): void {
  if (CHECK) assert(n <= counts.reserved, "more than was reserved");
  counts.reserved -= n;
}

/** Takes the lowest free frame, mostly in the word of the last. Precondition: there is one. */
function takeOne(): u32 {
  let pfn = counts.lowest;
  let at = flagWord(PG.free, pfn);
  if (load<u64>(at) == 0) {
    pfn = flagNext(PG.free, pfn, frameCount);
    at = flagWord(PG.free, pfn);
  }
  const word = load<u64>(at);
  const left = word & (word - 1);
  store<u64>(at, left);
  pfn = (pfn & ~(WORD_FRAMES - 1)) + <u32>ctz(word);
  counts.lowest = pfn;
  if (left == 0) lineSettle(PG.free, pfn >>> LINE_SHIFT);
  if (word == ALL_ONES) flagClear(PG.buddy, lineHead(pfn));
  if (CHECK) junkCheck(pfn, 1);
  tookFresh = flagTest(PG.fresh, pfn);
  if (tookFresh) flagClear(PG.fresh, pfn);
  taken(1);
  return pfn;
}

function takeBlock(order: u32): u32 {
  const count = (<u32>1) << order;
  const pfn = blockNext(order);
  if (pfn == 0) return 0;
  flagClearRange(PG.free, pfn, pfn + count);
  for (let head = lineHead(pfn); head < pfn + count; head += LINE_FRAMES) flagClear(PG.buddy, head);
  if (CHECK) junkCheck(pfn, count);
  flagClearRange(PG.fresh, pfn, pfn + count);
  taken(count);
  return pfn;
}

function taken(count: u32): void {
  counts.free -= count;
  statAdd(Vmstat.pgalloc, count);
  if (counts.free >= counts.fewest) return;
  counts.fewest = counts.free;
  statMax(Vmstat.peak_frames, frameCount - counts.free);
}

function given(pfn: u32, count: u32): void {
  if (CHECK) junkFill(pfn, count);
  counts.free += count;
  counts.lowest = min(counts.lowest, pfn);
  hintLower(pfn);
  statAdd(Vmstat.pgfree, count);
}

/** Forgets the use that the frame was put to, and gives it back. */
function giveOne(pfn: u32): void {
  if ((flagsLive & AT_FREE) != 0) flagsClear(AT_FREE, pfn);
  const record = changetype<usize>(frameOf(pfn));
  v128.store(record, i64x2.splat(0));
  v128.store(record, i64x2.splat(0), 16);
  store<u64>(record, 0, 32);
  const at = flagWord(PG.free, pfn);
  const word = load<u64>(at);
  const now = word | ((<u64>1) << pfn);
  store<u64>(at, now);
  if (word == 0) lineMark(PG.free, pfn >>> LINE_SHIFT);
  if (now == ALL_ONES) lineGive(lineHead(pfn));
}

/** The same for `count` frames. */
function giveBlock(pfn: u32, count: u32): void {
  for (let left = flagsLive & AT_FREE; left != 0; left &= left - 1) {
    flagClearRange(ctz(left), pfn, pfn + count);
  }
  memory.fill(changetype<usize>(frameOf(pfn)), 0, <usize>count * FRAME_BYTES);
  flagSetRange(PG.free, pfn, pfn + count);
  for (let head = lineHead(pfn); head < pfn + count; head += LINE_FRAMES) lineGive(head);
}

/** Marks the line that begins at `head` as a block if all of it is free by now. */
function lineGive(head: u32): void {
  if (head + LINE_FRAMES > frameCount) return;
  if (flagAll(PG.free, head, head + LINE_FRAMES)) flagSet(PG.buddy, head);
}

function lineHead(pfn: u32): u32 {
  return pfn & ~(LINE_FRAMES - 1);
}

/** What freeing relies on; each of these would be a page given away under its holder. */
function freeableCheck(pfn: u32, order: u32): void {
  const count = (<u32>1) << order;
  assert(order <= ORDER_MAX && (pfn & (count - 1)) == 0, "block is not aligned to its order");
  assert(pfn != 0 && pfn + count <= frameCount, "frame can not be freed");
  for (let at = pfn; at < pfn + count; at++) {
    assert(!flagTest(PG.free, at), "frame is free already");
    assert(!flagTest(PG.exported, at) && frameOf(at).exports == 0, "frame is exported");
    assert(frameOf(at).mapcount == 0, "frame is mapped");
    assert(!flagTest(PG.quarantine, at), "frame is in quarantine");
  }
}
