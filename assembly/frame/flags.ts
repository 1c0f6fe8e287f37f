// Page flags: one bitmap per flag, one bit per frame, and two levels above that say where to look.
//
//   tops     ▏one word per flag: a bit per 512 lines (262,144 frames)          static
//   summary  ▏a bit per line of 512 frames                                     in the arena
//   bits     ▏a bit per frame; a line of 64 bytes is 512 frames                in the arena
//   live     ▏one word for all flags: a bit per flag that is set anywhere      a global
//
// A question about frames far apart, or about a flag that nobody uses, costs one or two loads.
//
// Invariants
//   F1  A summary bit is set exactly when a bit of its line is.
//   F2  A bit of `tops` is set exactly when a summary bit below it is.
//   F3  A bit of `live` is set exactly when the flag's word in `tops` is not zero.
//   F4  Bits past the last frame are zero, so whole words and lines need no edge case.
//
// Written by: the owner of the frame; `free`, `buddy` and `fresh` by buddy.ts alone, `slab` by
// pool.ts alone. Read by: everyone above. Many frames at once: flag-range.ts.

import { PG } from "../abi";
import { CHECK } from "../mem/assert";
import {
  flagStride,
  flagSummary,
  flagsBase,
  frameCount,
  LINE_BYTES,
  LINE_FRAMES,
  LINE_SHIFT,
} from "../mem/layout";

/** Frames of a bitmap word, bits of a u64, as a shift. */
export const WORD_SHIFT: u32 = 6;
export const WORD_FRAMES: u32 = 1 << WORD_SHIFT;
/** Frames below one bit of `tops`, as a shift. */
export const TOP_SHIFT: u32 = 18;

const TOPS: usize = memory.data(PG.COUNT << 2, 16);
const NONE: u32 = 0xffffffff;

/** Flags that are set on any frame, bit per flag. */
export let flagsLive: u32 = 0;

/** Begins with no flag set on any frame. Precondition: the bitmaps are zero, as when grown. */
export function flagsInit(): void {
  flagsLive = 0;
  memory.fill(TOPS, 0, PG.COUNT << 2);
}

/** @returns the address of the u64 that has `flag` of frame `pfn`. */
export function flagWord(flag: PG, pfn: u32): usize {
  if (CHECK) assert(<u32>flag < <u32>PG.COUNT && pfn < frameCount, "flag or frame out of range");
  return flagsBase + <usize>flag * flagStride + ((<usize>(pfn >>> WORD_SHIFT)) << 3);
}

/** @returns the address of the u64 of `flag`'s summary that has line `line`. */
export function summaryWord(flag: PG, line: u32): usize {
  const start = flagsBase + <usize>flag * flagStride + flagSummary;
  return start + ((<usize>(line >>> WORD_SHIFT)) << 3);
}

/** @returns the address of `flag`'s word of `tops`. */
export function topWord(flag: PG): usize {
  return TOPS + ((<usize>flag) << 2);
}

/** Sets `flag` of frame `pfn`. */
export function flagSet(flag: PG, pfn: u32): void {
  const at = flagWord(flag, pfn);
  const word = load<u64>(at);
  store<u64>(at, word | ((<u64>1) << pfn));
  if (word == 0) lineMark(flag, pfn >>> LINE_SHIFT);
}

/** Clears `flag` of frame `pfn`. */
export function flagClear(flag: PG, pfn: u32): void {
  const at = flagWord(flag, pfn);
  const word = load<u64>(at);
  const left = word & ~((<u64>1) << pfn);
  if (left == word) return;
  store<u64>(at, left);
  if (left == 0) lineSettle(flag, pfn >>> LINE_SHIFT);
}

/** @returns whether `flag` of frame `pfn` is set. */
export function flagTest(flag: PG, pfn: u32): bool {
  return ((load<u64>(flagWord(flag, pfn)) >>> pfn) & 1) != 0;
}

/** @returns every flag of frame `pfn`, bit per flag. */
export function flagsOf(pfn: u32): u32 {
  let set: u32 = 0;
  for (let left = flagsLive; left != 0; left &= left - 1) {
    const flag = ctz(left);
    if (flagTest(flag, pfn)) set |= (<u32>1) << flag;
  }
  return set;
}

/** Clears those flags of frame `pfn` that `mask` has a bit for. */
export function flagsClear(mask: u32, pfn: u32): void {
  for (let left = flagsLive & mask; left != 0; left &= left - 1) flagClear(ctz(left), pfn);
}

/** @returns whether `flag` is set on any frame of `[start, end)`. */
export function flagAny(flag: PG, start: u32, end: u32): bool {
  return flagNext(flag, start, end) < end;
}

/** @returns the lowest frame of `[from, end)` that has `flag`, or `end`. */
export function flagNext(flag: PG, from: u32, end: u32): u32 {
  if (CHECK) assert(end <= frameCount, "range past the last frame");
  if (from >= end || ((flagsLive >>> flag) & 1) == 0) return end;
  let found = nextInLine(flag, from);
  if (found == NONE) {
    const lines = (end + LINE_FRAMES - 1) >>> LINE_SHIFT;
    const line = lineNext(flag, (from >>> LINE_SHIFT) + 1, lines);
    if (line == lines) return end;
    found = nextInLine(flag, line << LINE_SHIFT);
  }
  return min(found, end);
}

/** @returns the lowest line of `[from, end)` with a frame that has `flag`, or `end`. */
export function lineNext(flag: PG, from: u32, end: u32): u32 {
  let mask: u64 = (<u64>-1) << from;
  for (let line = from & ~(WORD_FRAMES - 1); line < end; line += WORD_FRAMES) {
    const word = load<u64>(summaryWord(flag, line)) & mask;
    if (word != 0) return min(line + <u32>ctz(word), end);
    mask = -1;
  }
  return end;
}

/** Lowest frame at or after `from`, in its line, that has `flag`; NONE if there is none. */
function nextInLine(flag: PG, from: u32): u32 {
  const end = (from | (LINE_FRAMES - 1)) + 1;
  let mask: u64 = (<u64>-1) << from;
  let at = flagWord(flag, from);
  for (let pfn = from & ~(WORD_FRAMES - 1); pfn < end; pfn += WORD_FRAMES) {
    const word = load<u64>(at) & mask;
    if (word != 0) return pfn + <u32>ctz(word);
    mask = -1;
    at += 8;
  }
  return NONE;
}

/** Tells the levels above that line `line` of `flag` has a bit. */
export function lineMark(flag: PG, line: u32): void {
  const at = summaryWord(flag, line);
  const word = load<u64>(at);
  store<u64>(at, word | ((<u64>1) << line));
  if (word != 0) return;
  const top = topWord(flag);
  store<u32>(top, load<u32>(top) | ((<u32>1) << (line >>> (TOP_SHIFT - LINE_SHIFT))));
  flagsLive |= (<u32>1) << flag;
}

/** Tells the levels above that line `line` of `flag` lost a bit, in case it was the last. */
export function lineSettle(flag: PG, line: u32): void {
  if (lineHas(flagWord(flag, line << LINE_SHIFT))) return;
  const at = summaryWord(flag, line);
  const word = load<u64>(at) & ~((<u64>1) << line);
  store<u64>(at, word);
  if (word == 0) topSettle(flag, line);
}

/** The same one level up: `line` was the last of its word of the summary. */
function topSettle(flag: PG, line: u32): void {
  if (lineHas(summaryWord(flag, line & ~(LINE_FRAMES - 1)))) return;
  const at = topWord(flag);
  const top = load<u32>(at) & ~((<u32>1) << (line >>> (TOP_SHIFT - LINE_SHIFT)));
  store<u32>(at, top);
  if (top == 0) flagsLive &= ~((<u32>1) << flag);
}

/** Whether any of the 512 bits at `at` is set; a line of bits or of a summary. */
export function lineHas(at: usize): bool {
  if (CHECK) assert((at & (LINE_BYTES - 1)) == 0, "not a line");
  const low = v128.or(v128.load(at), v128.load(at, 16));
  const high = v128.or(v128.load(at, 32), v128.load(at, 48));
  return v128.any_true(v128.or(low, high));
}
