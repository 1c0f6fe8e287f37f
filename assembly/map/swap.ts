// Swap: slots of one page each, where the host keeps the bytes, and the cache of frames that stand
// for a slot while it is written or read.
//
//   63  59 58                                  12 11    4  3  2 1 0
//  ┌──────┬─────────────────────────────────────┬────────┬──┬────┬─┐
//  │ type │            ~slot                    │    0   │ X│0 S│0│   a pte that is swapped out
//  └──────┴─────────────────────────────────────┴────────┴──┴────┴─┘
//   X exclusive: no other pte ever named the slot. The slot is inverted, as Linux has it on x86-64,
//   so that an entry is never 0; the software bits of a pte stay clear, as P does. S soft-dirty.
//
//   slot   free ──▶ written (BUSY) ──▶ at rest ──▶ read (BUSY) ──▶ at rest ──▶ free
//                   cached frame       no frame     cached frame    cached frame
//
// Invariants
//   W1  count of a slot = ptes and pages of files that name it. A slot that nobody names and that
//       is not busy is free.
//   W2  A cached frame has PG.swapcache, `private_` = its slot, and one reference for the cache.
//   W3  BUSY exactly while the host writes (PG.writeback) or reads (PG.locked) the slot.
//   W5  A frame that was read ahead (PG.reclaim) is cached, and neither mapped nor written.
//
// Written by: op/pageout.ts, op/swap-in.ts, op/swap-ahead.ts, op/zap.ts, op/fork.ts.

import { ORDER_MAX, PG, Status, Vmstat } from "../abi";
import { frameAlloc, frameFree } from "../frame/buddy";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameAddress, frameOf, pfnOfAddress } from "../frame/frame";
import { statAdd } from "../mem/vmstat";
import { writebackClear } from "./dirty";
import { frameDrop } from "./mapping";
import { slotBitsBytes, slotBitsInit, slotClaim, slotGive } from "./swap-slots";

/** Two words a slot: how many ptes name it (and BUSY), and the frame that is cached for it. */
const SLOT_BYTES: u32 = 8;
const BUSY: u32 = 0x80000000;
/** X of a swap entry. */
export const SWP_EXCLUSIVE: u64 = 1 << 3;

let base: usize = 0;
let bits: u32 = 0;
/** Slots of the swap area, 0 without one. */
export let swapSlots: u32 = 0;
export let swapUsed: u32 = 0;
/** No page goes out any more: the area is about to go. */
export let swapCloses: bool = false;

function slotAt(slot: u32): usize {
  return base + <usize>slot * SLOT_BYTES;
}

/**
 * Makes a swap area of `slots` pages, once. EINVAL for none or more than a contiguous block can
 * describe, EBUSY when there is one, ENOMEM.
 */
export function swapOn(slots: u32): i32 {
  if (swapSlots) return Status.EBUSY;
  if (!slots || <u64>slots * SLOT_BYTES > (<u64>4096) << ORDER_MAX) return Status.EINVAL;
  const records = blockTake(slots * SLOT_BYTES);
  if (!records) return Status.ENOMEM;
  bits = blockTake(slotBitsBytes(slots));
  if (!bits) {
    blockGive(records, slots * SLOT_BYTES);
    return Status.ENOMEM;
  }
  base = frameAddress(records);
  slotBitsInit(frameAddress(bits), slots);
  swapSlots = slots;
  swapCloses = false;
  return Status.Ok;
}

/** Gives the area back. EINVAL where there is none, EBUSY while a slot is in use. */
export function swapOff(): i32 {
  if (!swapSlots) return Status.EINVAL;
  if (swapUsed) return Status.EBUSY;
  blockGive(pfnOfAddress(base), swapSlots * SLOT_BYTES);
  blockGive(bits, slotBitsBytes(swapSlots));
  swapSlots = 0;
  swapCloses = false;
  return Status.Ok;
}

/** Whether pages go out from now on. EINVAL without an area. */
export function swapClose(closes: bool): i32 {
  if (!swapSlots) return Status.EINVAL;
  swapCloses = closes;
  return Status.Ok;
}

function orderOf(bytes: u32): u32 {
  let order: u32 = 0;
  while ((<u32>4096) << order < bytes) order++;
  return order;
}

/** Takes frames for `bytes`, which lie together and are zero. @returns the first one, or 0. */
function blockTake(bytes: u32): u32 {
  const order = orderOf(bytes);
  const pfn = frameAlloc(order);
  if (!pfn) return 0;
  for (let i: u32 = 0; i < (<u32>1) << order; i++) {
    frameOf(pfn + i).refcount = 1;
    flagSet(PG.reserved, pfn + i);
  }
  memory.fill(frameAddress(pfn), 0, 4096 << order);
  return pfn;
}

function blockGive(pfn: u32, bytes: u32): void {
  const order = orderOf(bytes);
  for (let i: u32 = 0; i < (<u32>1) << order; i++) {
    frameOf(pfn + i).refcount = 0;
    flagClear(PG.reserved, pfn + i);
  }
  frameFree(pfn, order);
}

/** The entry of a pte whose page is in `slot`. */
export function swapEntry(slot: u32, exclusive: bool): u64 {
  const entry = (~(<u64>slot) << 17) >> 5;
  return exclusive ? entry | SWP_EXCLUSIVE : entry;
}

/** The slot that a swap entry names. */
export function swapSlot(entry: u64): u32 {
  return <u32>(~entry >> 12);
}

/** A pte that is neither absent nor present is swapped out. */
export function isSwap(pte: u64): bool {
  return pte != 0 && !(pte & 1);
}

/**
 * Takes a free slot for one pte, with `pfn` cached for it. @returns the slot + 1, or 0 where there
 * is none, or the area is about to go, or gone since the page was told of.
 */
export function slotTake(pfn: u32): u32 {
  const claimed = swapCloses || !swapSlots ? 0 : slotClaim();
  if (!claimed) return 0;
  store<u32>(slotAt(claimed - 1), 1 | BUSY);
  swapUsed++;
  statAdd(Vmstat.swap_slots_used, 1);
  slotCache(claimed - 1, pfn);
  return claimed;
}

/** Puts `pfn` into the cache of `slot`, with a reference. */
export function slotCache(slot: u32, pfn: u32): void {
  store<u32>(slotAt(slot), pfn, 4);
  const frame = frameOf(pfn);
  frame.refcount++;
  frame.private_ = slot;
  flagSet(PG.swapcache, pfn);
}

/** The frame cached for `slot`, or 0. */
export function slotFrame(slot: u32): u32 {
  return load<u32>(slotAt(slot), 4);
}

/** Whether the page of a swap entry is in memory all the same. */
export function swapIsCached(entry: u64): bool {
  return slotFrame(swapSlot(entry)) != 0;
}

export function slotCount(slot: u32): u32 {
  return load<u32>(slotAt(slot)) & ~BUSY;
}

export function slotIsBusy(slot: u32): bool {
  return (load<u32>(slotAt(slot)) & BUSY) != 0;
}

export function slotBusy(slot: u32): void {
  store<u32>(slotAt(slot), load<u32>(slotAt(slot)) | BUSY);
}

/** One more pte names `slot`. */
export function slotDup(slot: u32): void {
  store<u32>(slotAt(slot), load<u32>(slotAt(slot)) + 1);
}

/** One pte less names `slot`. */
export function slotPut(slot: u32): void {
  store<u32>(slotAt(slot), load<u32>(slotAt(slot)) - 1);
  slotSettle(slot);
}

/** The host has written or read `slot`. */
export function slotIdle(slot: u32): void {
  store<u32>(slotAt(slot), load<u32>(slotAt(slot)) & ~BUSY);
  slotSettle(slot);
}

/** Frees a slot that nobody names and nobody works on, and its cached frame's reference. */
function slotSettle(slot: u32): void {
  if (load<u32>(slotAt(slot))) return;
  slotUncache(slot);
  slotGive(slot);
  swapUsed--;
  statAdd(Vmstat.swap_slots_used, -1);
}

/** Takes the cached frame of `slot` out of the cache; without another reference it is freed. */
export function slotUncache(slot: u32): void {
  const pfn = slotFrame(slot);
  if (!pfn) return;
  store<u32>(slotAt(slot), 0, 4);
  flagClear(PG.swapcache, pfn);
  if (flagTest(PG.writeback, pfn)) writebackClear(pfn);
  flagClear(PG.locked, pfn);
  flagClear(PG.reclaim, pfn);
  frameOf(pfn).private_ = 0;
  frameDrop(pfn);
}
