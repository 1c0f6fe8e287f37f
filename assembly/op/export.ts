// What subscribers ask of the engine: export, unexport, dirty hand-back.

import { PG, PTE_W, ResultField, Rights, Status, SUBSCRIBERS_MAX } from "../abi";
import { flagTest } from "../frame/flags";
import { headOf } from "../frame/huge";
import { entrySlot, pteAt } from "../map/huge";
import { Mm, mmOf } from "../map/mm";
import { D, E, P, ptePfn, S, SD, U } from "../map/pte";
import { frameDirty } from "../map/rmap";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { resultSet } from "../mem/result";
import { farewellReserve, farewellSettle } from "../plan/farewell";
import { USER_END } from "../plan/placement";
import {
  ExportRecord,
  pteExact,
  recordAdd,
  recordRemove,
  scanFirst,
  scanNext,
  subscriberFirst,
} from "../plan/record";
import { checkFrozen } from "../plan/ticket";

/**
 * Records that `subscriber` holds the page at `address` (SetPageExported).
 *
 * @returns Ok with its frame in Pfn; EFAULT where the page must be faulted in first: absent, or
 *   not writable and `rights` has Write; EINVAL for a device's memory, which has no page to hold;
 *   EAGAIN when frozen; ENOSPC at the limit of records; EUSERS for no such subscriber; ENOMEM;
 *   EOPNOTSUPP without CONFIG_EXPORT_NOTIFIER.
 */
export function exportAdd(subscriber: u32, mm: Mm, address: u64, rights: u32): i32 {
  if (!CONFIG_EXPORT_NOTIFIER) return Status.EOPNOTSUPP;
  if (subscriber >= SUBSCRIBERS_MAX) return Status.EUSERS;
  if (!(rights & (Rights.Read | Rights.Write)) || address >= USER_END) return Status.EINVAL;
  const page = address & ~(<u64>4095);
  const frozen = checkFrozen(mm, page, page + 4096);
  if (frozen) return frozen;
  const pte = pteAt(mm, page);
  // A page that the area forbids to touch can not be handed out either.
  if (!(pte & U)) return Status.EFAULT;
  if (pte & S && ptePfn(pte)) return Status.EINVAL;
  if (rights & Rights.Write && !(pte & <u64>PTE_W)) return Status.EFAULT;
  resultSet(ResultField.Pfn, ptePfn(pte));
  return recordAdd(subscriber, mm, page, rights);
}

/** Lets go of one page: 1, or 0 where there was no record. Allowed at any time. */
export function exportRemove(subscriber: u32, handle: u32, address: u64): i32 {
  return exportRemoveRange(subscriber, handle, address & ~(<u64>4095), address + 1);
}

function removeLive(subscriber: u32, mm: Mm, start: u64, end: u64): i32 {
  let count: i32 = 0;
  for (let p = scanFirst(mm, start, end); p; p = scanNext(mm)) {
    if (changetype<ExportRecord>(p).subscriber != subscriber) continue;
    recordRemove(p);
    count++;
  }
  return count;
}

function inRange(record: ExportRecord, handle: u32, start: u64, end: u64): bool {
  return record.mm == handle && record.address >= start && record.address < end;
}

/** Lets go of the pages in [start, end) of an mm, alive or gone. @returns records dropped. */
export function exportRemoveRange(subscriber: u32, handle: u32, start: u64, end: u64): i32 {
  const mm = mmOf(handle);
  if (mm) return removeLive(subscriber, mm, start, min(end, USER_END));
  let count: i32 = 0;
  let at = subscriberFirst(subscriber);
  while (at) {
    const record = changetype<ExportRecord>(at);
    const next = record.next;
    if (inRange(record, handle, start, end)) {
      recordRemove(at);
      count++;
    }
    at = next;
  }
  return count;
}

/** Drops every record of a subscriber (export_notifier_release, fence). @returns how many. */
export function exportRemoveAll(subscriber: u32): i32 {
  let count: i32 = 0;
  for (let at = subscriberFirst(subscriber); at; at = subscriberFirst(subscriber)) {
    recordRemove(at);
    count++;
  }
  return count;
}

/** Gives up the right to write in [start, end), keeps that to read. @returns records lowered. */
export function exportLowerRange(subscriber: u32, mm: Mm, start: u64, end: u64): i32 {
  let count: i32 = 0;
  for (let p = scanFirst(mm, start, min(end, USER_END)); p; p = scanNext(mm)) {
    const record = changetype<ExportRecord>(p);
    if (record.subscriber != subscriber || !(record.rights & Rights.Write)) continue;
    record.rights = Rights.Read;
    count++;
  }
  return count;
}

/** The holder has used its pages in [start, end). @returns records marked. */
export function exportMarkAccessed(subscriber: u32, mm: Mm, start: u64, end: u64): i32 {
  let count: i32 = 0;
  for (let p = scanFirst(mm, start, min(end, USER_END)); p; p = scanNext(mm)) {
    const record = changetype<ExportRecord>(p);
    if (record.subscriber != subscriber) continue;
    record.accessed = 1;
    count++;
  }
  return count;
}

/** The page was written from outside (dirty hand-back). ENOENT where nobody has a record of it. */
export function pageSetDirty(mm: Mm, address: u64): i32 {
  if (address >= USER_END) return Status.EINVAL;
  const page = address & ~(<u64>4095);
  const slot = entrySlot(mm, page);
  const pte = pteExact(mm, page);
  if (!(pte & P) || !(pte & E) || pte & S) return Status.ENOENT;
  store<u64>(slot, load<u64>(slot) | D | SD);
  const pfn = headOf(ptePfn(pte));
  if (!flagTest(PG.anon, pfn)) frameDirty(pfn);
  return Status.Ok;
}

/** A watcher more or less of all range operations of `mm` (MMF_EXPORTED). */
export function mmWatch(mm: Mm, delta: i32): i32 {
  if (!CONFIG_EXPORT_NOTIFIER) return Status.EOPNOTSUPP;
  if (delta < 0 && mm.watches < <u32>-delta) return Status.EINVAL;
  if (delta > 0 && !farewellReserve(mm)) return Status.ENOMEM;
  mm.watches += delta;
  farewellSettle(mm);
  return Status.Ok;
}
