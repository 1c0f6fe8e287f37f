// Faults of huge pages (as Linux mm/hugetlb.c: hugetlb_fault, hugetlb_no_page, hugetlb_wp).
//
//   entry                    read                      write
//   present, allows it       go on                     go on
//   present, W clear         go on                     shared: W. Last owner: W. Else a copy.
//   none, private            a zeroed page, W clear    a zeroed page, W and dirty
//   none, shared             the cached page, W where the area may write
//
// A copy that the pool has no page for: who owns the promise takes the page away from the fork
// children that still map it, and goes on with it; to anyone else it is SIGBUS.

import {
  Access,
  Demand,
  HUGE_BYTES,
  HUGE_FRAMES,
  Op,
  Reason,
  Status,
  VM_WRITE,
  Vmstat,
} from "../abi";
import { hugeAvailable, hugeCopy, hugeTake, hugeZero } from "../frame/huge";
import { anonVmaPrepare } from "../map/anon-vma";
import {
  hugeGet,
  hugeIndex,
  hugeMake,
  hugeMap,
  hugeMapNewAnon,
  hugePfn,
  hugeStart,
  hugeUnmap,
} from "../map/huge";
import { hugeCacheFill } from "../map/huge-cache";
import { HUGE_ORPHAN, isOwner } from "../map/huge-reserve";
import { Mapping, mappingPages } from "../map/mapping";
import { Mm } from "../map/mm";
import { A, D, H, W } from "../map/pte";
import {
  frameDirty,
  frameTakeOver,
  isLastOwner,
  rmapFirst,
  rmapNext,
  walkAddress,
  walkVma,
} from "../map/rmap";
import { pmdEnsure, pmdSlot, pteSet, tableTrim } from "../map/table";
import { isShared, linearIndex, Vma, vmaMm } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { statAdd } from "../mem/vmstat";
import { KeyKind, mappingConflict } from "../plan/freeze";
import { need } from "../plan/need";
import { noticeRange, protOf } from "../plan/notice";
import { mustTell, planBegin, planDone, planTells, planTicket, resolved } from "../plan/plan";
import {
  checkFrozen,
  opened,
  refuseFrozen,
  Ticket,
  ticketFreeze,
  writeHolder,
} from "../plan/ticket";
import { hugeZap } from "./huge-zap";

/** What a planned write does: its own copy, or its own page back. */
const enum Way {
  Copy,
  Steal,
}

/** An access to `page`, 4096 bytes of a huge one, that `vma` allows. As `access` answers. */
export function hugeAccess(mm: Mm, vma: Vma, page: u64, kind: Access): i32 {
  const at = hugeStart(page);
  const slot = pmdSlot(mm, at);
  const entry = load<u64>(slot);
  if (entry & H && (kind != Access.Write || entry & W)) return goOn(mm, slot, page, kind);
  const frozen = checkFrozen(mm, at, at + HUGE_BYTES);
  if (frozen) return frozen;
  statAdd(Vmstat.pgfault, 1);
  if (entry & H) return writeProtected(mm, vma, page);
  return isShared(vma) ? sharedFault(mm, vma, page, kind) : privateFault(mm, vma, page, kind);
}

/** The entry allows it. */
function goOn(mm: Mm, slot: usize, page: u64, kind: Access): i32 {
  const holder = kind == Access.Write ? writeHolder(mm, page) : 0;
  return holder ? refuseFrozen(holder) : touch(slot, page, kind == Access.Write ? A | D : A);
}

function touch(slot: usize, page: u64, bits: u64): i32 {
  const entry = load<u64>(slot);
  if ((entry & bits) != bits) store<u64>(slot, entry | bits);
  return resolved(hugePfn(entry) + hugeIndex(page));
}

function install(mm: Mm, page: u64, entry: u64): i32 {
  pteSet(pmdSlot(mm, page), entry);
  return resolved(hugePfn(entry) + hugeIndex(page));
}

/** Ok, EAGAIN where the file is frozen there, or SIGBUS beyond its end. */
function checkFile(vma: Vma, at: u64): i32 {
  const mapping = changetype<Mapping>(vma.mapping);
  const first = linearIndex(vma, at);
  const end = first + HUGE_FRAMES;
  const frozen = mappingConflict(mapping, first << 12, end << 12);
  if (frozen) return refuseFrozen(frozen);
  return end > mappingPages(mapping) ? Status.BUS_ADRERR : Status.Ok;
}

function sharedFault(mm: Mm, vma: Vma, page: u64, kind: Access): i32 {
  const at = hugeStart(page);
  const bad = checkFile(vma, at);
  if (bad) return bad;
  const slot = pmdEnsure(mm, at);
  const filled: i32 = slot
    ? hugeCacheFill(changetype<Mapping>(vma.mapping), linearIndex(vma, at))
    : Status.ENOMEM;
  if (filled < 0) {
    tableTrim(mm, at);
    return filled;
  }
  const head = <u32>filled;
  hugeMap(head);
  if (kind == Access.Write) frameDirty(head);
  return install(mm, page, hugeMake(head, vma.flags) | (vma.flags & VM_WRITE ? W | D : 0));
}

function privateFault(mm: Mm, vma: Vma, page: u64, kind: Access): i32 {
  const at = hugeStart(page);
  const bad = checkFile(vma, at);
  if (bad) return bad;
  if (vma.reserve & HUGE_ORPHAN) return Status.BUS_ADRERR;
  const isReady = anonVmaPrepare(vma) && pmdEnsure(mm, at) != 0;
  const head = isReady ? hugeTake(vma.promised != 0) : 0;
  if (!head) {
    tableTrim(mm, at);
    return isReady ? Status.BUS_ADRERR : Status.ENOMEM;
  }
  if (vma.promised) vma.promised--;
  hugeZero(head);
  hugeMapNewAnon(head, vma, at);
  return install(mm, page, hugeMake(head, vma.flags) | (kind == Access.Write ? W | D : 0));
}

/** A write to a present page without W. */
function writeProtected(mm: Mm, vma: Vma, page: u64): i32 {
  const at = hugeStart(page);
  const head = hugePfn(hugeGet(mm, at));
  if (isShared(vma)) {
    frameDirty(head);
    return touch(pmdSlot(mm, at), page, W | A | D);
  }
  if (isLastOwner(head)) return reuse(mm, vma, page);
  if (hugeAvailable())
    return mustTell(mm, at, at + HUGE_BYTES) ? planCopy(mm, vma, page) : copy(mm, vma, page);
  return isOwner(vma) ? steal(mm, vma, page) : Status.BUS_ADRERR;
}

function reuse(mm: Mm, vma: Vma, page: u64): i32 {
  const slot = pmdSlot(mm, page);
  frameTakeOver(hugePfn(load<u64>(slot)), vma);
  statAdd(Vmstat.cow_reuse, 1);
  return touch(slot, page, W | A | D);
}

function planCopy(mm: Mm, vma: Vma, page: u64): i32 {
  const at = hugeStart(page);
  const prot = protOf(vma.flags);
  planBegin();
  noticeRange(mm, at, at + HUGE_BYTES, Reason.Cow, Demand.All, prot, prot);
  need.huge = 1;
  need.links = 1;
  need.anonVmas = 1;
  const status = planTicket(Op.Fault, mm, at, at + HUGE_BYTES);
  if (status) return status;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(page, Way.Copy, 0, 0);
}

/** Gives this mm its own copy of the huge page: fill, then repoint the entry, then drop the old. */
function copy(mm: Mm, vma: Vma, page: u64): i32 {
  if (!anonVmaPrepare(vma)) return Status.ENOMEM;
  const old = hugePfn(hugeGet(mm, page));
  const head = hugeTake(false);
  if (!head) return Status.BUS_ADRERR;
  hugeCopy(head, old);
  hugeMapNewAnon(head, vma, hugeStart(page));
  const status = install(mm, page, hugeMake(head, vma.flags) | W | D);
  hugeUnmap(old);
  statAdd(Vmstat.cow_break, 1);
  return status;
}

/** Stands on a place that maps `head` besides `mm`: a fork child's. */
function childFirst(head: u32, mm: Mm): bool {
  let more = rmapFirst(head);
  while (more && vmaMm(changetype<Vma>(walkVma)) == mm) more = rmapNext();
  return more;
}

function childNext(mm: Mm): bool {
  let more = rmapNext();
  while (more && vmaMm(changetype<Vma>(walkVma)) == mm) more = rmapNext();
  return more;
}

/** Takes the page away from the fork children, who are told; its owner needs not be. */
function steal(mm: Mm, vma: Vma, page: u64): i32 {
  const head = hugePfn(hugeGet(mm, page));
  planBegin();
  for (let more = childFirst(head, mm); more; more = childNext(mm)) {
    const child = vmaMm(changetype<Vma>(walkVma));
    const end = walkAddress + HUGE_BYTES;
    const frozen = checkFrozen(child, walkAddress, end);
    if (frozen) return frozen;
    if (mustTell(child, walkAddress, end)) {
      noticeRange(child, walkAddress, end, Reason.Clear, Demand.All, 0, 0);
    }
  }
  return planTells() ? planSteal(mm, page, head) : stealApply(mm, vma, page);
}

function planSteal(mm: Mm, page: u64, head: u32): i32 {
  const at = hugeStart(page);
  const status = planTicket(Op.Fault, mm, at, at + HUGE_BYTES);
  if (status) return status;
  for (let more = childFirst(head, mm); more; more = childNext(mm)) {
    const child = changetype<usize>(vmaMm(changetype<Vma>(walkVma)));
    const frozen = ticketFreeze(KeyKind.Mm, child, walkAddress, walkAddress + HUGE_BYTES);
    if (frozen) return frozen;
  }
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(page, Way.Steal, 0, 0);
}

function stealApply(mm: Mm, vma: Vma, page: u64): i32 {
  const head = hugePfn(hugeGet(mm, page));
  while (childFirst(head, mm)) {
    const child = changetype<Vma>(walkVma);
    child.reserve |= HUGE_ORPHAN;
    const address = walkAddress;
    hugeZap(vmaMm(child), address);
    tableTrim(vmaMm(child), address);
  }
  return reuse(mm, vma, page);
}

/** Commit of a planned write to a huge page. */
export function hugeFaultCommit(ticket: Ticket): i32 {
  const mm = changetype<Mm>(ticket.mm);
  const vma = changetype<Vma>(vmaLookup(mm, ticket.a));
  return ticket.b == Way.Steal ? stealApply(mm, vma, ticket.a) : copy(mm, vma, ticket.a);
}
