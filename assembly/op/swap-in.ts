// Bringing a page back from swap (as Linux mm/memory.c do_swap_page), and the host's part in it.
//
//   fault ──▶ cached? ── yes ──▶ map it
//               │ no
//               └──▶ a frame is cached, locked; NEED_IO ──▶ host reads ──▶ swap_filled ──▶ fault
//                    and its neighbours' (swap-ahead.ts): swap_next_read

import { PG, ResultField, Status, VM_WRITE, Vmstat } from "../abi";
import { flagClear, flagNext, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { anonVmaPrepare, anonVmaRoot, MAPPING_ANON } from "../map/anon-vma";
import { writebackClear } from "../map/dirty";
import { Mm } from "../map/mm";
import { D, pteMake, W } from "../map/pte";
import { frameMapNewAnon } from "../map/rmap";
import { mayWriteUnmarked, softDirtyFromSwap } from "../map/soft-dirty";
import {
  slotCount,
  slotFrame,
  slotIdle,
  slotIsBusy,
  slotPut,
  slotUncache,
  swapSlot,
  swapSlots,
} from "../map/swap";
import { pteSet, pteSlot } from "../map/table";
import { Vma } from "../map/vma";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";
import { statAdd } from "../mem/vmstat";
import { aheadHit, readAhead, readBegin } from "./swap-ahead";

/** Begins to read `slot` into a fresh frame: NEED_IO with both in the result block; ENOMEM. */
export function startRead(slot: u32, group: u32): i32 {
  const pfn = readBegin(slot, group);
  if (!pfn) return Status.ENOMEM;
  readAhead(slot, group);
  return needIo(slot, pfn);
}

/** NEED_IO of swap, and of no file: with no frame in Pfn, until the host is done with a page. */
export function needIo(slot: u32, pfn: u32): i32 {
  resultSet(ResultField.Mapping, 0);
  resultSet(ResultField.Count, slot);
  resultSet(ResultField.Pfn, pfn);
  return Status.NEED_IO;
}

/** Maps the page at `page`, which is swapped out. @returns Ok, NEED_IO or ENOMEM. */
export function swapIn(mm: Mm, vma: Vma, page: u64): i32 {
  const pteAt = pteSlot(mm, page);
  const slot = swapSlot(load<u64>(pteAt));
  const cached = slotFrame(slot);
  if (!cached) {
    const status = startRead(slot, mm.group);
    if (status == Status.NEED_IO) statAdd(Vmstat.pgmajfault, 1);
    return status;
  }
  if (flagTest(PG.locked, cached)) return needIo(slot, cached);
  aheadHit(cached);
  if (!anonVmaPrepare(vma)) return Status.ENOMEM;
  // Others had the slot, and map its frame by now: then it is nobody's alone.
  const alone = slotCount(slot) == 1 && !frameOf(cached).mapcount;
  mapCached(vma, page, cached, alone);
  const mark = softDirtyFromSwap(load<u64>(pteAt));
  const write = alone && vma.flags & VM_WRITE && mayWriteUnmarked(vma, mark) ? W : 0;
  pteSet(pteAt, pteMake(cached, vma.flags) | D | mark | write);
  slotPut(slot);
  resultSet(ResultField.Pfn, cached);
  return Status.Ok;
}

/** The cached frame is a page of `vma` again; a sharer may have mapped it already. */
function mapCached(vma: Vma, page: u64, pfn: u32, alone: bool): void {
  const frame = frameOf(pfn);
  if (frame.mapcount) {
    frame.mapcount++;
    frame.refcount++;
    return;
  }
  const refs = frame.refcount;
  flagClear(PG.dirty, pfn);
  frameMapNewAnon(pfn, vma, page);
  frame.refcount = refs + 1;
  // Every area that still names the slot is chained to the root (as Linux __folio_set_anon).
  if (!alone) frame.mapping = anonVmaRoot(vma.anonVma) | MAPPING_ANON;
}

/** The host has read `slot`: EBADF for a slot that is not being read. */
export function swapFilled(slot: u32, failed: bool): i32 {
  if (slot >= swapSlots || !slotIsBusy(slot)) return Status.EBADF;
  const pfn = slotFrame(slot);
  if (!pfn || !flagTest(PG.locked, pfn)) return Status.EBADF;
  flagClear(PG.locked, pfn);
  if (failed) slotUncache(slot);
  else statAdd(Vmstat.pswpin, 1);
  slotIdle(slot);
  return Status.Ok;
}

/** The next frame that waits to be written: 1 with Count = slot and Pfn, or 0. */
export function swapNext(from: u32): i32 {
  return nextWith(PG.writeback, from);
}

/** The next frame that waits to be read, wanted or ahead: 1 with Count = slot and Pfn, or 0. */
export function swapNextRead(from: u32): i32 {
  return nextWith(PG.locked, from);
}

function nextWith(flag: PG, from: u32): i32 {
  let pfn = flagNext(flag, from, frameCount);
  while (pfn < frameCount && !flagTest(PG.swapcache, pfn))
    pfn = flagNext(flag, pfn + 1, frameCount);
  if (pfn >= frameCount) return 0;
  resultSet(ResultField.Count, frameOf(pfn).private_);
  resultSet(ResultField.Pfn, pfn);
  return 1;
}

/**
 * The host has written `slot`, and its frame is given back unless it was mapped again meanwhile.
 * `failed`: the bytes are nowhere else, the frame stays cached, and nothing is lost.
 */
export function swapWritten(slot: u32, failed: bool): i32 {
  if (slot >= swapSlots || !slotIsBusy(slot)) return Status.EBADF;
  const pfn = slotFrame(slot);
  if (!pfn || !flagTest(PG.writeback, pfn)) return Status.EBADF;
  writebackClear(pfn);
  // What is dirty here is nowhere else: reclaim writes it again.
  if (failed) flagSet(PG.dirty, pfn);
  else if (!flagTest(PG.pagecache, pfn)) flagClear(PG.dirty, pfn);
  if (!failed) {
    statAdd(Vmstat.pswpout, 1);
    if (!frameOf(pfn).mapcount) slotUncache(slot);
  }
  slotIdle(slot);
  return Status.Ok;
}
