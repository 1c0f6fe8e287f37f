// The checker of physical memory: which invariant of flags.ts, buddy.ts, block.ts and frame.ts does
// not hold.
//
// It recounts everything from the bits up, and changes nothing. Bytes of free frames are looked at
// when they are handed out (junk.ts), not here: that would read all memory.
//
// Written by: nobody. Read by: builds with checks, after each commit; tests, after each step.

import { ORDER_MAX, PG } from "../abi";
import { FRAME_BYTES, frameCount, frameTable, LINE_FRAMES, LINE_SHIFT } from "../mem/layout";
import { blockAfter, hintOf } from "./block";
import { framesReserved, freeFrames, lowestFree } from "./buddy";
import { flagAll, flagCount } from "./flag-range";
import {
  flagNext,
  flagsLive,
  flagTest,
  flagWord,
  lineHas,
  summaryWord,
  TOP_SHIFT,
  topWord,
  WORD_FRAMES,
} from "./flags";
import { frameIsAll } from "./junk";

/** Numbers of broken invariants, 100..139; pools have 140..199 (check-pool.ts). */
export const enum FrameInvariant {
  None = 0,
  /** F1: a summary bit says other than its line. */
  LineSummary = 100,
  /** F2: a bit of tops says other than the summary. */
  TopSummary = 101,
  /** F3: a bit of live says other than the flag's word in tops. */
  LiveFlags = 102,
  /** F4: a bit past the last frame. */
  PastTheLast = 103,
  /** D2: frame 0 is not reserved, or is free, or has a byte that is not zero. */
  FrameZero = 110,
  /** B1: the count of free frames is not what the bits say. */
  FreeCount = 120,
  /** B2: PG.buddy is not set exactly where a line is wholly free. */
  BuddyHead = 121,
  /** B3: a frame is fresh and not free. */
  FreshInUse = 122,
  /** B3: a free frame has a flag of a frame in use. */
  FlagOfFree = 123,
  /** B4, D1: a free frame's record is not all zero. */
  RecordOfFree = 124,
  /** B5, H1: a free frame or block lies below where the search begins. */
  Hint = 125,
  /** B6: more is reserved than free. */
  Reserve = 126,
}

/** Flags that a free frame may have. */
const OF_FREE: u32 = (1 << PG.free) | (1 << PG.buddy) | (1 << PG.fresh);

/** @returns the number of the first frame invariant that does not hold, or 0. */
export function checkFrames(): u32 {
  let broken = checkFlags();
  if (broken == 0) broken = checkFrameZero();
  if (broken == 0) broken = checkFree();
  if (broken == 0) broken = checkHints();
  return broken;
}

/** The same for what flags.ts promises alone (F1 to F4), whoever has the frames. */
export function checkFlags(): u32 {
  for (let flag: u32 = 0; flag < <u32>PG.COUNT; flag++) {
    const isLive = ((flagsLive >>> flag) & 1) != 0;
    if (isLive != (load<u32>(topWord(flag)) != 0)) return FrameInvariant.LiveFlags;
    if (!linesAgree(flag)) return FrameInvariant.LineSummary;
    if (!topsAgree(flag)) return FrameInvariant.TopSummary;
    if (hasBitPastTheLast(flag)) return FrameInvariant.PastTheLast;
  }
  return FrameInvariant.None;
}

function linesAgree(flag: PG): bool {
  const lines = (frameCount + LINE_FRAMES - 1) >>> LINE_SHIFT;
  for (let line: u32 = 0; line < lines; line++) {
    const says = ((load<u64>(summaryWord(flag, line)) >>> line) & 1) != 0;
    if (says != lineHas(flagWord(flag, line << LINE_SHIFT))) return false;
  }
  return true;
}

function topsAgree(flag: PG): bool {
  const tops = ((frameCount - 1) >>> TOP_SHIFT) + 1;
  const word = load<u32>(topWord(flag));
  if (word >>> tops != 0) return false;
  for (let top: u32 = 0; top < tops; top++) {
    const says = ((word >>> top) & 1) != 0;
    if (says != lineHas(summaryWord(flag, top << (TOP_SHIFT - LINE_SHIFT)))) return false;
  }
  return true;
}

/** The line of the last frame goes on past it; so does the last line of the summary. */
function hasBitPastTheLast(flag: PG): bool {
  const last = frameCount - 1;
  const at = flagWord(flag, last);
  if (bitsAbove(load<u64>(at), last) != 0) return true;
  const left = ((last | (LINE_FRAMES - 1)) - last) / WORD_FRAMES;
  for (let word: u32 = 1; word <= left; word++) {
    if (load<u64>(at + ((<usize>word) << 3)) != 0) return true;
  }
  return bitsAbove(load<u64>(summaryWord(flag, last >>> LINE_SHIFT)), last >>> LINE_SHIFT) != 0;
}

/** Bits of `word` above bit `index` modulo 64. */
function bitsAbove(word: u64, index: u32): u64 {
  return (word >>> index) >>> 1;
}

function checkFrameZero(): u32 {
  const isOurs = flagTest(PG.reserved, 0) && !flagTest(PG.free, 0) && !flagTest(PG.fresh, 0);
  return isOurs && frameIsAll(0, 0) ? FrameInvariant.None : FrameInvariant.FrameZero;
}

function checkFree(): u32 {
  if (freeFrames() != flagCount(PG.free, 0, frameCount)) return FrameInvariant.FreeCount;
  if (framesReserved() > freeFrames()) return FrameInvariant.Reserve;
  if (!headsAgree()) return FrameInvariant.BuddyHead;
  if (!isWithin(PG.fresh, PG.free)) return FrameInvariant.FreshInUse;
  for (let flag: u32 = 0; flag < <u32>PG.COUNT; flag++) {
    if (((OF_FREE >>> flag) & 1) == 0 && meets(flag, PG.free)) return FrameInvariant.FlagOfFree;
  }
  return recordsAreZero() ? FrameInvariant.None : FrameInvariant.RecordOfFree;
}

function headsAgree(): bool {
  let heads: u32 = 0;
  for (let head: u32 = 0; head < frameCount; head += LINE_FRAMES) {
    const end = head + LINE_FRAMES;
    const isWhole = end <= frameCount && flagAll(PG.free, head, end);
    if (flagTest(PG.buddy, head) != isWhole) return false;
    if (isWhole) heads += 1;
  }
  return flagCount(PG.buddy, 0, frameCount) == heads;
}

/** Whether every frame with `flag` has `other` too. */
function isWithin(flag: PG, other: PG): bool {
  for (let pfn: u32 = 0; pfn < frameCount; pfn += WORD_FRAMES) {
    if ((load<u64>(flagWord(flag, pfn)) & ~load<u64>(flagWord(other, pfn))) != 0) return false;
  }
  return true;
}

/** Whether some frame has both flags. */
function meets(flag: PG, other: PG): bool {
  if (((flagsLive >>> flag) & 1) == 0) return false;
  for (let pfn: u32 = 0; pfn < frameCount; pfn += WORD_FRAMES) {
    if ((load<u64>(flagWord(flag, pfn)) & load<u64>(flagWord(other, pfn))) != 0) return true;
  }
  return false;
}

/** Records of free frames, a run of them at a time. */
function recordsAreZero(): bool {
  let pfn = flagNext(PG.free, 0, frameCount);
  while (pfn < frameCount) {
    const word = ~load<u64>(flagWord(PG.free, pfn)) & ((<u64>-1) << pfn);
    const inWord = word == 0 ? WORD_FRAMES : <u32>ctz(word);
    const end = (pfn & ~(WORD_FRAMES - 1)) + inWord;
    if (!isZero(recordAt(pfn), recordAt(end))) return false;
    pfn = flagNext(PG.free, end, frameCount);
  }
  return true;
}

function recordAt(pfn: u32): usize {
  return frameTable + <usize>pfn * FRAME_BYTES;
}

function isZero(start: usize, end: usize): bool {
  let at = start;
  for (; at + 16 <= end; at += 16) if (v128.any_true(v128.load(at))) return false;
  for (; at < end; at += 8) if (load<u64>(at) != 0) return false;
  return true;
}

function checkHints(): u32 {
  if (flagNext(PG.free, 0, frameCount) < lowestFree()) return FrameInvariant.Hint;
  for (let order: u32 = 1; order <= ORDER_MAX; order++) {
    if (blockAfter(order, 0) < hintOf(order)) return FrameInvariant.Hint;
  }
  return FrameInvariant.None;
}
