// Pages of files in memory that are in swap (as Linux mm/shmem.c): where the frame was, the cache
// has an entry of the slot. No pte names it: whoever wants the page comes by its file.
//
//   bit 31   30                    0
//    ┌─────┬────────────────────────┐
//    │  0  │  frame, 0: nobody's    │   cached; or never made, and zeros
//    │  1  │  slot                  │   in swap: one of those that the slot counts
//    └─────┴────────────────────────┘
//
//   cached ──▶ cacheToSwap ──▶ an entry; the frame waits in swap's cache ──▶ free
//     ▲                                   │ wanted meanwhile, or read again
//     └────────── cacheFromSwap ◀─────────┘
//
// Invariants
//   C4  `swapped` counts the entries of slots, which files in memory alone have; the list has the
//       files that have some.
//
// Written by: op/evict.ts and op/swap-shared.ts; cache-walk.ts and teardown, as pages go.

import { PG, Vmstat } from "../abi";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { cacheEntry, cachePlace, frameDrop, IN_SWAP, Mapping } from "./mapping";
import { frameDirty } from "./rmap";
import { slotFrame, slotPut } from "./swap";

/** The files that have pages in swap. */
export let swappedFirst: usize = 0;

/** The slot that has page `index`, + 1; 0 where it is not in swap. */
export function cacheSlot(mapping: Mapping, index: u64): u32 {
  if (!mapping.swapped) return 0;
  const entry = cacheEntry(mapping, index);
  return entry & IN_SWAP ? (entry & ~IN_SWAP) + 1 : 0;
}

/** Whether page `index` is in swap, and with no frame: it has to be read. */
export function isOut(mapping: Mapping, index: u64): bool {
  const taken = cacheSlot(mapping, index);
  return taken != 0 && !slotFrame(taken - 1);
}

/** Whether a frame has page `index`, be it whole or being read: nobody has to pay for one more. */
export function hasFrame(mapping: Mapping, index: u64): bool {
  const entry = cacheEntry(mapping, index);
  return entry & IN_SWAP ? slotFrame(entry & ~IN_SWAP) != 0 : entry != 0;
}

/** Whether page `index` is in swap, and whole in a frame all the same (as mincore_swap). */
export function isInSwapCache(mapping: Mapping, index: u64): bool {
  const taken = cacheSlot(mapping, index);
  const pfn = taken ? slotFrame(taken - 1) : 0;
  return pfn != 0 && !flagTest(PG.locked, pfn);
}

/** Page `pfn` of a file, mapped nowhere, is in `slot` from now on, which counts it already. */
export function cacheToSwap(pfn: u32, slot: u32): void {
  const frame = frameOf(pfn);
  const mapping = changetype<Mapping>(frame.mapping);
  store<u32>(cachePlace(mapping, frame.index), slot | IN_SWAP);
  mapping.pages--;
  if (!mapping.swapped) listAdd(mapping);
  mapping.swapped++;
  flagClear(PG.pagecache, pfn);
  flagClear(PG.dirty, pfn);
  frame.mapping = 0;
  statAdd(Vmstat.nr_file_pages, -1);
  frameDrop(pfn);
}

/** Page `index`, whose slot has a frame that is whole, is cached again. */
export function cacheFromSwap(mapping: Mapping, index: u64): void {
  const slot = cacheSlot(mapping, index) - 1;
  const pfn = slotFrame(slot);
  if (CHECK) assert(pfn != 0 && !flagTest(PG.locked, pfn), "C4: a page that is whole");
  const frame = frameOf(pfn);
  store<u32>(cachePlace(mapping, index), pfn);
  mapping.pages++;
  frame.refcount++;
  frame.mapping = changetype<usize>(mapping);
  frame.index = index;
  flagSet(PG.pagecache, pfn);
  flagSet(PG.uptodate, pfn);
  frameDirty(pfn);
  statAdd(Vmstat.nr_file_pages, 1);
  slotLeft(mapping, slot);
}

/** One entry of `mapping` that named `slot` has gone. */
export function slotLeft(mapping: Mapping, slot: u32): void {
  mapping.swapped--;
  if (!mapping.swapped) listRemove(mapping);
  slotPut(slot);
}

/** A file with pages in swap goes, and they with it. */
export function swappedForget(mapping: Mapping): void {
  mapping.swapped = 0;
  listRemove(mapping);
}

function listAdd(mapping: Mapping): void {
  const pointer = changetype<usize>(mapping);
  mapping.swapPrev = 0;
  mapping.swapNext = swappedFirst;
  if (swappedFirst) changetype<Mapping>(swappedFirst).swapPrev = pointer;
  swappedFirst = pointer;
}

function listRemove(mapping: Mapping): void {
  if (mapping.swapPrev) changetype<Mapping>(mapping.swapPrev).swapNext = mapping.swapNext;
  else swappedFirst = mapping.swapNext;
  if (mapping.swapNext) changetype<Mapping>(mapping.swapNext).swapPrev = mapping.swapPrev;
}
