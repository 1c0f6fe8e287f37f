// Export records: who outside holds which page, with which rights.
//
//   frame.exports ─▶ tree of records       every record that names the frame
//   subscriber    ─▶ record ⇄ record       every record of the subscriber
//   pte e bit                              a record exists for (mm, page)
//
// A frame's records are a tree because one frame may have any number of them: the zero page is held
// by everybody who holds memory that nobody has written.
//
// Invariants
//   E1  PG.exported(pfn) exactly while a record names the frame; each record holds a reference.
//   E2  The e bit of a live mm's pte exactly while a record names (mm, page), with that frame.
//   E3  mm.records counts the live records that name the mm; counts of subscribers add up.
//   E4  PG.quarantine(pfn) exactly while a record of a dead mm names the frame.
//   E5  Records of a frame stand in its tree in order: those of dead mms first, then by mm, address
//       and subscriber.
//
// Written by: op/export.ts on behalf of a subscriber, op/exit.ts.

import {
  Demand,
  HUGE_BYTES,
  PG,
  RECORDS_MAX,
  Rights,
  Status,
  SUBSCRIBERS_MAX,
  Vmstat,
} from "../abi";
import { flagClear, flagNext, flagSet, flagTest } from "../frame/flags";
import { Frame, frameAddress, frameOf } from "../frame/frame";
import { headOf, hugeDrop, isHugeFrame } from "../frame/huge";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { entryPfn, entrySlot, hugeGet, hugeStart, pteAt } from "../map/huge";
import { frameDrop } from "../map/mapping";
import { Mm, mmOf } from "../map/mm";
import { E, H, ptePfn } from "../map/pte";
import { leafEnd, leafPfn, leafSeek, pteSet } from "../map/table";
import { TreeNode, treeFirst, treeInsert, treeNext, treeRemove } from "../map/tree";
import { statAdd } from "../mem/vmstat";
import { farewellReserve, farewellSettle } from "./farewell";

@unmanaged
export class ExportRecord extends TreeNode {
  next: usize;
  prev: usize;
  subscriber: u32;
  /** Handle of the mm; the mm itself may be gone. */
  mm: u32;
  pfn: u32;
  rights: u32;
  /** The mm has exited: the record keeps its frame in quarantine. */
  dead: u16;
  /** The holder has used the page since reclaim looked at it. */
  accessed: u16;
  address: u64;

  /** A record says nothing of those below it. */
  augment(): bool {
    return false;
  }
}

const recordPool = changetype<Pool>(memory.data(offsetof<Pool>()));
const heads = memory.data(SUBSCRIBERS_MAX << 2);
const counts = memory.data(SUBSCRIBERS_MAX << 2);
let recordCount: u32 = 0;
/** Frames that a record of a dead mm keeps out of the allocator. */
export let quarantined: u32 = 0;

export function recordInit(): void {
  poolInit(recordPool, offsetof<ExportRecord>());
}

export function subscriberFirst(subscriber: u32): usize {
  return subscriber < SUBSCRIBERS_MAX ? load<usize>(heads + (subscriber << 2)) : 0;
}

export function subscriberCount(subscriber: u32): u32 {
  return subscriber < SUBSCRIBERS_MAX ? load<u32>(counts + (subscriber << 2)) : 0;
}

function countSubscriber(subscriber: u32, delta: i32): void {
  const at = counts + (subscriber << 2);
  store<u32>(at, load<u32>(at) + delta);
  recordCount += delta;
}

/** Whether `r` stands before the record of (mm, address, subscriber), live or dead. */
function isBefore(r: ExportRecord, dead: u32, mm: u32, address: u64, subscriber: u32): bool {
  if (r.dead != dead) return r.dead != 0;
  if (r.mm != mm) return r.mm < mm;
  if (r.address != address) return r.address < address;
  return r.subscriber < subscriber;
}

/** The first record of `pfn` at or after the live one of (mm, address, subscriber), or 0. */
function recordSeek(pfn: u32, mm: u32, address: u64, subscriber: u32): usize {
  let found: usize = 0;
  let at = frameOf(pfn).exports;
  while (at) {
    const r = changetype<ExportRecord>(at);
    if (isBefore(r, 0, mm, address, subscriber)) {
      at = r.right;
    } else {
      found = at;
      at = r.left;
    }
  }
  return found;
}

/** Whether a frame's records `low` and `high` stand in the order of E5. */
export function inOrder(low: usize, high: usize): bool {
  const h = changetype<ExportRecord>(high);
  return isBefore(changetype<ExportRecord>(low), h.dead, h.mm, h.address, h.subscriber);
}

/** The first record that names `pfn`, or 0; the others follow by `treeNext`. */
export function recordFirst(pfn: u32): usize {
  const root = frameOf(pfn).exports;
  return root ? treeFirst(root) : 0;
}

/** The first live record of (mm, page) on `pfn`, or 0; others of the page follow by `treeNext`. */
export function recordOfPage(pfn: u32, mm: u32, address: u64): usize {
  const at = recordSeek(pfn, mm, address, 0);
  return at && isOfPage(at, mm, address) ? at : 0;
}

function isOfPage(record: usize, mm: u32, address: u64): bool {
  const r = changetype<ExportRecord>(record);
  return !r.dead && r.mm == mm && r.address == address;
}

/** The record of (subscriber, mm, page) on `pfn`, or 0. */
export function recordFind(pfn: u32, subscriber: u32, mm: u32, address: u64): usize {
  const at = recordSeek(pfn, mm, address, subscriber);
  if (!at || !isOfPage(at, mm, address)) return 0;
  return changetype<ExportRecord>(at).subscriber == subscriber ? at : 0;
}

/** Where the tree of a frame's records hangs. */
function treeOf(pfn: u32): usize {
  return changetype<usize>(frameOf(pfn)) + offsetof<Frame>("exports");
}

/** Hangs a record in among those of its frame (E5). */
function linkToFrame(record: usize): void {
  const r = changetype<ExportRecord>(record);
  let parent: usize = 0;
  let onLeft = false;
  let at = frameOf(r.pfn).exports;
  while (at) {
    parent = at;
    onLeft = !isBefore(changetype<ExportRecord>(at), r.dead, r.mm, r.address, r.subscriber);
    at = onLeft ? changetype<ExportRecord>(at).left : changetype<ExportRecord>(at).right;
  }
  treeInsert<ExportRecord>(treeOf(r.pfn), record, parent, onLeft);
}

function unlinkFromFrame(record: usize): void {
  treeRemove<ExportRecord>(treeOf(changetype<ExportRecord>(record).pfn), record);
}

/**
 * Records that `subscriber` holds the page at `address` of `mm`, which is present.
 * A record that exists gains the rights. @returns Ok, ENOSPC or ENOMEM.
 */
export function recordAdd(subscriber: u32, mm: Mm, address: u64, rights: u32): i32 {
  const slot = entrySlot(mm, address);
  const pte = load<u64>(slot);
  const pfn = entryPfn(pte, address);
  const known = recordFind(pfn, subscriber, mm.handle, address);
  if (known) {
    changetype<ExportRecord>(known).rights |= rights;
    return Status.Ok;
  }
  if (recordCount >= RECORDS_MAX) return Status.ENOSPC;
  if (!farewellReserve(mm)) return Status.ENOMEM;
  const pointer = poolAlloc(recordPool);
  if (!pointer) {
    farewellSettle(mm);
    return Status.ENOMEM;
  }
  const r = changetype<ExportRecord>(pointer);
  const frame = frameOf(pfn);
  const head = load<usize>(heads + (subscriber << 2));
  r.subscriber = subscriber;
  r.mm = mm.handle;
  r.pfn = pfn;
  r.rights = rights;
  r.address = address;
  r.next = head;
  if (head) changetype<ExportRecord>(head).prev = pointer;
  store<usize>(heads + (subscriber << 2), pointer);
  if (!frame.exports) {
    flagSet(PG.exported, pfn);
    statAdd(Vmstat.nr_exported, 1);
  }
  linkToFrame(pointer);
  frameOf(headOf(pfn)).refcount++;
  mm.records++;
  countSubscriber(subscriber, 1);
  if (!(pte & E)) pteSet(slot, pte | E);
  return Status.Ok;
}

/** Records that name `pfn`. */
export function recordsOf(pfn: u32): u32 {
  let count: u32 = 0;
  for (let at = recordFirst(pfn); at; at = treeNext(at)) count++;
  return count;
}

function frameHasDead(pfn: u32): bool {
  const first = recordFirst(pfn);
  return first != 0 && changetype<ExportRecord>(first).dead != 0;
}

/** The records of `pfn` whose holders have used it since this was asked before. */
export function recordsForgetAccess(pfn: u32): u32 {
  let count: u32 = 0;
  for (let at = recordFirst(pfn); at; at = treeNext(at)) {
    const r = changetype<ExportRecord>(at);
    count += r.accessed;
    r.accessed = 0;
  }
  return count;
}

/** The subscriber let go of one page. The e bit and the page's flags follow. */
export function recordRemove(record: usize): void {
  const r = changetype<ExportRecord>(record);
  const pfn = r.pfn;
  unlinkFromFrame(record);
  if (r.prev) changetype<ExportRecord>(r.prev).next = r.next;
  else store<usize>(heads + (r.subscriber << 2), r.next);
  if (r.next) changetype<ExportRecord>(r.next).prev = r.prev;
  countSubscriber(r.subscriber, -1);
  if (r.dead) endQuarantine(pfn);
  else forgetInMm(r);
  if (!frameOf(pfn).exports) {
    flagClear(PG.exported, pfn);
    statAdd(Vmstat.nr_exported, -1);
  }
  if (isHugeFrame(pfn)) hugeDrop(headOf(pfn));
  else frameDrop(pfn);
  poolFree(recordPool, record);
}

function forgetInMm(r: ExportRecord): void {
  const mm = mmOf(r.mm);
  if (!mm) return;
  mm.records--;
  farewellSettle(mm);
  if (recordOfPage(r.pfn, r.mm, r.address)) return;
  const slot = entrySlot(mm, r.address);
  if (isHugeFrame(r.pfn) && isHeldHuge(mm, r.address)) return;
  const pte = load<u64>(slot);
  if (pte & E) pteSet(slot, pte & ~E);
}

/** Is another part of the huge page around `address` held in `mm`? */
function isHeldHuge(mm: Mm, address: u64): bool {
  const start = hugeStart(address);
  return heldInHuge(mm, hugeGet(mm, start), start, start + HUGE_BYTES) < start + HUGE_BYTES;
}

/** First page of [at, stop), all of one huge page, that a record names in `mm`, or `stop`. */
function heldInHuge(mm: Mm, entry: u64, at: u64, stop: u64): u64 {
  const first = entryPfn(entry, at);
  const last = first + <u32>((stop - at + 4095) >> 12);
  let pfn = flagNext(PG.exported, first, last);
  while (pfn < last) {
    const address = at + ((<u64>(pfn - first)) << 12);
    if (recordOfPage(pfn, mm.handle, address)) return address;
    pfn = flagNext(PG.exported, pfn + 1, last);
  }
  return stop;
}

/**
 * The pte of 4096 bytes, be it one of its own or a part of a huge page, with its e bit: a huge
 * page's entry has one for all of them.
 */
export function pteExact(mm: Mm, address: u64): u64 {
  const pte = pteAt(mm, address);
  const held = !(pte & H) || !(pte & E) || recordOfPage(ptePfn(pte), mm.handle, address) != 0;
  return held ? pte : pte & ~E;
}

function endQuarantine(pfn: u32): void {
  if (frameHasDead(pfn)) return;
  flagClear(PG.quarantine, pfn);
  quarantined--;
  statAdd(Vmstat.nr_quarantined, -1);
}

/** The mm of a record exits: the record stays, and keeps its frame out of the allocator. */
export function recordOrphan(record: usize): void {
  const r = changetype<ExportRecord>(record);
  const mm = mmOf(r.mm);
  if (mm) mm.records--;
  unlinkFromFrame(record);
  r.dead = 1;
  linkToFrame(record);
  if (flagTest(PG.quarantine, r.pfn)) return;
  flagSet(PG.quarantine, r.pfn);
  quarantined++;
  statAdd(Vmstat.nr_quarantined, 1);
}

// A scan of the records that name pages in a range, one at a time.
let scanMm: u32 = 0;
let scanAddress: u64 = 0;
let scanEnd: u64 = 0;
let scanRecord: usize = 0;

function scanSettle(mm: Mm): usize {
  while (!scanRecord || !isOfPage(scanRecord, scanMm, scanAddress)) {
    scanAddress = nextExported(mm, scanAddress + 4096, scanEnd);
    if (scanAddress >= scanEnd) return 0;
    scanRecord = scanPage(mm);
  }
  const record = scanRecord;
  scanRecord = treeNext(record);
  return record;
}

/** The first record of the page where the scan stands. */
function scanPage(mm: Mm): usize {
  return recordOfPage(ptePfn(pteAt(mm, scanAddress)), scanMm, scanAddress);
}

function nextInHuge(mm: Mm, at: u64, stop: u64): u64 {
  const entry = hugeGet(mm, at);
  return entry & E ? heldInHuge(mm, entry, at, stop) : stop;
}

/** First page of [address, end) that a record names: its pte, or its huge page's, has the e bit. */
export function nextExported(mm: Mm, address: u64, end: u64): u64 {
  let at = leafSeek(mm, address, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const leaf = leafPfn(mm, at);
    if (!leaf) {
      const held = nextInHuge(mm, at, stop);
      if (held < stop) return held;
    } else if (frameOf(leaf).exports) {
      let slot = frameAddress(leaf) + ((<usize>((at >> 12) & 511)) << 3);
      for (; at < stop; at += 4096, slot += 8) {
        if (load<u64>(slot) & E) return at;
      }
    }
    at = leafSeek(mm, stop, end);
  }
  return end;
}

/** First record of a page in [start, end) of `mm`, or 0. */
export function scanFirst(mm: Mm, start: u64, end: u64): usize {
  if (!mm.records) return 0;
  scanMm = mm.handle;
  scanEnd = end;
  scanAddress = nextExported(mm, start, end);
  if (scanAddress >= end) return 0;
  scanRecord = scanPage(mm);
  return scanSettle(mm);
}

/** The next one; the record returned last may have been removed. */
export function scanNext(mm: Mm): usize {
  return scanSettle(mm);
}

/** Does `record` stand in the way of what `demand` asks? */
export function violates(record: usize, demand: Demand): bool {
  if (demand == Demand.All) return true;
  const r = changetype<ExportRecord>(record);
  if (demand == Demand.Writers) return (r.rights & Rights.Write) != 0;
  return demand == Demand.FilePages && flagTest(PG.pagecache, headOf(r.pfn));
}
