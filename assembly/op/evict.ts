// Taking one page out of memory (as Linux mm/vmscan.c shrink_folio_list, mm/rmap.c try_to_unmap).
//
//   page                                     every pte becomes          the frame
//   anonymous                                an entry of one slot       waits to be written
//   anonymous, MADV_FREE, not written since  nothing                    free
//   of a file with a backing, clean          nothing                    free
//   of a file in memory                      nothing: its cache names   waits to be written
//                                            the slot (swap-shared.ts)
//   of a file in memory, never written       nothing: it is zeros       free
//   in swap's cache alone, and there whole   (there is none)            free
//   anything else                            stays: `Fate` says why
//
// A page that somebody outside holds, or of an address space that is watched, goes in a bracket of
// its own: a refusal keeps that page and no other.

import { Demand, Fate, LruKind, Op, PG, Reason, ResultField, Status, Vmstat } from "../abi";
import { flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { lruMoveTo } from "../frame/lru";
import { cacheRemove } from "../map/cache-walk";
import { writebackSet } from "../map/dirty";
import { isOursAlone, lookDirty, lookLocked, lookWatched, pageLook } from "../map/look";
import { frameDrop, isShmem, Mapping } from "../map/mapping";
import { frameDirty, frameUnmap, rmapFirst, rmapNext, walkAddress, walkVma } from "../map/rmap";
import { softDirtyToSwap } from "../map/soft-dirty";
import {
  slotBusy,
  slotDup,
  slotIsBusy,
  slotTake,
  slotUncache,
  swapCloses,
  swapEntry,
  swapSlots,
  swapUsed,
} from "../map/swap";
import { pteSet, pteSlot, tableTrim } from "../map/table";
import { Vma, vmaMm } from "../map/vma";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";
import { statAdd } from "../mem/vmstat";
import {
  freezeConflict,
  Key,
  KeyKind,
  keyFirst,
  mappingConflict,
  mmConflict,
} from "../plan/freeze";
import { noticePage } from "../plan/notice";
import { planBegin, planDone } from "../plan/plan";
import { opened, refuseFrozen, Ticket, ticketFreeze, ticketOpen } from "../plan/ticket";
import { isLeftLocked } from "./left-locked";
import { freezePage } from "./migrate";
import { isUntouched, sharedOut } from "./swap-shared";

/**
 * The open hole, or the open end, that cuts the page at byte `at` of a file in two, or 0: what it
 * takes of that page is zeroed by its commit, which has to find it.
 */
function cutBy(mapping: Mapping, at: u64): usize {
  if (!mapping.freezes) return 0;
  for (let p = keyFirst(); p; p = changetype<Key>(p).all) {
    const key = changetype<Key>(p);
    if (key.kind != KeyKind.Mapping || key.object != changetype<usize>(mapping)) continue;
    const op = changetype<Ticket>(key.ticket).op;
    const isBefore = key.start == at + 4096;
    if (isBefore && (op == Op.Punch || op == Op.Truncate)) return key.ticket;
    if (key.end == at && op == Op.Punch) return key.ticket;
  }
  return 0;
}

/** The same of a cached page. */
function cutOf(pfn: u32): usize {
  return cutBy(changetype<Mapping>(frameOf(pfn).mapping), frameOf(pfn).index << 12);
}

/** The ticket that freezes a cached page in its file, or 0. */
export function frozenInFile(pfn: u32): usize {
  const at = frameOf(pfn).index << 12;
  const file = mappingConflict(changetype<Mapping>(frameOf(pfn).mapping), at, at + 4096);
  return file ? file : cutOf(pfn);
}

/** The ticket that freezes `pfn` somewhere, or 0. */
function frozenBy(pfn: u32): usize {
  if (!keyFirst()) return 0;
  const here = freezeConflict(KeyKind.Frame, pfn, 0, 1);
  if (here) return here;
  const file = flagTest(PG.pagecache, pfn) ? frozenInFile(pfn) : 0;
  if (file) return file;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const place = mmConflict(vmaMm(changetype<Vma>(walkVma)), walkAddress, walkAddress + 4096);
    if (place) return place;
  }
  return 0;
}

/** Has somebody to be told before `pfn` goes? Precondition: `pageLook`. */
function isTold(pfn: u32): bool {
  return CONFIG_EXPORT_NOTIFIER && (lookWatched || flagTest(PG.exported, pfn));
}

/** Fate of a page that does not go whatever its use; Reclaimed where nothing is in the way. */
export function obstacleOf(pfn: u32): Fate {
  if (flagTest(PG.quarantine, pfn)) return Fate.Quarantined;
  if (flagTest(PG.pinned, pfn) || flagTest(PG.ksm, pfn)) return Fate.Pinned;
  if (flagTest(PG.writeback, pfn) || flagTest(PG.locked, pfn)) return Fate.Busy;
  pageLook(pfn);
  if (lookLocked || isLeftLocked(pfn)) return Fate.Locked;
  if (frozenBy(pfn)) return Fate.Frozen;
  if (isTold(pfn)) return Fate.Exported;
  return isOursAlone(pfn) ? Fate.Reclaimed : Fate.Pinned;
}

/** Takes the page out; nobody is to be told, or everybody was. */
export function evictApply(pfn: u32): Fate {
  if (flagTest(PG.pagecache, pfn)) return evictCached(pfn);
  if (!frameOf(pfn).mapcount) return evictUnmapped(pfn);
  return flagTest(PG.swapbacked, pfn) ? swapOut(pfn) : evictLazyFree(pfn);
}

/** A page of a file: what the ptes know of it first, then whether it can be read again. */
function evictCached(pfn: u32): Fate {
  const frame = frameOf(pfn);
  const mapping = changetype<Mapping>(frame.mapping);
  pageLook(pfn);
  if (isShmem(mapping)) {
    if (!isUntouched(pfn, lookDirty)) return sharedOut(pfn);
  } else {
    if (!mapping.isBacked) return Fate.Unbacked;
    if (lookDirty) frameDirty(pfn);
    if (flagTest(PG.dirty, pfn)) return Fate.Dirty;
  }
  const index = frame.index;
  clearPtes(pfn);
  cacheRemove(mapping, index);
  return Fate.Reclaimed;
}

/** Clears every pte of `pfn`, which something else keeps. */
export function clearPtes(pfn: u32): void {
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    pteSet(pteSlot(mm, walkAddress), 0);
    tableTrim(mm, walkAddress);
    frameUnmap(pfn);
  }
}

/** MADV_FREE: dropped when it was not written again, an ordinary page when it was. */
function evictLazyFree(pfn: u32): Fate {
  pageLook(pfn);
  if (lookDirty || flagTest(PG.dirty, pfn)) {
    flagSet(PG.swapbacked, pfn);
    lruMoveTo(pfn, LruKind.ActiveAnon);
    return Fate.Kept;
  }
  frameOf(pfn).refcount++;
  clearPtes(pfn);
  frameDrop(pfn);
  statAdd(Vmstat.pglazyfreed, 1);
  return Fate.Reclaimed;
}

/** In swap's cache alone: swap has its bytes, unless they could not be written. */
function evictUnmapped(pfn: u32): Fate {
  if (!flagTest(PG.swapcache, pfn)) return Fate.Pinned;
  const slot = frameOf(pfn).private_;
  if (slotIsBusy(slot)) return Fate.Busy;
  if (flagTest(PG.dirty, pfn)) {
    slotBusy(slot);
    writebackSet(pfn);
  } else {
    slotUncache(slot);
  }
  return Fate.Reclaimed;
}

/** Every pte gets an entry of one slot: the page's own, or a fresh one. */
function swapOut(pfn: u32): Fate {
  const isCached = flagTest(PG.swapcache, pfn);
  const frame = frameOf(pfn);
  if (isCached && slotIsBusy(frame.private_)) return Fate.Busy;
  const taken = isCached ? frame.private_ + 1 : slotTake(pfn);
  if (!taken) return Fate.NoSwap;
  const slot = taken - 1;
  const entry = swapEntry(slot, frame.mapcount == 1 && !isCached);
  // The slot that was taken counts its first entry already.
  let counted = !isCached;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const at = pteSlot(vmaMm(changetype<Vma>(walkVma)), walkAddress);
    pteSet(at, entry | softDirtyToSwap(load<u64>(at)));
    if (counted) counted = false;
    else slotDup(slot);
    frameUnmap(pfn);
  }
  slotBusy(slot);
  writebackSet(pfn);
  return Fate.Reclaimed;
}

/** Whether swap has room for a page more; one that is about to go has none. */
export function hasSwap(): bool {
  return !swapCloses && swapUsed < swapSlots;
}

/**
 * Takes out a page that somebody is to be told of, or any other: Count = 1 where it went.
 * @returns Ok; a ticket; EINVAL for no page in an LRU list; EAGAIN when frozen; EBUSY where it
 *   does not go, with its Fate in Pfn; ENOMEM.
 */
export function pageEvict(pfn: u32): i32 {
  if (!pfn || pfn >= frameCount || !frameOf(pfn).lru) return Status.EINVAL;
  const obstacle = obstacleOf(pfn);
  if (obstacle == Fate.Frozen) return refuseFrozen(frozenBy(pfn));
  if (obstacle == Fate.Exported) return evictTicket(pfn);
  return evicted(obstacle == Fate.Reclaimed ? evictApply(pfn) : obstacle);
}

function evicted(fate: Fate): i32 {
  resultSet(ResultField.Count, fate == Fate.Reclaimed ? 1 : 0);
  resultSet(ResultField.Pfn, fate);
  return fate == Fate.Reclaimed ? Status.Ok : Status.EBUSY;
}

/** Whether `pfn` is a page of a file with a backing, and newer. Precondition: `pageLook`. */
export function isDirtyOfFile(pfn: u32): bool {
  if (!flagTest(PG.pagecache, pfn) || !changetype<Mapping>(frameOf(pfn).mapping).isBacked) {
    return false;
  }
  return lookDirty || flagTest(PG.dirty, pfn);
}

/** Would it go if everybody agreed? Nobody is told of a page that stays anyway. */
function cannotGo(pfn: u32): Fate {
  const frame = frameOf(pfn);
  if (flagTest(PG.pagecache, pfn)) {
    const mapping = changetype<Mapping>(frame.mapping);
    if (isShmem(mapping)) {
      return hasSwap() || isUntouched(pfn, lookDirty) ? Fate.Reclaimed : Fate.NoSwap;
    }
    if (!mapping.isBacked) return Fate.Unbacked;
    return isDirtyOfFile(pfn) ? Fate.Dirty : Fate.Reclaimed;
  }
  if (!frame.mapcount) return Fate.Pinned;
  const needsSlot = flagTest(PG.swapbacked, pfn) && !flagTest(PG.swapcache, pfn);
  return needsSlot && !hasSwap() ? Fate.NoSwap : Fate.Reclaimed;
}

function evictTicket(pfn: u32): i32 {
  const stays = cannotGo(pfn);
  if (stays != Fate.Reclaimed) return evicted(stays);
  planBegin();
  noticePage(pfn, Reason.Evict, Demand.All);
  rmapFirst(pfn);
  const status = ticketOpen(Op.Evict, vmaMm(changetype<Vma>(walkVma)));
  if (status) return status;
  const frame = frameOf(pfn);
  if (flagTest(PG.pagecache, pfn)) {
    const at = frame.index << 12;
    const file = ticketFreeze(KeyKind.Mapping, frame.mapping, at, at + 4096);
    if (file) return file;
  }
  const frozen = freezePage(pfn);
  if (frozen) return frozen;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(pfn, 0, 0, 0);
}

/**
 * Where swap has filled up, or the page was written, meanwhile, or a cut that has begun will zero
 * a part of it, it stays: that is no failure.
 */
export function evictCommit(ticket: Ticket): i32 {
  const pfn = <u32>ticket.a;
  const isCut = flagTest(PG.pagecache, pfn) && cutOf(pfn) != 0;
  evicted(isCut ? Fate.Frozen : evictApply(pfn));
  return Status.Ok;
}
