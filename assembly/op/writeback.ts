// Writing dirty pages of a file back (as Linux mm/page-writeback.c and mm/rmap.c folio_mkclean):
// every shared pte that may write a page loses that, so that who writes it again makes it dirty
// again.
//
//   plan     up to 64 dirty pages of a range; whoever may write one from outside is told
//   commit   ptes: W and D go; page: clean, and being written where a host keeps the bytes
//   host     writes the copy that it took at the commit ──▶ fileWritten
//
// Only shared areas show what is written (as invalid_mkclean_vma): a private one never writes it.

import {
  Demand,
  Op,
  PG,
  Reason,
  ResultField,
  Status,
  VM_SHARED,
  Vmstat,
  WRITEBACK_PAGES_MAX,
  WritebackEntry,
  WritebackMode,
} from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress } from "../frame/frame";
import { dirtyNext, pageCleaned, writebackClear, writebackSet } from "../map/dirty";
import { holeHas } from "../map/hole";
import { cacheGet, Mapping, mappingGet, mappingPut } from "../map/mapping";
import { Mm } from "../map/mm";
import { D, E, W } from "../map/pte";
import { frameDirty, rmapFirst, rmapNext, walkAddress, walkVma } from "../map/rmap";
import { pteSlot } from "../map/table";
import { Vma, vmaMm } from "../map/vma";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { windowBase } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { statAdd } from "../mem/vmstat";
import { Key, KeyKind, mappingConflict, mmConflict } from "../plan/freeze";
import { noticePage } from "../plan/notice";
import { planBegin, planDone, planTells } from "../plan/plan";
import { opened, planDrop, refuseFrozen, Ticket, ticketFreeze, ticketOpen } from "../plan/ticket";
import { cacheReady, isStored, needFileIo } from "./file-read";

/** Indexes of the pages that the plan being made is about, ascending. */
const chosen = memory.data(<i32>(WRITEBACK_PAGES_MAX << 3), 8);
let count: u32 = 0;

function chosenAt(at: u32): u64 {
  return load<u64>(chosen + ((<usize>at) << 3));
}

// The places of a page in shared areas.

function sharedSettle(found: bool): bool {
  let more = found;
  while (more && !(changetype<Vma>(walkVma).flags & VM_SHARED)) more = rmapNext();
  return more;
}

function sharedFirst(pfn: u32): bool {
  return sharedSettle(rmapFirst(pfn));
}

function sharedNext(): bool {
  return sharedSettle(rmapNext());
}

/** The ticket that freezes page `index` or a place of it, or 0. */
function blockerOf(mapping: Mapping, index: u64, pfn: u32): usize {
  const blocker = mappingConflict(mapping, index << 12, (index + 1) << 12);
  if (blocker) return blocker;
  for (let more = sharedFirst(pfn); more; more = sharedNext()) {
    const held = mmConflict(vmaMm(changetype<Vma>(walkVma)), walkAddress, walkAddress + 4096);
    if (held) return held;
  }
  return 0;
}

/** Is anybody to be told: a record of a shared place, or a watch on an mm that has one? */
function isHeard(pfn: u32): bool {
  if (!CONFIG_EXPORT_NOTIFIER) return false;
  for (let more = sharedFirst(pfn); more; more = sharedNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    if (mm.watches || load<u64>(pteSlot(mm, walkAddress)) & E) return true;
  }
  return false;
}

/** Why the page has to be waited for first: NEED_IO, EAGAIN; else Ok. */
function delay(mapping: Mapping, index: u64, pfn: u32): i32 {
  if (flagTest(PG.writeback, pfn)) return needFileIo(mapping, index);
  const blocker = blockerOf(mapping, index, pfn);
  return blocker ? refuseFrozen(blocker) : Status.Ok;
}

/** Why the page that would be chosen next has to be waited for; Ok for none. */
let late: i32 = 0;

/**
 * Chooses dirty pages of [first, end) and makes their notices. One that lies in a hole is left
 * until the hole is stored.
 *
 * @returns where to go on.
 */
function choose(mapping: Mapping, first: u64, end: u64, most: u32, mode: u32): u64 {
  count = 0;
  late = Status.Ok;
  let at = dirtyNext(mapping, first);
  for (; at < end && count < most; at = dirtyNext(mapping, at + 1)) {
    if (holeHas(mapping, at)) continue;
    const pfn = cacheGet(mapping, at);
    const reason = delay(mapping, at, pfn);
    if (reason && mode == WritebackMode.Background) continue;
    if (reason) {
      late = reason;
      return at;
    }
    store<u64>(chosen + ((<usize>count) << 3), at);
    count++;
    if (isHeard(pfn)) noticePage(pfn, Reason.Writeback, Demand.Writers);
  }
  return min(at, end);
}

/** Every shared pte of `pfn` loses W and D (Linux: page_vma_mkclean_one). */
function mkclean(pfn: u32): void {
  for (let more = sharedFirst(pfn); more; more = sharedNext()) {
    const slot = pteSlot(vmaMm(changetype<Vma>(walkVma)), walkAddress);
    const pte = load<u64>(slot);
    if (pte & (W | D)) store<u64>(slot, pte & ~(W | D));
  }
}

const ENTRY_BYTES: usize = WritebackEntry.LENGTH << 2;

/** Page `index` is clean; where a host keeps its bytes, it finds in the window what to write. */
function cleanPage(mapping: Mapping, index: u64, listed: u32): u32 {
  const pfn = cacheGet(mapping, index);
  if (!pfn || !flagTest(PG.dirty, pfn)) return listed;
  mkclean(pfn);
  pageCleaned(pfn);
  const bytes = <u32>min(mapping.size - (index << 12), 4096);
  // What a mapping wrote beyond the end of the file is not kept (Linux: ext4_bio_write_folio).
  memory.fill(frameAddress(pfn) + bytes, 0, 4096 - bytes);
  if (!mapping.isBacked) {
    statAdd(Vmstat.nr_written, 1);
    return listed + 1;
  }
  writebackSet(pfn);
  mapping.writebacks++;
  const entry = windowBase + <usize>listed * ENTRY_BYTES;
  store<u64>(entry, index);
  store<u32>(entry + (WritebackEntry.Pfn << 2), pfn);
  store<u32>(entry + (WritebackEntry.Bytes << 2), bytes);
  return listed + 1;
}

function finish(listed: u32, next: u64): i32 {
  resultSet(ResultField.Count, listed);
  resultSet64(ResultField.ValueLo, next);
  return Status.Ok;
}

/**
 * Begins to write dirty pages of [first, end) back, at most `most`: Count of them in the window,
 * and Value is the page to go on with. `mode` is a WritebackMode.
 *
 * @returns Ok; a ticket, whose commit leaves the same; NEED_IO, EAGAIN where the first page has to
 *   be waited for; ENOMEM, ENFILE.
 */
export function fileWriteback(mapping: Mapping, first: u64, end: u64, most: u32, mode: u32): i32 {
  planBegin();
  const next = choose(mapping, first, end, min(most, WRITEBACK_PAGES_MAX), mode);
  if (!count && late) return planDrop(late);
  if (planTells()) return writebackTicket(mapping, next);
  let listed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) listed = cleanPage(mapping, chosenAt(i), listed);
  return finish(listed, next);
}

/** Freezes the pages that were chosen, in the file and wherever they are shown to be written. */
function writebackTicket(mapping: Mapping, next: u64): i32 {
  const status = ticketOpen(Op.Writeback, changetype<Mm>(0));
  if (status) return status;
  const object = changetype<usize>(mapping);
  for (let i: u32 = 0; i < count; i++) {
    const at = chosenAt(i);
    const frozen = ticketFreeze(KeyKind.Mapping, object, at << 12, (at + 1) << 12);
    if (frozen) return frozen;
    for (let more = sharedFirst(cacheGet(mapping, at)); more; more = sharedNext()) {
      const mm = changetype<usize>(vmaMm(changetype<Vma>(walkVma)));
      const place = ticketFreeze(KeyKind.Mm, mm, walkAddress, walkAddress + 4096);
      if (place) return place;
    }
  }
  mappingGet(mapping);
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(<u64>object, next, 0, 0);
}

export function writebackCommit(ticket: Ticket): i32 {
  const mapping = changetype<Mapping>(<usize>ticket.a);
  let listed: u32 = 0;
  for (let at = ticket.keys; at; at = changetype<Key>(at).next) {
    const key = changetype<Key>(at);
    if (key.kind == KeyKind.Mapping) listed = cleanPage(mapping, key.start >> 12, listed);
  }
  writebackAbort(ticket);
  return finish(listed, ticket.b);
}

/** A planned writeback held its file. */
export function writebackAbort(ticket: Ticket): void {
  if (ticket.a) mappingPut(changetype<Mapping>(<usize>ticket.a));
  ticket.a = 0;
}

/**
 * What the host stored of page `index` may reach beyond what it had; beyond the file it is stale.
 */
function storedTo(mapping: Mapping, end: u64, failed: bool): void {
  const known = failed ? mapping.diskEnd : min(max(mapping.diskEnd, end), mapping.size);
  mapping.diskEnd = known;
  if (end > known) mapping.staleEnd = max(mapping.staleEnd, end);
  else if (mapping.staleEnd <= known) mapping.staleEnd = 0;
}

/**
 * The host has written `bytes` of page `index`. `failed`: it may have stored any part of them, and
 * the page is dirty again. EBADF for a page that is not being written.
 */
export function fileWritten(mapping: Mapping, index: u64, bytes: u32, failed: bool): i32 {
  const pfn = cacheGet(mapping, index);
  if (!pfn || !flagTest(PG.writeback, pfn)) return Status.EBADF;
  writebackClear(pfn);
  mapping.writebacks--;
  storedTo(mapping, (index << 12) + bytes, failed);
  if (failed) frameDirty(pfn);
  else statAdd(Vmstat.nr_written, 1);
  return Status.Ok;
}

/** The host has cut what it stores to `end` bytes: nothing beyond that is stale any more. */
export function fileTrimmed(mapping: Mapping, end: u64): void {
  mapping.staleEnd = end <= mapping.diskEnd ? 0 : min(mapping.staleEnd, end);
}

/**
 * Page `index` has to be written again although it was: 1 where it is cached, and dirty now. Else 0
 * where nothing counts of what the host has of it, 2 where that has to be read back.
 */
export function fileRedirty(mapping: Mapping, index: u64): i32 {
  const pfn = cacheReady(mapping, index);
  if (!pfn) return isStored(mapping, index) ? 2 : 0;
  frameDirty(pfn);
  return 1;
}
