// mprotect (as Linux mm/mprotect.c): area by area from the beginning; where it stops, the prefix
// stays done.
//
// What a change asks of holders:
//   new protection   had W, loses it   otherwise
//   nothing allowed  all must go       all must go
//   something        writers must go   told, nothing demanded

import {
  Demand,
  FileKind,
  Op,
  Populate,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
  Reason,
  Status,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../abi";
import { frameAddress } from "../frame/frame";
import { anonVmaPrepare } from "../map/anon-vma";
import { Mapping } from "../map/mapping";
import { vmaTryModify } from "../map/merge";
import { Mm } from "../map/mm";
import { P, pteModify, SD, W } from "../map/pte";
import { leafEnd, leafIndex, leafPfn, leafSeek, pmdSlot } from "../map/table";
import { isAnonymous, Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { certain } from "../mem/certain";
import { need, needRange } from "../plan/need";
import { noticeRange, protOf } from "../plan/notice";
import {
  mustTell,
  planAfford,
  planBegin,
  planDone,
  planTells,
  planTicket,
  populateNext,
} from "../plan/plan";
import { checkFrozen, opened, Ticket } from "../plan/ticket";
import { canCommit } from "./commit-limit";
import { cutsHuge, modifyRefusal } from "./huge-cut";
import { pageAlign } from "./munmap";

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;
const GROWS: i32 = PROT_GROWSDOWN | PROT_GROWSUP;

/** Flags that `vma` gets from `prot`, or 0 where it may not have them (EACCES). */
function newFlags(vma: Vma, prot: i32): u32 {
  const flags = (vma.flags & ~ACCESS) | (<u32>prot & 7);
  return flags & ~(flags >> 4) & ACCESS ? 0 : flags;
}

/** `flags` with VM_ACCOUNT as it will stand; accounting takes part in merging. */
function accounted(vma: Vma, flags: u32): u32 {
  const exempt: u32 = VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE;
  if (flags & VM_WRITE) return vma.flags & exempt ? flags : flags | VM_ACCOUNT;
  if (vma.flags & VM_ACCOUNT && isAnonymous(vma) && !vma.anonVma) return flags & ~VM_ACCOUNT;
  return flags;
}

function demandOf(oldFlags: u32, flags: u32): Demand {
  if (!(flags & ACCESS)) return Demand.All;
  return oldFlags & VM_WRITE && !(flags & VM_WRITE) ? Demand.Writers : Demand.Nothing;
}

/** W that a shared page may have at once; a private one, and one on disk, takes a fault first. */
function sharedWrite(vma: Vma, flags: u32): u64 {
  if (!(flags & VM_SHARED) || !(flags & VM_WRITE) || isAnonymous(vma)) return 0;
  if (flags & VM_PFNMAP) return W;
  return changetype<Mapping>(vma.mapping).kind == FileKind.Disk ? 0 : W;
}

function protectEntry(slot: usize, flags: u32, write: u64): void {
  const pte = load<u64>(slot);
  if (pte & P) store<u64>(slot, pteModify(pte, flags) | write);
}

function protectLeaf(leaf: u32, first: u32, count: u32, flags: u32, write: u64): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) protectEntry(slot, flags, write);
}

/** The same where a write to a page that has no mark must be seen. */
function protectMarked(leaf: u32, first: u32, count: u32, flags: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (pte & P) store<u64>(slot, pteModify(pte, flags) | (pte & SD ? W : 0));
  }
}

/** Gives every present pte of [start, end) the protection of `flags`. */
function protectRange(mm: Mm, vma: Vma, start: u64, end: u64, flags: u32): void {
  const write = sharedWrite(vma, flags);
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const leaf = leafPfn(mm, at);
    const pages = <u32>((stop - at) >> 12);
    if (!leaf) protectEntry(pmdSlot(mm, at), flags, write);
    else if (write && !vma.softDirty) protectMarked(leaf, leafIndex(at), pages, flags);
    else protectLeaf(leaf, leafIndex(at), pages, flags, write);
    at = leafSeek(mm, stop, end);
  }
}

/** Start of the change and its first area: PROT_GROWSDOWN reaches down to the area's start. */
function firstArea(mm: Mm, start: u64, end: u64, prot: i32): i32 {
  const found = vmaFind(mm, start);
  if (!found) return Status.ENOMEM;
  const vma = changetype<Vma>(found);
  if (prot & PROT_GROWSDOWN) {
    if (vma.start >= end) return Status.ENOMEM;
    return vma.flags & VM_GROWSDOWN ? Status.Ok : Status.EINVAL;
  }
  if (vma.start > start) return Status.ENOMEM;
  return prot & PROT_GROWSUP ? Status.EINVAL : Status.Ok;
}

/**
 * mprotect(2). ENOMEM at a hole, EACCES where a file forbids, EINVAL where a huge page would be
 * cut: the areas before it are changed.
 */
export function mprotect(mm: Mm, address: u64, length: u64, prot: i32): i32 {
  if ((prot & GROWS) == GROWS || address & 4095) return Status.EINVAL;
  if (!length) return Status.Ok;
  const end = address + pageAlign(length);
  if (end <= address) return Status.ENOMEM;
  const plain = prot & ~GROWS;
  if (plain & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)) return Status.EINVAL;
  const bad = firstArea(mm, address, end, prot);
  if (bad) return bad;
  const start = prot & PROT_GROWSDOWN ? changetype<Vma>(vmaFind(mm, address)).start : address;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  planBegin();
  protectPlan(mm, start, end, plain);
  if (!planTells()) {
    const status = planAfford();
    return status ? status : protectApply(mm, start, end, plain);
  }
  const status = planTicket(Op.Mprotect, mm, start, end);
  if (status) return status;
  changetype<Ticket>(opened).holdsWrites = plain & PROT_WRITE ? 0 : 1;
  return planDone(start, end, plain, 0);
}

/** Areas that `populateLater` may give an anon_vma. */
function needRelocked(mm: Mm, start: u64, end: u64): void {
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end) return;
    if (!isRelocked(vma.flags, VM_WRITE)) continue;
    need.anonVmas++;
    need.links++;
  }
}

function protectPlan(mm: Mm, start: u64, end: u64, prot: i32): void {
  needRange(mm, start, end);
  if (prot & PROT_WRITE) needRelocked(mm, start, end);
  if (!mustTell(mm, start, end)) return;
  let at = start;
  for (let p = vmaFind(mm, start); p && at < end; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start > at) return;
    const stop = min(vma.end, end);
    const flags = newFlags(vma, prot);
    if (!flags || (flags != vma.flags && cutsHuge(vma, at, stop))) return;
    if (flags != vma.flags && mustTell(mm, at, stop)) {
      const demand = demandOf(vma.flags, flags);
      noticeRange(mm, at, stop, Reason.Protect, demand, protOf(vma.flags), protOf(flags));
    }
    at = stop;
  }
}

/** Private locked memory that becomes writable is populated, as long as it is not on fault. */
function isRelocked(old: u32, flags: u32): bool {
  const was = old & (VM_WRITE | VM_SHARED | VM_LOCKED | VM_LOCKONFAULT);
  return was == VM_LOCKED && (flags & VM_WRITE) != 0;
}

/**
 * Leaves a locked area to be populated. Linux does it before it looks at the next area, and so
 * gives it an anon_vma that decides whether the two merge; the pages may come later.
 */
function populateLater(area: Vma, start: u64, end: u64): void {
  certain(anonVmaPrepare(area));
  populateNext(start, end, Populate.Quiet);
}

/** One area's part; @returns the area that has it now, 0 past the limit of areas or promises. */
function protectArea(mm: Mm, vma: Vma, start: u64, end: u64, flags: u32): usize {
  const old = vma.flags;
  const wanted = accounted(vma, flags);
  if (wanted & ~old & VM_ACCOUNT && !canCommit((end - start) >> 12)) return 0;
  const modified = vmaTryModify(vma, start, end, wanted);
  if (!modified) return 0;
  const area = changetype<Vma>(modified);
  area.flags = wanted;
  protectRange(mm, area, start, end, wanted);
  if (isRelocked(old, wanted)) populateLater(area, start, end);
  return changetype<usize>(area);
}

function protectApply(mm: Mm, start: u64, end: u64, prot: i32): i32 {
  let at = start;
  let p = vmaFind(mm, start);
  while (p && at < end) {
    let vma = changetype<Vma>(p);
    if (vma.start > at) return Status.ENOMEM;
    const stop = min(vma.end, end);
    const flags = newFlags(vma, prot);
    if (!flags) return Status.EACCES;
    if (flags != vma.flags) {
      const refused = modifyRefusal(vma, at, stop);
      if (refused) return refused;
      const area = protectArea(mm, vma, at, stop, flags);
      if (!area) return Status.ENOMEM;
      vma = changetype<Vma>(area);
    }
    at = max(stop, min(vma.end, end));
    p = vma.next;
  }
  return at < end ? Status.ENOMEM : Status.Ok;
}

export function protectCommit(ticket: Ticket): i32 {
  return protectApply(changetype<Mm>(ticket.mm), ticket.a, ticket.b, <i32>ticket.c);
}
