// fork (as Linux kernel/fork.c dup_mmap and mm/memory.c copy_page_range): the child is built in one
// step, so that nobody ever sees half of it.
//
//   area                        in the child
//   MADV_DONTFORK               absent
//   MADV_WIPEONFORK             there, empty, without anon_vma
//   without anon_vma            there, empty: its pages come back by faults (a device's are copied)
//   others                      every pte copied; private writable ones lose W on both sides
//
// A pinned private page is the exception: the child gets its bytes in a frame of its own, so that
// the device stays with the parent's page, which keeps W.

import {
  Demand,
  Op,
  Reason,
  Status,
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
} from "../abi";
import { frameAlloc } from "../frame/buddy";
import { frameAddress, frameOf, pfnOfAddress } from "../frame/frame";
import { anonVmaAttach, anonVmaCreate, chainClone } from "../map/anon-vma";
import { deviceCount } from "../map/device";
import { groupJoin } from "../map/group";
import { hugePfn } from "../map/huge";
import { ksmAny, ksmCount, ksmFork } from "../map/ksm";
import { Mm, mmCreate, mmOf } from "../map/mm";
import { isPinnedAnon } from "../map/pin";
import { A, E, P, ptePfn, pteWithPfn, S, W } from "../map/pte";
import { frameMapAgain, frameMapNewAnon } from "../map/rmap";
import { isSwap, SWP_EXCLUSIVE, slotDup, swapSlot } from "../map/swap";
import {
  leafEnd,
  leafIndex,
  leafPfn,
  leafSeek,
  pmdEnsure,
  pmdSlot,
  pteEnsure,
  pteSet,
  tableTrim,
} from "../map/table";
import { Vma, vmaPages } from "../map/vma";
import { vmaDup, vmaLink } from "../map/vma-link";
import { certain } from "../mem/certain";
import { need, needNodesInOrder } from "../plan/need";
import { noticeRange, protOf } from "../plan/notice";
import { USER_END } from "../plan/placement";
import {
  answer,
  mustTell,
  planAfford,
  planBegin,
  planDone,
  planTells,
  planTicket,
} from "../plan/plan";
import { checkFrozen, opened, Ticket } from "../plan/ticket";
import { canCommit } from "./commit-limit";

/** Private memory that may be written: its pages are shared until somebody writes. */
function isCow(vma: Vma): bool {
  return (vma.flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

function copiesPtes(vma: Vma): bool {
  const has = vma.anonVma != 0 || (vma.flags & VM_PFNMAP) != 0;
  return has && !(vma.flags & (VM_WIPEONFORK | VM_DONTCOPY));
}

/** Each area of the child is a promise of its own. */
function mayPromise(mm: Mm): bool {
  for (let p = mm.first; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    const counts = (vma.flags & (VM_ACCOUNT | VM_DONTCOPY)) == VM_ACCOUNT;
    if (counts && !canCommit(vmaPages(vma))) return false;
  }
  return true;
}

/** fork(2): answers with the child's handle. A child starts without MMF_EXPORTED. */
export function fork(mm: Mm): i32 {
  const frozen = checkFrozen(mm, 0, USER_END);
  if (frozen) return frozen;
  if (!mayPromise(mm)) return Status.ENOMEM;
  planBegin();
  forkPlan(mm);
  if (!planTells()) {
    const status = planAfford();
    return status ? status : forkApply(mm);
  }
  const status = planTicket(Op.Fork, mm, 0, USER_END);
  if (status) return status;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(0, USER_END, 0, 0);
}

function forkPlan(mm: Mm): void {
  // The child's tables are at most the parent's; pinned pages are copied.
  need.frames = mm.tables + min(mm.pins, <u32>mm.totalPages);
  need.mms = 1;
  for (let p = mm.first; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.flags & VM_DONTCOPY) continue;
    need.vmas++;
    need.links += vma.chainCount + 2;
    if (vma.anonVma) need.anonVmas++;
    if (copiesPtes(vma)) need.merges += ksmCount(mm, vma.start, vma.end);
    if (!copiesPtes(vma) || !isCow(vma) || !mustTell(mm, vma.start, vma.end)) continue;
    const prot = protOf(vma.flags);
    const after = protOf(vma.flags & ~VM_WRITE);
    noticeRange(mm, vma.start, vma.end, Reason.Protect, Demand.Writers, prot, after);
  }
  needNodesInOrder(need.vmas);
}

/** Chains the child's area to its parent's anon_vmas, and to one of its own or one taken over. */
function forkChain(child: Vma, parent: Vma): void {
  if (!parent.anonVma) return;
  chainClone(child, parent);
  if (child.anonVma) return;
  const own = anonVmaCreate(parent.anonVma);
  certain(own != 0 && anonVmaAttach(child, own));
}

function copyArea(mm: Mm, vma: Vma): Vma {
  const copy = vmaDup(vma, vma.start, vma.end, vma.pgoff);
  copy.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
  // The child's own, or one taken over: the chain decides.
  copy.anonVma = 0;
  if (!(vma.flags & VM_WIPEONFORK)) forkChain(copy, vma);
  vmaLink(mm, copy);
  return copy;
}

/** Copies the entries of a part of one leaf table. `keep`: the bits that both sides keep. */
function copyLeaf(from: usize, to: usize, count: u32, keep: u64): void {
  let copied: u32 = 0;
  for (let i: u32 = 0; i < count; i++, from += 8, to += 8) {
    const pte = load<u64>(from);
    if (isSwap(pte)) {
      slotDup(swapSlot(pte));
      store<u64>(from, pte & ~SWP_EXCLUSIVE);
      store<u64>(to, pte & ~SWP_EXCLUSIVE);
      copied++;
      continue;
    }
    if (!(pte & P)) continue;
    const shared = pte & keep;
    if (shared != pte) store<u64>(from, shared);
    store<u64>(to, shared & ~(E | A));
    if (!(pte & S)) frameMapAgain(ptePfn(pte));
    else if (ptePfn(pte)) deviceCount(ptePfn(pte), 1);
    copied++;
  }
  frameOf(pfnOfAddress(to - 8)).private_ += copied;
}

/** A huge page has one entry, which both sides have from now on. */
function copyHuge(parent: Mm, child: Mm, at: u64, keep: u64): void {
  const from = pmdSlot(parent, at);
  const entry = load<u64>(from);
  const shared = entry & keep;
  if (shared != entry) store<u64>(from, shared);
  const to = pmdEnsure(child, at);
  certain(to != 0);
  pteSet(to, shared & ~(E | A));
  frameMapAgain(hugePfn(entry));
}

/** Whether the page behind `pte` must be copied: a device has it, and it stays the parent's. */
function staysBehind(pte: u64): bool {
  return (pte & P) != 0 && !(pte & S) && isPinnedAnon(ptePfn(pte));
}

/** Copies one pinned page of the parent: an entry of a frame of its own in the child. */
function copyPinned(from: usize, to: usize, child: Vma, address: u64): void {
  const pte = load<u64>(from);
  const pfn = frameAlloc(0);
  certain(pfn != 0);
  memory.copy(frameAddress(pfn), frameAddress(ptePfn(pte)), 4096);
  frameMapNewAnon(pfn, child, address);
  pteSet(to, pteWithPfn(pte & ~(E | A), pfn));
}

/** As `copyLeaf`, where pages may be pinned: these are copied, the runs between them shared. */
function copyLeafAround(
  from: usize,
  to: usize,
  count: u32,
  keep: u64,
  child: Vma,
  start: u64,
): void {
  let first: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = (<usize>i) << 3;
    if (!staysBehind(load<u64>(from + at))) continue;
    const run = (<usize>first) << 3;
    if (first < i) copyLeaf(from + run, to + run, i - first, keep);
    copyPinned(from + at, to + at, child, start + ((<u64>i) << 12));
    first = i + 1;
  }
  const run = (<usize>first) << 3;
  if (first < count) copyLeaf(from + run, to + run, count - first, keep);
}

function copyRange(parent: Mm, child: Mm, vma: Vma, copy: Vma): void {
  const keep: u64 = isCow(vma) ? ~W : ~(<u64>0);
  let at = leafSeek(parent, vma.start, vma.end);
  while (at < vma.end) {
    const stop = leafEnd(at, vma.end);
    const from = leafPfn(parent, at);
    if (!from) copyHuge(parent, child, at, keep);
    else if (frameOf(from).private_) {
      const to = pteEnsure(child, at);
      certain(to != 0);
      const slot = frameAddress(from) + ((<usize>leafIndex(at)) << 3);
      const pages = <u32>((stop - at) >> 12);
      if (parent.pins && isCow(vma)) copyLeafAround(slot, to, pages, keep, copy, at);
      else copyLeaf(slot, to, pages, keep);
      if (ksmAny()) ksmFork(child, at, stop);
      // The part that this area has of the leaf may be empty, and then the table is (T6).
      if (!frameOf(leafPfn(child, at)).private_) tableTrim(child, at);
    }
    at = leafSeek(parent, stop, vma.end);
  }
}

function forkApply(parent: Mm): i32 {
  const handle = mmCreate(parent.mmapBase, parent.brkStart);
  if (handle < 0) return handle;
  const child = changetype<Mm>(changetype<usize>(mmOf(<u32>handle)));
  child.brk = parent.brk;
  child.stack = parent.stack;
  groupJoin(child, parent.group);
  for (let p = parent.first; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.flags & VM_DONTCOPY) continue;
    const copy = copyArea(child, vma);
    if (copiesPtes(vma)) copyRange(parent, child, vma, copy);
  }
  return answer(<u64>handle);
}

export function forkCommit(ticket: Ticket): i32 {
  return forkApply(changetype<Mm>(ticket.mm));
}
