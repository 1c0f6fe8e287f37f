// The calls on tickets, notices and export records, as the shell makes them.

import { Status, WINDOW_BYTES } from "../abi";
import { isExported, mmOf } from "../map/mm";
import { windowBase } from "../mem/layout";
import { ticketAbort, ticketCommit, ticketEnd } from "../op/commit";
import {
  exportAdd,
  exportLowerRange,
  exportRemove,
  exportRemoveAll,
  exportRemoveRange,
  mmWatch,
  pageSetDirty,
} from "../op/export";
import { settled } from "../op/machine";
import { pageMigrate } from "../op/migrate";
import { noticeReach } from "../op/reach";
import { mmConflict } from "../plan/freeze";
import { noticeOf } from "../plan/notice";
import { ExportRecord, quarantined, subscriberCount, subscriberFirst } from "../plan/record";
import { ticketHandle, ticketOf } from "../plan/ticket";

/** The first notice of a ticket, 0 for none. */
export function ticketNotices(handle: u32): u32 {
  const ticket = ticketOf(handle);
  return ticket ? <u32>ticket.notices : 0;
}

export function noticeReachEntry(pointer: u32): u32 {
  const notice = noticeOf(pointer);
  return notice ? noticeReach(notice) : 0;
}

export function commitEntry(handle: u32): i32 {
  const ticket = ticketOf(handle);
  return ticket ? settled(ticketCommit(ticket)) : Status.EBADF;
}

export function abortEntry(handle: u32): i32 {
  const ticket = ticketOf(handle);
  return ticket ? settled(ticketAbort(ticket)) : Status.EBADF;
}

export function endEntry(handle: u32): i32 {
  const ticket = ticketOf(handle);
  return ticket ? settled(ticketEnd(ticket)) : Status.EBADF;
}

/** The open ticket that an operation on [start, end) of an mm would meet, 0 for none. */
export function conflictEntry(handle: u32, start: f64, end: f64): u32 {
  const mm = mmOf(handle);
  if (!mm) return 0;
  const ticket = mmConflict(mm, <u64>start, <u64>end);
  return ticket ? <u32>ticketHandle(ticket) : 0;
}

export function migrateEntry(pfn: u32): i32 {
  return settled(pageMigrate(pfn));
}

export function exportAddEntry(subscriber: u32, handle: u32, address: f64, rights: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(exportAdd(subscriber, mm, <u64>address, rights)) : Status.ESRCH;
}

export function exportRemoveEntry(subscriber: u32, handle: u32, address: f64): i32 {
  return settled(exportRemove(subscriber, handle, <u64>address));
}

export function exportRemoveRangeEntry(subscriber: u32, handle: u32, start: f64, end: f64): i32 {
  return settled(exportRemoveRange(subscriber, handle, <u64>start, <u64>end));
}

export function exportRemoveAllEntry(subscriber: u32): i32 {
  return settled(exportRemoveAll(subscriber));
}

export function exportLowerRangeEntry(subscriber: u32, handle: u32, start: f64, end: f64): i32 {
  const mm = mmOf(handle);
  return mm ? exportLowerRange(subscriber, mm, <u64>start, <u64>end) : Status.ESRCH;
}

export function exportCount(subscriber: u32): u32 {
  return subscriberCount(subscriber);
}

const LISTED_BYTES: u32 = 20;

/** Writes (mm, addressLo, addressHi, pfn, rights) of a subscriber's records to the window. */
export function exportList(subscriber: u32, skip: u32): u32 {
  let at = subscriberFirst(subscriber);
  for (let i: u32 = 0; at && i < skip; i++) at = changetype<ExportRecord>(at).next;
  let count: u32 = 0;
  for (; at && count < WINDOW_BYTES / LISTED_BYTES; count++) {
    const record = changetype<ExportRecord>(at);
    const to = windowBase + <usize>(count * LISTED_BYTES);
    store<u32>(to, record.mm);
    store<u32>(to + 4, <u32>record.address);
    store<u32>(to + 8, <u32>(record.address >> 32));
    store<u32>(to + 12, record.pfn);
    store<u32>(to + 16, record.rights);
    at = record.next;
  }
  return count;
}

export function watchEntry(handle: u32, delta: i32): i32 {
  const mm = mmOf(handle);
  return mm ? mmWatch(mm, delta) : Status.ESRCH;
}

export function isExportedEntry(handle: u32): u32 {
  const mm = mmOf(handle);
  return mm && isExported(mm) ? 1 : 0;
}

export function setDirtyEntry(handle: u32, address: f64): i32 {
  const mm = mmOf(handle);
  return mm ? pageSetDirty(mm, <u64>address) : Status.ESRCH;
}

export function quarantineCount(): u32 {
  return quarantined;
}
