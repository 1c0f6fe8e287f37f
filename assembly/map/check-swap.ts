// The checker of swap: what ptes name, what slots count, and the frames that stand for slots.
//
// Written by: nobody else. Read by: check.ts, check-table.ts.

import { PG, PTE_SWP_SOFT_DIRTY } from "../abi";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { weigh } from "./check-used";
import {
  SWP_EXCLUSIVE,
  slotCount,
  slotFrame,
  slotIsBusy,
  swapEntry,
  swapSlot,
  swapSlots,
  swapUsed,
} from "./swap";
import { slotIsFree, slotSumsHold } from "./swap-slots";

/** Numbers of broken invariants of swap. */
export const enum SwapInvariant {
  None = 0,
  /** T1: a swap entry that names no slot, or has other bits. */
  Entry = 301,
  /** W1: a slot's count is not the ptes and pages that name it, or used slots are counted wrong. */
  Count = 421,
  /** W2: a frame in the swap cache and its slot do not name each other. */
  Cache = 422,
  /** W3: busy, and neither written nor read; or the reverse. */
  Busy = 423,
  /** W4: a slot's bit, or a sum over a cluster's, is not what the slots say. */
  Free = 424,
  /** W5: a frame that was read ahead is in use, or in no cache. */
  Ahead = 425,
}

/** What an entry may say beside its slot. */
const MARKS: u64 = SWP_EXCLUSIVE | <u64>PTE_SWP_SOFT_DIRTY;

/** Sum over the entries seen, of ptes and of files, since `swapForget`. */
let seen: u64 = 0;

export function swapForget(): void {
  seen = 0;
}

export function checkSwapEntry(entry: u64): u32 {
  const slot = swapSlot(entry);
  if (slot >= swapSlots || swapEntry(slot, false) != (entry & ~MARKS)) {
    return SwapInvariant.Entry;
  }
  seen += weigh(slot);
  return SwapInvariant.None;
}

/** What the cache of a file says of a page that is in swap. */
export function checkSlotOfFile(slot: u32): u32 {
  if (slot >= swapSlots) return SwapInvariant.Entry;
  seen += weigh(slot);
  return SwapInvariant.None;
}

function checkSlot(slot: u32): u32 {
  const pfn = slotFrame(slot);
  const isUsed = slotCount(slot) != 0 || slotIsBusy(slot);
  if (isUsed == slotIsFree(slot)) return SwapInvariant.Free;
  const works = pfn != 0 && (flagTest(PG.writeback, pfn) || flagTest(PG.locked, pfn));
  if (slotIsBusy(slot) && !works) return SwapInvariant.Busy;
  if (pfn && (!flagTest(PG.swapcache, pfn) || frameOf(pfn).private_ != slot)) {
    return SwapInvariant.Cache;
  }
  return works && !slotIsBusy(slot) ? SwapInvariant.Busy : SwapInvariant.None;
}

/** W5: what was read ahead can go at any moment. */
function checkAhead(): u32 {
  let pfn = flagNext(PG.reclaim, 0, frameCount);
  for (; pfn < frameCount; pfn = flagNext(PG.reclaim, pfn + 1, frameCount)) {
    const isCached = flagTest(PG.swapcache, pfn) && !flagTest(PG.writeback, pfn);
    if (!isCached || frameOf(pfn).mapcount) return SwapInvariant.Ahead;
  }
  return SwapInvariant.None;
}

/** W1 to W5. Precondition: every table and every file has been walked since `swapForget`. */
export function checkSwap(): u32 {
  let counted: u64 = 0;
  let used: u32 = 0;
  for (let slot: u32 = 0; slot < swapSlots; slot++) {
    const bad = checkSlot(slot);
    if (bad) return bad;
    counted += weigh(slot) * slotCount(slot);
    if (slotCount(slot) || slotIsBusy(slot)) used += 1;
  }
  if (swapSlots && !slotSumsHold()) return SwapInvariant.Free;
  if (counted != seen || used != swapUsed) return SwapInvariant.Count;
  let pfn = swapSlots ? flagNext(PG.swapcache, 0, frameCount) : frameCount;
  for (; pfn < frameCount; pfn = flagNext(PG.swapcache, pfn + 1, frameCount)) {
    if (slotFrame(frameOf(pfn).private_) != pfn) return SwapInvariant.Cache;
  }
  return checkAhead();
}
