// madvise (as Linux mm/madvise.c): advice on areas, and the two kinds that clear pages.
//
// Holes are passed over and answered with ENOMEM at the end; an error stops where it arises, with
// the areas before it done.

import {
  Demand,
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  Op,
  Populate,
  Reason,
  Status,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DROPPABLE,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
} from "../abi";
import { hugeStart, isHuge, isHugeAligned } from "../map/huge";
import { VM_SPECIAL, vmaTryModify } from "../map/merge";
import { Mm } from "../map/mm";
import { isAnonymous, Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { needRange } from "../plan/need";
import { noticeRange } from "../plan/notice";
import { USER_END } from "../plan/placement";
import {
  mustTell,
  planAfford,
  planBegin,
  planDone,
  planTells,
  planTicket,
  populateNext,
} from "../plan/plan";
import { checkFrozen, planDrop, Ticket } from "../plan/ticket";
import { modifyRefusal } from "./huge-cut";
import { coolRange } from "./madv-cold";
import { freeRange } from "./madv-free";
import { removeFreeze, removePart, removePlan, removeRefusal } from "./madv-remove";
import { unmergePlan, unmergeRange } from "./merge-page";
import { pageAlign } from "./munmap";
import { pageoutPlan, pageoutRange, pageoutTold, UNEVICTABLE } from "./pageout";
import { zapRange } from "./zap";

/** Kinds of advice by what they do. */
const enum Kind {
  Unknown,
  Flags,
  Clear,
  Free,
  Nothing,
  Cold,
  Populate,
  Remove,
  Pageout,
}

function kindOf(advice: i32): Kind {
  if (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED) return Kind.Clear;
  if (advice == MADV_FREE) return Kind.Free;
  if (advice == MADV_REMOVE) return Kind.Remove;
  if (advice == MADV_PAGEOUT) return Kind.Pageout;
  if (advice == MADV_WILLNEED) return Kind.Nothing;
  if (advice == MADV_COLD) return Kind.Cold;
  if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) return Kind.Populate;
  if (advice >= MADV_NORMAL && advice <= MADV_SEQUENTIAL) return Kind.Flags;
  if (advice >= MADV_DONTFORK && advice <= MADV_KEEPONFORK) return Kind.Flags;
  return Kind.Unknown;
}

/** EINVAL where `advice` does not apply to `vma` from `start` on, else Ok. */
function refusal(vma: Vma, start: u64, advice: i32): i32 {
  if (advice == MADV_REMOVE) return removeRefusal(vma);
  const flags = vma.flags;
  let forbidden: u32 = 0;
  if (isHuge(vma) && kindOf(advice) == Kind.Clear && !isHugeAligned(start)) return Status.EINVAL;
  if (advice == MADV_DOFORK) forbidden = VM_IO;
  if (advice == MADV_DODUMP) forbidden = isHuge(vma) ? VM_DROPPABLE : VM_SPECIAL | VM_DROPPABLE;
  if (advice == MADV_KEEPONFORK) forbidden = VM_DROPPABLE;
  if (advice == MADV_COLD || advice == MADV_PAGEOUT) forbidden = UNEVICTABLE;
  if (advice == MADV_DONTNEED || advice == MADV_FREE) forbidden = VM_LOCKED | VM_PFNMAP;
  if (advice == MADV_DONTNEED_LOCKED) forbidden = VM_PFNMAP;
  if (flags & forbidden) return Status.EINVAL;
  if (advice == MADV_FREE && !isAnonymous(vma)) return Status.EINVAL;
  if (advice == MADV_WIPEONFORK && (!isAnonymous(vma) || flags & VM_SHARED)) return Status.EINVAL;
  return Status.Ok;
}

function advisedFlags(flags: u32, advice: i32): u32 {
  if (advice == MADV_NORMAL) return flags & ~(VM_RAND_READ | VM_SEQ_READ);
  if (advice == MADV_RANDOM) return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
  if (advice == MADV_SEQUENTIAL) return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
  if (advice == MADV_DONTFORK) return flags | VM_DONTCOPY;
  if (advice == MADV_DOFORK) return flags & ~VM_DONTCOPY;
  if (advice == MADV_MERGEABLE) return mergeable(flags);
  if (advice == MADV_UNMERGEABLE) return flags & ~VM_MERGEABLE;
  if (advice == MADV_HUGEPAGE) return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
  if (advice == MADV_NOHUGEPAGE) return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
  if (advice == MADV_DONTDUMP) return flags | VM_DONTDUMP;
  if (advice == MADV_DODUMP) return flags & ~VM_DONTDUMP;
  if (advice == MADV_WIPEONFORK) return flags | VM_WIPEONFORK;
  if (advice == MADV_KEEPONFORK) return flags & ~VM_WIPEONFORK;
  return flags;
}

/** Shared and special areas are never merged page by page: the advice is accepted and ignored. */
function mergeable(flags: u32): u32 {
  return flags & (VM_SPECIAL | VM_SHARED | VM_HUGETLB) ? flags : flags | VM_MERGEABLE;
}

/** madvise(2): EINVAL for unknown advice, a misaligned start, an area it does not apply to. */
export function madvise(mm: Mm, address: u64, length: u64, advice: i32): i32 {
  const kind = kindOf(advice);
  if (kind == Kind.Unknown || address & 4095) return Status.EINVAL;
  const bytes = pageAlign(length);
  if (length && !bytes) return Status.EINVAL;
  const end = address + bytes;
  if (end < address) return Status.EINVAL;
  if (end == address) return Status.Ok;
  planBegin();
  if (kind == Kind.Populate) {
    populateNext(address, end, advice == MADV_POPULATE_READ ? Populate.Read : Populate.Write);
    return Status.Ok;
  }
  const frozen = checkFrozen(mm, address, end);
  if (frozen) return frozen;
  needRange(mm, address, end);
  if (advice == MADV_UNMERGEABLE) unmergePlan(mm, address, min(end, USER_END));
  if (tellsOfPages(kind)) clearPlan(mm, address, end, advice);
  if (kind == Kind.Remove) {
    const held = removePlan(mm, address, end);
    if (held) return planDrop(held);
  }
  if (!planTells()) {
    const status = planAfford();
    return status ? status : adviseApply(mm, address, end, advice);
  }
  return adviseTicket(mm, address, end, advice);
}

function tellsOfPages(kind: Kind): bool {
  return kind == Kind.Clear || kind == Kind.Free || kind == Kind.Pageout;
}

function adviseTicket(mm: Mm, start: u64, end: u64, advice: i32): i32 {
  const status = planTicket(Op.Madvise, mm, start, end);
  if (status) return status;
  const frozen = advice == MADV_REMOVE ? removeFreeze(mm, start, end) : Status.Ok;
  return frozen ? frozen : planDone(start, end, advice, 0);
}

/** Of huge pages only whole ones are cleared: nobody loses what he did not name. */
function clearEnd(vma: Vma, end: u64): u64 {
  return isHuge(vma) ? hugeStart(end) : end;
}

function clearPlan(mm: Mm, start: u64, end: u64, advice: i32): void {
  if (!mustTell(mm, start, end)) return;
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    const from = max(vma.start, start);
    if (vma.start >= end || refusal(vma, from, advice)) return;
    const to = clearEnd(vma, min(vma.end, end));
    if (from == to) continue;
    if (advice == MADV_PAGEOUT) pageoutPlan(mm, from, to);
    else if (mustTell(mm, from, to)) noticeRange(mm, from, to, Reason.Clear, Demand.All, 0, 0);
  }
}

function adviseArea(mm: Mm, vma: Vma, start: u64, end: u64, advice: i32): i32 {
  const refused = refusal(vma, start, advice);
  if (refused) return refused;
  const kind = kindOf(advice);
  if (kind == Kind.Clear) zapRange(mm, start, clearEnd(vma, end));
  if (kind == Kind.Remove) removePart(vma, start, end);
  if (kind == Kind.Pageout) pageoutRange(mm, start, end);
  if (kind == Kind.Free) freeRange(mm, start, end);
  if (kind == Kind.Cold) coolRange(mm, start, end);
  if (kind != Kind.Flags) return Status.Ok;
  const flags = advisedFlags(vma.flags, advice);
  if (flags == vma.flags) return Status.Ok;
  const cut = modifyRefusal(vma, start, end);
  if (cut) return cut == Status.ENOMEM ? Status.EAGAIN : cut;
  if (advice == MADV_UNMERGEABLE) unmergeRange(mm, start, end);
  const area = vmaTryModify(vma, start, end, flags);
  if (!area) return Status.EAGAIN;
  changetype<Vma>(area).flags = flags;
  return Status.Ok;
}

function adviseApply(mm: Mm, start: u64, end: u64, advice: i32): i32 {
  let result: i32 = Status.Ok;
  let at = start;
  while (at < end) {
    const found = vmaFind(mm, at);
    if (!found) return Status.ENOMEM;
    const vma = changetype<Vma>(found);
    if (vma.start > at) {
      result = Status.ENOMEM;
      at = vma.start;
      if (at >= end) break;
    }
    const stop = min(vma.end, end);
    const status = adviseArea(mm, vma, at, stop, advice);
    if (status) return status;
    at = stop;
  }
  return result;
}

export function adviseCommit(ticket: Ticket): i32 {
  pageoutTold(ticket.notices);
  const status = adviseApply(changetype<Mm>(ticket.mm), ticket.a, ticket.b, <i32>ticket.c);
  pageoutTold(0);
  return status;
}
