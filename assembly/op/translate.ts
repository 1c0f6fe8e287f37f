// Translating addresses to frames, many at once: what a device's mapping code or an emulator's TLB
// asks for. Looks only: nothing is faulted in, no accessed bit is set.
//
//   entry                 answers
//   present               its frame; the zero page is frame 0
//   of a huge page        the frame of these 4096 bytes
//   absent, swapped out   NO_FRAME

import { NO_FRAME, TRANSLATE_MANY_MAX } from "../abi";
import { frameAddress } from "../frame/frame";
import { hugePfn, pteAt } from "../map/huge";
import { Mm } from "../map/mm";
import { H, P, ptePfn } from "../map/pte";
import { leafEnd, leafIndex, pmdSlot } from "../map/table";
import { windowBase } from "../mem/layout";
import { USER_END } from "../plan/placement";

/** Four ptes as four words of frames: two vectors in, the words that are of use out. */
function framesOfFour(low: v128, high: v128): v128 {
  const pfns = v128.shuffle<u32>(i64x2.shr_u(low, 12), i64x2.shr_u(high, 12), 0, 2, 4, 6);
  const flags = v128.shuffle<u32>(low, high, 0, 2, 4, 6);
  const isAbsent = i32x4.eq(v128.and(flags, i32x4.splat(<i32>P)), i32x4.splat(0));
  return v128.or(pfns, isAbsent);
}

/** `count` entries from `from` on as words at `to`. */
function translateLeaf(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, from += 32, to += 16) {
    v128.store(to, framesOfFour(v128.load(from), v128.load(from, 16)));
  }
  for (; i < count; i++, from += 8, to += 4) {
    const pte = load<u64>(from);
    store<u32>(to, pte & P ? ptePfn(pte) : NO_FRAME);
  }
}

function translateHuge(first: u32, to: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++, to += 4) store<u32>(to, first + i);
}

/**
 * The frames of `count` pages from `start` on, a word each in the window.
 * Precondition: `start` page aligned, the range in user space, count <= TRANSLATE_MAX.
 */
export function translateRange(mm: Mm, start: u64, count: u32): void {
  const end = start + ((<u64>count) << 12);
  let to = windowBase;
  for (let at = start; at < end; ) {
    const stop = leafEnd(at, end);
    const pages = <u32>((stop - at) >> 12);
    const entry = load<u64>(pmdSlot(mm, at));
    if (entry & H) translateHuge(hugePfn(entry) + leafIndex(at), to, pages);
    else translateLeaf(frameAddress(ptePfn(entry)) + ((<usize>leafIndex(at)) << 3), to, pages);
    to += (<usize>pages) << 2;
    at = stop;
  }
}

/**
 * The frames of the `count` addresses that the window has as f64: a word each behind them, where
 * TRANSLATE_MANY_MAX of them would end.
 * @returns how many were good: the one after them is no user address
 */
export function translateMany(mm: Mm, count: u32): u32 {
  const words = windowBase + ((<usize>TRANSLATE_MANY_MAX) << 3);
  for (let i: u32 = 0; i < count; i++) {
    const address = load<f64>(windowBase + ((<usize>i) << 3));
    // False for NaN as well.
    if (!(address >= 0 && address < <f64>USER_END)) return i;
    const pte = pteAt(mm, <u64>address & ~(<u64>4095));
    store<u32>(words + ((<usize>i) << 2), pte & P ? ptePfn(pte) : NO_FRAME);
  }
  return count;
}
