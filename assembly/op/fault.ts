// Accesses and page faults (as Linux mm/memory.c and arch/x86/mm/fault.c).
//
//   pte                      read                     write
//   present, allows it       go on                    go on
//   present, W clear         go on                    shared: W. Last owner: W. Else COW break.
//   none, anonymous          zero page                fresh zeroed page
//   none, private file       cached pages around it   copy of the cached page
//   none, shared file        cached pages around it   the cached page, W and dirty
//
// A COW break of a page that somebody holds is the one fault that needs a ticket: its pte exists
// and is about to name another frame. All others install where nothing was.

import {
  Access,
  Demand,
  FileKind,
  Op,
  Reason,
  Status,
  VM_EXEC,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  Vmstat,
} from "../abi";
import { frameAlloc, frameAllocZeroed, frameFree } from "../frame/buddy";
import { frameAddress } from "../frame/frame";
import { anonVmaPrepare } from "../map/anon-vma";
import { hasFrame, isOut } from "../map/cache-swap";
import { deviceCount } from "../map/device";
import { groupOver } from "../map/group";
import { isHuge, pteAt } from "../map/huge";
import { isMerged } from "../map/ksm";
import { cacheFill, cacheGet, Mapping, mappingPages } from "../map/mapping";
import { Mm } from "../map/mm";
import { A, D, NX, P, pteMake, ptePfn, S, SD, U, W } from "../map/pte";
import {
  frameDirty,
  frameMap,
  frameMapNewAnon,
  frameTakeOver,
  frameUnmap,
  isLastOwner,
} from "../map/rmap";
import { mayWriteUnmarked } from "../map/soft-dirty";
import { isSwap, swapIsCached } from "../map/swap";
import { pteEnsure, pteSet, pteSlot, tableTrim } from "../map/table";
import { isAnonymous, isShared, linearIndex, Vma } from "../map/vma";
import { vmaFind, vmaLookup } from "../map/vma-tree";
import { statAdd } from "../mem/vmstat";
import { mappingConflict } from "../plan/freeze";
import { groupLacks } from "../plan/lack";
import { need } from "../plan/need";
import { noticeRange, protOf } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { mustTell, planBegin, planDone, planTicket, resolved } from "../plan/plan";
import { checkFrozen, opened, refuseFrozen, Ticket, writeHolder } from "../plan/ticket";
import { faultAround } from "./fault-around";
import { cacheReady, mustRead } from "./file-read";
import { hugeAccess, hugeFaultCommit } from "./huge-fault";
import { stackGrow } from "./stack";
import { swapIn } from "./swap-in";

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

/** What a write fault leaves in the pte (Linux: pte_mkdirty sets both). */
const WRITTEN: u64 = W | D | SD;

/**
 * One access to the page at `address`: the frame it goes to in the result block.
 *
 * @returns Ok; a ticket, for a COW break that somebody must be told of; SEGV_MAPERR, SEGV_ACCERR
 *   or BUS_ADRERR where Linux raises them; NEED_IO; EAGAIN when frozen; ENOMEM.
 */
export function access(mm: Mm, address: u64, kind: Access): i32 {
  if (address >= USER_END) return Status.SEGV_MAPERR;
  const page = address & ~(<u64>4095);
  const slot = pteSlot(mm, page);
  const pte = load<u64>(slot);
  if (pte & U) {
    if (kind == Access.Read) return touch(slot, pte, A);
    if (kind == Access.Write && pte & W) {
      const holder = writeHolder(mm, page);
      return holder ? refuseFrozen(holder) : touch(slot, pte, A | D);
    }
    if (kind == Access.Execute && !(pte & NX)) return touch(slot, pte, A);
  }
  return fault(mm, page, kind);
}

function touch(slot: usize, pte: u64, bits: u64): i32 {
  if ((pte & bits) != bits) store<u64>(slot, pte | bits);
  return resolved(ptePfn(pte));
}

/** What is known before the page is there: x86 finds out about execution when it is. */
function isAllowed(vma: Vma, kind: Access): bool {
  if (kind == Access.Write) return (vma.flags & VM_WRITE) != 0;
  return (vma.flags & ACCESS) != 0;
}

function fault(mm: Mm, page: u64, kind: Access): i32 {
  const found = vmaFind(mm, page);
  if (!found) return Status.SEGV_MAPERR;
  const vma = changetype<Vma>(found);
  if (vma.start > page) {
    const grown = stackGrow(mm, vma, page);
    if (grown) return grown;
  }
  if (!isAllowed(vma, kind)) return Status.SEGV_ACCERR;
  if (kind != Access.Execute || vma.flags & VM_EXEC) return resolve(mm, vma, page, kind);
  const status = pteAt(mm, page) & P ? Status.Ok : resolve(mm, vma, page, Access.Read);
  return status ? status : Status.SEGV_ACCERR;
}

/** A fault that the area allows. */
function resolve(mm: Mm, vma: Vma, page: u64, kind: Access): i32 {
  if (isHuge(vma)) return hugeAccess(mm, vma, page, kind);
  const frozen = checkFrozen(mm, page, page + 4096);
  if (frozen) return frozen;
  statAdd(Vmstat.pgfault, 1);
  const slot = pteSlot(mm, page);
  const pte = load<u64>(slot);
  if (pte & P) {
    if (kind == Access.Write && !(pte & W)) return writeProtected(mm, vma, page, slot, pte);
    return touch(slot, pte, kind == Access.Write ? A | D : A);
  }
  if (isSwap(pte)) {
    const limit = swapIsCached(pte) ? Status.Ok : overLimit(mm);
    if (limit) return limit;
    const status = swapIn(mm, vma, page);
    return status ? status : access(mm, page, kind);
  }
  // A device maps all that it wants to be seen (Linux: a driver without a fault handler).
  if (vma.flags & VM_PFNMAP) return Status.BUS_ADRERR;
  if (isAnonymous(vma)) return kind == Access.Write ? fresh(mm, vma, page) : zero(mm, vma, page);
  return fileFault(mm, vma, page, kind == Access.Write);
}

/** Installs the zero page: no anon_vma, no frame, at most tables. */
function zero(mm: Mm, vma: Vma, page: u64): i32 {
  const slot = pteEnsure(mm, page);
  if (!slot) return giveUp(mm, page, 0);
  pteSet(slot, pteMake(0, vma.flags) | S);
  statAdd(Vmstat.zero_page_fault, 1);
  return resolved(0);
}

function giveUp(mm: Mm, page: u64, pfn: u32): i32 {
  if (pfn) frameFree(pfn, 0);
  tableTrim(mm, page);
  return Status.ENOMEM;
}

/** Maps `pfn`, fresh and filled, as a private page that may be written. */
function installAnon(mm: Mm, vma: Vma, page: u64, pfn: u32): i32 {
  const slot = pteEnsure(mm, page);
  if (!slot) return giveUp(mm, page, pfn);
  frameMapNewAnon(pfn, vma, page);
  pteSet(slot, pteMake(pfn, vma.flags) | WRITTEN);
  return resolved(pfn);
}

/** ENOMEM where the group that would pay for one page more is at its limit. */
function overLimit(mm: Mm): i32 {
  if (!mm.group) return Status.Ok;
  const pages = groupOver(mm.group);
  return pages ? groupLacks(mm.group, pages) : Status.Ok;
}

function fresh(mm: Mm, vma: Vma, page: u64): i32 {
  const limit = overLimit(mm);
  if (limit) return limit;
  if (!anonVmaPrepare(vma)) return Status.ENOMEM;
  const pfn = frameAllocZeroed();
  if (!pfn) return Status.ENOMEM;
  return installAnon(mm, vma, page, pfn);
}

function copyOf(pfn: u32): u32 {
  if (!pfn) return frameAllocZeroed();
  const copy = frameAlloc(0);
  if (copy) memory.copy(frameAddress(copy), frameAddress(pfn), 4096);
  return copy;
}

/** A write to a present page without W. */
function writeProtected(mm: Mm, vma: Vma, page: u64, slot: usize, pte: u64): i32 {
  const pfn = ptePfn(pte);
  if (isShared(vma)) {
    if (!(pte & S)) frameDirty(pfn);
    return touch(slot, pte, A | WRITTEN);
  }
  if (!(pte & S) && isLastOwner(pfn)) {
    frameTakeOver(pfn, vma);
    statAdd(Vmstat.cow_reuse, 1);
    return touch(slot, pte, A | WRITTEN);
  }
  const limit = overLimit(mm);
  if (limit) return limit;
  return ownCopy(mm, vma, page, false);
}

/** Gives this mm its own copy of a page that is there, which cannot be written (Linux: unshare). */
export function unshare(mm: Mm, vma: Vma, page: u64): i32 {
  return ownCopy(mm, vma, page, true);
}

/** `readOnly`: the copy is not for a write, and leaves the next one to fault. */
function ownCopy(mm: Mm, vma: Vma, page: u64, readOnly: bool): i32 {
  if (mustTell(mm, page, page + 4096)) return cowTicket(mm, vma, page, readOnly);
  return cowBreak(mm, vma, page, readOnly);
}

function cowTicket(mm: Mm, vma: Vma, page: u64, readOnly: bool): i32 {
  planBegin();
  const prot = protOf(vma.flags);
  noticeRange(mm, page, page + 4096, Reason.Cow, Demand.All, prot, prot);
  need.frames = 1;
  need.links = 1;
  need.anonVmas = 1;
  const status = planTicket(Op.Fault, mm, page, page + 4096);
  if (status) return status;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(page, <u64>readOnly, 0, 0);
}

/** Gives this mm its own copy: allocate, fill, then repoint the pte, then drop the old page. */
function cowBreak(mm: Mm, vma: Vma, page: u64, readOnly: bool): i32 {
  if (!anonVmaPrepare(vma)) return Status.ENOMEM;
  const slot = pteSlot(mm, page);
  const old = load<u64>(slot);
  if (!(old & S) && isMerged(ptePfn(old))) statAdd(Vmstat.cow_ksm, 1);
  const pfn = copyOf(ptePfn(old));
  if (!pfn) return Status.ENOMEM;
  frameMapNewAnon(pfn, vma, page);
  pteSet(slot, pteMake(pfn, vma.flags) | (readOnly ? old & SD : WRITTEN));
  if (!(old & S)) frameUnmap(ptePfn(old));
  else if (ptePfn(old)) deviceCount(ptePfn(old), -1);
  statAdd(Vmstat.cow_break, 1);
  return resolved(pfn);
}

/** Commit of a planned COW break. */
export function faultCommit(ticket: Ticket): i32 {
  const mm = changetype<Mm>(ticket.mm);
  const vma = changetype<Vma>(vmaLookup(mm, ticket.a));
  return isHuge(vma) ? hugeFaultCommit(ticket) : cowBreak(mm, vma, ticket.a, ticket.b != 0);
}

/** A file's page that is not mapped: SIGBUS beyond its end. */
function fileFault(mm: Mm, vma: Vma, page: u64, write: bool): i32 {
  const mapping = changetype<Mapping>(vma.mapping);
  const index = linearIndex(vma, page);
  const frozen = mappingConflict(mapping, index << 12, (index + 1) << 12);
  if (frozen) return refuseFrozen(frozen);
  const copies = write && !isShared(vma);
  if (mm.group && (copies || !hasFrame(mapping, index))) {
    const limit = overLimit(mm);
    if (limit) return limit;
  }
  if (copies && !anonVmaPrepare(vma)) return Status.ENOMEM;
  // Neighbours are mapped even by a read that then lies beyond the end itself.
  if (!write && faultAround(mm, vma, page)) return resolved(ptePfn(load<u64>(pteSlot(mm, page))));
  if (index >= mappingPages(mapping)) return Status.BUS_ADRERR;
  const absent = cacheReady(mapping, index) ? Status.Ok : majorFault(mapping, index, mm.group);
  if (absent) return absent;
  const pfn = cacheFill(mapping, index, mm.group);
  if (!pfn) return Status.ENOMEM;
  return copies ? fileCopy(mm, vma, page, pfn) : fileMap(mm, vma, page, pfn, write);
}

/** A page that is not in memory yet: NEED_IO, or Ok where it is made of zeros. */
function majorFault(mapping: Mapping, index: u64, group: u32): i32 {
  const isOnDisk = mapping.kind == FileKind.Disk && !cacheGet(mapping, index);
  const isCounted = isOnDisk || isOut(mapping, index);
  const status = mustRead(mapping, index, group);
  if (isCounted && status != Status.ENOMEM) statAdd(Vmstat.pgmajfault, 1);
  return status;
}

function fileCopy(mm: Mm, vma: Vma, page: u64, pfn: u32): i32 {
  const copy = copyOf(pfn);
  return copy ? installAnon(mm, vma, page, copy) : Status.ENOMEM;
}

function fileMap(mm: Mm, vma: Vma, page: u64, pfn: u32, write: bool): i32 {
  const slot = pteEnsure(mm, page);
  if (!slot) return giveUp(mm, page, 0);
  frameMap(pfn);
  pteSet(slot, filePte(vma, pfn, write));
  if (write) frameDirty(pfn);
  return resolved(pfn);
}

/**
 * The pte of a cached page: a shared one may be written at once where neither writeback nor who
 * asks for what was written needs to see it (Linux: vma_wants_writenotify).
 */
export function filePte(vma: Vma, pfn: u32, write: bool): u64 {
  const pte = pteMake(pfn, vma.flags);
  if (write) return pte | WRITTEN;
  const tracked = changetype<Mapping>(vma.mapping).kind == FileKind.Disk;
  const writable = (vma.flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE);
  return writable && !tracked && mayWriteUnmarked(vma, pte) ? pte | W : pte;
}
