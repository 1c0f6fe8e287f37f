// Reading ahead from swap (as Linux mm/swap_state.c swap_cluster_readahead): with the page that is
// wanted come its neighbours on disk, which went out together and will be wanted together.
//
//   slot      8   9  10  11  12  13  14  15           window: up to 8, aligned, as hits have it
//             ·   c   r   W   r   r   ·   r           W wanted, r read ahead, c cached, · free
//
//   read ahead:  PG.locked ──▶ PG.reclaim ──▶ mapped (a hit: the next window may be wider)
//                                   └──▶ dropped, where a frame is needed for anything else
//
// A frame with PG.reclaim (Linux has its PG_readahead in the same bit) has the same bytes as its
// slot and is mapped by nobody, so that it can go at any moment. Ptes do not change.

import { LruKind, PG, Vmstat } from "../abi";
import { frameAlloc, framesAvailable, shrinkerSet } from "../frame/buddy";
import { flagClear, flagNext, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { lruAdd, lruOf } from "../frame/lru";
import {
  slotBusy,
  slotCache,
  slotCount,
  slotFrame,
  slotIsBusy,
  slotUncache,
  swapOn,
  swapSlots,
} from "../map/swap";
import { frameCount } from "../mem/layout";
import { statAdd } from "../mem/vmstat";

/** Linux's page_cluster, 3: slots of the widest window. */
const WINDOW_MAX: u32 = 8;
/** Hits that a new area begins with, so that its first window is the widest. */
const HITS_FIRST: u32 = 4;

let hits: u32 = HITS_FIRST;
let previous: u32 = 0;
let window: u32 = 0;

/** As `swapOn`; what was learnt of another area is forgotten. */
export function swapBegin(slots: u32): i32 {
  hits = HITS_FIRST;
  previous = 0;
  window = 0;
  shrinkerSet(aheadShrink);
  return swapOn(slots);
}

/** Slots that a read of `slot` brings, itself included: more after hits, fewer without. */
function windowFor(slot: u32): u32 {
  let slots: u32 = 1;
  if (hits) {
    slots = 4;
    while (slots < hits + 2) slots <<= 1;
  } else if (slot == previous + 1 || slot + 1 == previous) {
    slots = 2;
  }
  slots = max(min(slots, WINDOW_MAX), window >> 1);
  if (!hits) previous = slot;
  hits = 0;
  window = slots;
  return slots;
}

/** Whether a frame can be spared for a guess: a 64th of them stays. */
function isSpare(): bool {
  return framesAvailable() > frameCount >> 6;
}

/** Begins to read `slot` into a fresh frame. @returns the frame, or 0. */
export function readBegin(slot: u32, group: u32): u32 {
  const pfn = frameAlloc(0);
  if (!pfn) return 0;
  slotCache(slot, pfn);
  slotBusy(slot);
  flagSet(PG.locked, pfn);
  flagSet(PG.swapbacked, pfn);
  lruAdd(pfn, lruOf(group, LruKind.InactiveAnon));
  return pfn;
}

/** Begins to read what lies around `wanted`, as far as there are frames for it. */
export function readAhead(wanted: u32, group: u32): void {
  const mask = windowFor(wanted) - 1;
  const end = min((wanted | mask) + 1, swapSlots);
  for (let slot = wanted & ~mask; slot < end && isSpare(); slot++) {
    if (!slotCount(slot) || slotIsBusy(slot) || slotFrame(slot)) continue;
    flagSet(PG.reclaim, readBegin(slot, group));
    statAdd(Vmstat.swap_ra, 1);
  }
}

/** A cached frame is wanted: if it was read ahead that is a hit, and it is not dropped any more. */
export function aheadHit(pfn: u32): void {
  if (!flagTest(PG.reclaim, pfn)) return;
  flagClear(PG.reclaim, pfn);
  statAdd(Vmstat.swap_ra_hit, 1);
  hits += 1;
}

/** Drops frames that were read ahead and never wanted, `count` of them or as many as there are. */
function aheadShrink(count: u32): void {
  let left = count;
  let pfn = flagNext(PG.reclaim, 0, frameCount);
  for (; left && pfn < frameCount; pfn = flagNext(PG.reclaim, pfn + 1, frameCount)) {
    if (flagTest(PG.locked, pfn)) continue;
    flagClear(PG.reclaim, pfn);
    slotUncache(frameOf(pfn).private_);
    left -= 1;
  }
}
