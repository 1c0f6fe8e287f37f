// Mapping a device's memory (as Linux mm/memory.c remap_pfn_range and apply_to_page_range): what a
// driver does to the area that somebody mapped.
//
//   remap_pfn_range       replaces what is there, and tells whoever holds it; the whole area of
//                         private memory that may be written, any part of another
//   apply_to_page_range   looks, and installs only where nothing or a device is: nobody can hold
//                         that, so it tells nobody. What is held must be taken away first, by who
//                         asks: with MADV_DONTNEED, or by remap_pfn_range
//
// Either makes the area the device's: VM_IO, VM_PFNMAP, VM_DONTEXPAND, VM_DONTDUMP. The ptes are
// special: no frame counts them, no record can name them, no walk of the reverse map visits them.

import {
  Demand,
  Op,
  Reason,
  Status,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_DROPPABLE,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  WINDOW_BYTES,
} from "../abi";
import { frameAddress } from "../frame/frame";
import { Device, deviceAt, deviceCount } from "../map/device";
import { Mm } from "../map/mm";
import { E, P, pteMake, ptePfn, S, W } from "../map/pte";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteEnsure, pteGet, pteSet } from "../map/table";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { certain } from "../mem/certain";
import { windowBase } from "../mem/layout";
import { need } from "../plan/need";
import { noticeRange, protOf } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { mustTell, planAfford, planBegin, planDone, planTells, planTicket } from "../plan/plan";
import { checkFrozen, opened, Ticket } from "../plan/ticket";
import { pageAlign } from "./munmap";
import { zapRange } from "./zap";

const DRIVER: u32 = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
/** What no area of a device has. */
const NEVER: u32 = VM_HUGETLB | VM_DROPPABLE | VM_GROWSDOWN;
const DROPPED: u32 = VM_LOCKED | VM_LOCKONFAULT;
const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

/** Private memory that may be written: a write gives it a copy of the device's page. */
function isCow(vma: Vma): bool {
  return (vma.flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/** Tables that mapping all of [start, end) may take. */
function needTables(start: u64, end: u64): void {
  const last = end - 1;
  const tables = (last >> 21) - (start >> 21) + (last >> 30) - (start >> 30);
  need.frames += <u32>(tables + (last >> 39) - (start >> 39) + 3);
}

/** The area that all of [start, end) lies in and that may become a device's, or 0. */
function areaFor(mm: Mm, start: u64, end: u64): usize {
  const found = vmaLookup(mm, start);
  if (!found) return 0;
  const vma = changetype<Vma>(found);
  return end <= vma.end && !(vma.flags & NEVER) ? found : 0;
}

function anyPresent(mm: Mm, start: u64, end: u64): bool {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    let slot = frameAddress(leafPfn(mm, at)) + ((<usize>leafIndex(at)) << 3);
    for (; at < stop; at += 4096, slot += 8) if (load<u64>(slot) & P) return true;
    at = leafSeek(mm, stop, end);
  }
  return false;
}

/**
 * remap_pfn_range: [address, address + length) shows the device's frames from `pfn` on.
 *
 * @returns EINVAL for a bad range, one that is not in one area, not the whole of private writable
 *   memory, frames that are not one device's, a `prot` beyond the area's; EAGAIN; ENOMEM; a ticket
 *   where a page that is present goes and somebody is to be told.
 */
export function remapPfnRange(mm: Mm, address: u64, pfn: u64, length: u64, prot: u32): i32 {
  const bytes = pageAlign(length);
  if (address & 4095 || !bytes || address >= USER_END) return Status.EINVAL;
  if (bytes > USER_END - address) return Status.EINVAL;
  const end = address + bytes;
  const found = areaFor(mm, address, end);
  const device = deviceAt(pfn, bytes >> 12);
  if (!found || !device) return Status.EINVAL;
  const vma = changetype<Vma>(found);
  if (isCow(vma) && (vma.start != address || vma.end != end)) return Status.EINVAL;
  if (prot & ~(vma.flags & ACCESS)) return Status.EINVAL;
  const frozen = checkFrozen(mm, address, end);
  if (frozen) return frozen;
  planBegin();
  needTables(address, end);
  if (mustTell(mm, address, end) && anyPresent(mm, address, end)) {
    noticeRange(mm, address, end, Reason.Unmap, Demand.All, protOf(vma.flags), prot);
  }
  if (!planTells()) {
    const status = planAfford();
    return status ? status : remapApply(mm, address, end, <u32>pfn, prot);
  }
  const status = planTicket(Op.RemapPfn, mm, address, end);
  if (status) return status;
  changetype<Device>(device).plans++;
  changetype<Ticket>(opened).e = device;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(address, end, pfn, prot);
}

function becomeDevice(vma: Vma): void {
  vma.flags = (vma.flags & ~DROPPED) | DRIVER;
}

/** A pte of a device: W at once where a shared area and the driver allow it. */
function special(vma: Vma, pfn: u32, write: bool): u64 {
  const both = VM_SHARED | VM_WRITE;
  const w: u64 = write && (vma.flags & both) == both ? W : 0;
  return pteMake(pfn, vma.flags) | S | w;
}

function remapApply(mm: Mm, start: u64, end: u64, pfn: u32, prot: u32): i32 {
  zapRange(mm, start, end);
  const vma = changetype<Vma>(vmaLookup(mm, start));
  becomeDevice(vma);
  let frame = pfn;
  for (let at = start; at < end; at += 4096, frame++) {
    const slot = pteEnsure(mm, at);
    certain(slot != 0);
    pteSet(slot, special(vma, frame, (prot & VM_WRITE) != 0));
  }
  deviceCount(pfn, <i32>((end - start) >> 12));
  return Status.Ok;
}

export function remapCommit(ticket: Ticket): i32 {
  remapAbort(ticket);
  const mm = changetype<Mm>(ticket.mm);
  return remapApply(mm, ticket.a, ticket.b, <u32>ticket.c, <u32>ticket.d);
}

/** A planned mapping held its device. */
export function remapAbort(ticket: Ticket): void {
  if (ticket.e) changetype<Device>(<usize>ticket.e).plans--;
  ticket.e = 0;
}

/** Pages that one call lists and installs: an installation is three words of the window. */
const BATCH: u32 = WINDOW_BYTES / 16;
const INSTALL_BYTES: usize = 12;

/** Ok where [start, end) is a range of pages of a user. */
function checkRange(start: u64, end: u64): i32 {
  return (start | end) & 4095 || start >= end || end > USER_END ? Status.EINVAL : Status.Ok;
}

/**
 * Writes the ptes of [start, end) to the window, those that are absent too, as many as a batch has.
 * @returns how many; EINVAL; EAGAIN where a part of the range is frozen.
 */
export function pfnList(mm: Mm, start: u64, end: u64): i32 {
  const bad = checkRange(start, end);
  if (bad) return bad;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  const count = <u32>min((end - start) >> 12, <u64>BATCH);
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(windowBase + ((<usize>i) << 3), pteGet(mm, start + ((<u64>i) << 12)));
  }
  return <i32>count;
}

/** Why (address, pfn) cannot be installed: EBUSY where somebody holds the page; EINVAL. */
function installRefusal(mm: Mm, address: u64, pfn: u32): i32 {
  const found = areaFor(mm, address, address + 4096);
  if (!found || !deviceAt(pfn, 1) || isCow(changetype<Vma>(found))) return Status.EINVAL;
  const pte = pteGet(mm, address);
  if (pte & E) return Status.EBUSY;
  return pte == 0 || isDevicePte(pte) ? Status.Ok : Status.EINVAL;
}

/** Whether a pte shows a device: special, and not the zero page. */
export function isDevicePte(pte: u64): bool {
  return (pte & S) != 0 && ptePfn(pte) != 0;
}

function checkInstalls(mm: Mm, start: u64, end: u64, count: u32): i32 {
  for (let i: u32 = 0; i < count; i++) {
    const at = windowBase + <usize>i * INSTALL_BYTES;
    const address = start + ((<u64>load<u32>(at)) << 12);
    if (address >= end) return Status.EINVAL;
    const refused = installRefusal(mm, address, load<u32>(at, 4));
    if (refused) return refused;
  }
  return Status.Ok;
}

/**
 * Installs what the window lists: (page from `start`, pfn, 1 to write), all of it or nothing.
 *
 * @returns EINVAL for a range, a frame, an area that it cannot be, or a page that is there already
 *   and no device's; EBUSY where a record names one; EAGAIN; ENOMEM.
 */
export function pfnInstall(mm: Mm, start: u64, end: u64, count: u32): i32 {
  const bad = checkRange(start, end);
  if (bad) return bad;
  if (count > BATCH || (end - start) >> 12 > <u64>BATCH) return Status.EINVAL;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  const refused = checkInstalls(mm, start, end, count);
  if (refused) return refused;
  planBegin();
  needTables(start, end);
  const status = planAfford();
  if (status) return status;
  for (let i: u32 = 0; i < count; i++) {
    const at = windowBase + <usize>i * INSTALL_BYTES;
    const address = start + ((<u64>load<u32>(at)) << 12);
    install(mm, address, load<u32>(at, 4), load<u32>(at, 8) != 0);
  }
  return Status.Ok;
}

function install(mm: Mm, address: u64, pfn: u32, write: bool): void {
  const vma = changetype<Vma>(vmaLookup(mm, address));
  becomeDevice(vma);
  const slot = pteEnsure(mm, address);
  certain(slot != 0);
  const old = load<u64>(slot);
  pteSet(slot, special(vma, pfn, write));
  deviceCount(pfn, 1);
  if (old) deviceCount(ptePfn(old), -1);
}
