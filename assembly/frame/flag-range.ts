// Page flags of many frames at once: set, clear, count, all-set; a line of 512 at a time.
//
// Invariants: those of flags.ts.
//
// Written by: as flags.ts. Read by: buddy.ts, checkers, and whoever counts.

import { PG } from "../abi";
import { CHECK } from "../mem/assert";
import { frameCount, LINE_FRAMES, LINE_SHIFT } from "../mem/layout";
import { flagsLive, flagWord, lineMark, lineNext, lineSettle, WORD_FRAMES } from "./flags";

/** Those bits of the word that begins at frame `first` that are in `[start, end)`. */
function wordMask(first: u32, start: u32, end: u32): u64 {
  const above: u64 = start > first ? (<u64>-1) << (start - first) : -1;
  const left = end - first;
  return left < WORD_FRAMES ? above & (((<u64>1) << left) - 1) : above;
}

/** Sets `flag` of the frames `[start, end)`. */
export function flagSetRange(flag: PG, start: u32, end: u32): void {
  if (CHECK) assert(end <= frameCount, "range past the last frame");
  for (let at = start; at < end; at = min(lineEnd(at), end)) {
    setInLine(flag, at, min(lineEnd(at), end));
  }
}

/** Clears `flag` of the frames `[start, end)`. */
export function flagClearRange(flag: PG, start: u32, end: u32): void {
  if (CHECK) assert(end <= frameCount, "range past the last frame");
  if (((flagsLive >>> flag) & 1) == 0) return;
  for (let at = start; at < end; at = min(lineEnd(at), end)) {
    clearInLine(flag, at, min(lineEnd(at), end));
  }
}

/** @returns how many frames of `[start, end)` have `flag`. */
export function flagCount(flag: PG, start: u32, end: u32): u32 {
  if (CHECK) assert(end <= frameCount, "range past the last frame");
  if (start >= end || ((flagsLive >>> flag) & 1) == 0) return 0;
  const lines = ((end - 1) >>> LINE_SHIFT) + 1;
  let count: u32 = 0;
  let line = lineNext(flag, start >>> LINE_SHIFT, lines);
  while (line < lines) {
    count += countInLine(flag, line << LINE_SHIFT, start, end);
    line = lineNext(flag, line + 1, lines);
  }
  return count;
}

/** @returns whether every frame of `[start, end)` has `flag`. */
export function flagAll(flag: PG, start: u32, end: u32): bool {
  for (let first = start & ~(WORD_FRAMES - 1); first < end; first += WORD_FRAMES) {
    const mask = wordMask(first, start, end);
    if ((load<u64>(flagWord(flag, first)) & mask) != mask) return false;
  }
  return true;
}

/** First frame of the line after that of `pfn`. */
function lineEnd(pfn: u32): u32 {
  return (pfn | (LINE_FRAMES - 1)) + 1;
}

/** Precondition: `[start, end)` is not empty and in one line; so for the two below. */
function setInLine(flag: PG, start: u32, end: u32): void {
  for (let first = start & ~(WORD_FRAMES - 1); first < end; first += WORD_FRAMES) {
    const at = flagWord(flag, first);
    store<u64>(at, load<u64>(at) | wordMask(first, start, end));
  }
  lineMark(flag, start >>> LINE_SHIFT);
}

function clearInLine(flag: PG, start: u32, end: u32): void {
  const line = start >>> LINE_SHIFT;
  if (lineNext(flag, line, line + 1) != line) return;
  for (let first = start & ~(WORD_FRAMES - 1); first < end; first += WORD_FRAMES) {
    const at = flagWord(flag, first);
    store<u64>(at, load<u64>(at) & ~wordMask(first, start, end));
  }
  lineSettle(flag, line);
}

/** Frames of `[start, end)` in the line that begins at `head` that have `flag`. */
function countInLine(flag: PG, head: u32, start: u32, end: u32): u32 {
  if (start <= head && head + LINE_FRAMES <= end) return popcntLine(flagWord(flag, head));
  const from = max(head, start);
  const to = min(head + LINE_FRAMES, end);
  let count: u32 = 0;
  for (let first = from & ~(WORD_FRAMES - 1); first < to; first += WORD_FRAMES) {
    count += <u32>popcnt(load<u64>(flagWord(flag, first)) & wordMask(first, from, to));
  }
  return count;
}

/** Bits set of the 512 at `at`. */
function popcntLine(at: usize): u32 {
  const low = i8x16.add(i8x16.popcnt(v128.load(at)), i8x16.popcnt(v128.load(at, 16)));
  const high = i8x16.add(i8x16.popcnt(v128.load(at, 32)), i8x16.popcnt(v128.load(at, 48)));
  const pairs = i16x8.extadd_pairwise_i8x16_u(i8x16.add(low, high));
  const quads = i32x4.extadd_pairwise_i16x8_u(pairs);
  const halves = i32x4.add(
    quads,
    i8x16.shuffle(quads, quads, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
  );
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
}
