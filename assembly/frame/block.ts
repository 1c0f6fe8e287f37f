// Where the next free block is: aligned runs of PG.free bits, and a hint per order.
//
// Invariants
//   H1  No block of order k is free below `hintOf(k)`, once `lowestFreed` is taken into account.
//
// Written by: this file, for buddy.ts. Read by: buddy.ts, check.ts.

import { ORDER_MAX, PG } from "../abi";
import { frameCount, LINE_SHIFT } from "../mem/layout";
import { flagAll } from "./flag-range";
import { flagNext, flagTest, flagWord, WORD_FRAMES, WORD_SHIFT } from "./flags";

/** A u32 per order: no block of that order begins below. */
const HINTS: usize = memory.data((ORDER_MAX + 1) << 2, 4);

/** Lowest frame freed since the hints were last brought up to date. */
let lowestFreed: u32 = 0;

/** Forgets everything: a block may be anywhere. */
export function hintsInit(): void {
  memory.fill(HINTS, 0, (ORDER_MAX + 1) << 2);
  lowestFreed = frameCount;
}

/** Tells that frame `pfn`, and perhaps others above it, became free. */
export function hintLower(pfn: u32): void {
  lowestFreed = min(lowestFreed, pfn);
}

/** @returns the frame below which no block of `order` begins. */
export function hintOf(order: u32): u32 {
  const aligned = lowestFreed & ~(((<u32>1) << order) - 1);
  return min(load<u32>(hintAt(order)), aligned);
}

/** @returns the first frame of the lowest free block of `order`, 1..ORDER_MAX, or 0. */
export function blockNext(order: u32): u32 {
  hintsSettle();
  const found = blockAfter(order, load<u32>(hintAt(order)));
  store<u32>(hintAt(order), found);
  return found == frameCount ? 0 : found;
}

/**
 * @returns the first frame of the lowest free block of `order` that has a frame at or after `from`,
 *   or `frameCount`.
 */
export function blockAfter(order: u32, from: u32): u32 {
  if (order <= WORD_SHIFT) return runInWords(order, from);
  return order < LINE_SHIFT ? runOfWords(order, from) : runOfLines(order, from);
}

function hintAt(order: u32): usize {
  return HINTS + ((<usize>order) << 2);
}

/** Lowers each hint to what was freed, once for however many frees there were. */
function hintsSettle(): void {
  if (lowestFreed == frameCount) return;
  for (let order: u32 = 1; order <= ORDER_MAX; order++) store<u32>(hintAt(order), hintOf(order));
  lowestFreed = frameCount;
}

/** Orders 1..6: a block is part of one word. Here and below `frameCount` means none. */
function runInWords(order: u32, from: u32): u32 {
  let pfn = flagNext(PG.free, from, frameCount);
  while (pfn < frameCount) {
    const first = pfn & ~(WORD_FRAMES - 1);
    const heads = blockHeads(load<u64>(flagWord(PG.free, pfn)), order);
    if (heads != 0) return first + <u32>ctz(heads);
    pfn = flagNext(PG.free, first + WORD_FRAMES, frameCount);
  }
  return frameCount;
}

/** Of a word of PG.free, the bits that begin an aligned run of 2**order ones. */
function blockHeads(word: u64, order: u32): u64 {
  let heads = word & (word >>> 1) & 0x5555555555555555;
  if (order > 1) heads = heads & (heads >>> 2) & 0x1111111111111111;
  if (order > 2) heads = heads & (heads >>> 4) & 0x0101010101010101;
  if (order > 3) heads = heads & (heads >>> 8) & 0x0001000100010001;
  if (order > 4) heads = heads & (heads >>> 16) & 0x0000000100000001;
  if (order > 5) heads = heads & (heads >>> 32) & 1;
  return heads;
}

/** Orders 7 and 8: a block is two or four whole words of one line. */
function runOfWords(order: u32, from: u32): u32 {
  const count = (<u32>1) << order;
  let pfn = flagNext(PG.free, from, frameCount);
  while (pfn < frameCount) {
    const head = pfn & ~(count - 1);
    if (head + count <= frameCount && flagAll(PG.free, head, head + count)) return head;
    pfn = flagNext(PG.free, head + count, frameCount);
  }
  return frameCount;
}

/** Orders 9 and 10: a block is one or two lines that PG.buddy says are free. */
function runOfLines(order: u32, from: u32): u32 {
  const count = (<u32>1) << order;
  let pfn = flagNext(PG.buddy, from, frameCount);
  while (pfn < frameCount) {
    const head = pfn & ~(count - 1);
    const last = head + (count >>> 1);
    if (order == LINE_SHIFT) return pfn;
    if (last < frameCount && flagTest(PG.buddy, head) && flagTest(PG.buddy, last)) return head;
    pfn = flagNext(PG.buddy, head + count, frameCount);
  }
  return frameCount;
}
