// brk (as Linux mm/mmap.c): the heap grows as an area that merges to its left alone, or shrinks by
// an unmap. A request that cannot be met answers with the break as it is.

import {
  MAP_COUNT_MAX,
  Op,
  Populate,
  STACK_GUARD_PAGES,
  VM_ACCOUNT,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_READ,
  VM_WRITE,
} from "../abi";
import { mergeNew, propose } from "../map/merge";
import { Mm } from "../map/mm";
import { startGap, Vma } from "../map/vma";
import { vmaCreate } from "../map/vma-link";
import { vmaBefore, vmaFind, vmaIntersection } from "../map/vma-tree";
import { mmConflict } from "../plan/freeze";
import { needArea } from "../plan/need";
import { USER_END } from "../plan/placement";
import {
  answer,
  planAfford,
  planBegin,
  planDone,
  planTells,
  planTicket,
  populateNext,
} from "../plan/plan";
import { checkFrozen, refuseFrozen, Ticket } from "../plan/ticket";
import { canCommit } from "./commit-limit";
import { unmapFits } from "./huge-cut";
import { pageAlign, unmapApply, unmapPlan } from "./munmap";

const DATA: u32 = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT;

/** brk(2): answers with the break after it; 0 as `address` asks. */
export function brk(mm: Mm, address: u64): i32 {
  planBegin();
  if (address < mm.brkStart || address > USER_END) return answer(mm.brk);
  const now = pageAlign(mm.brk);
  const wanted = pageAlign(address);
  if (now == wanted) {
    mm.brk = address;
    return answer(address);
  }
  return wanted < now ? shrink(mm, address, wanted, now) : grow(mm, address, now, wanted);
}

function shrink(mm: Mm, address: u64, start: u64, end: u64): i32 {
  if (!vmaIntersection(mm, start, end)) return answer(mm.brk);
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  if (unmapFits(mm, start, end)) return answer(mm.brk);
  unmapPlan(mm, start, end);
  if (!planTells()) {
    const status = planAfford();
    return status ? status : shrinkApply(mm, start, end, address);
  }
  const status = planTicket(Op.Brk, mm, start, end);
  return status ? status : planDone(start, end, address, 0);
}

function shrinkApply(mm: Mm, start: u64, end: u64, address: u64): i32 {
  unmapApply(mm, start, end);
  mm.brk = address;
  return answer(address);
}

export function brkCommit(ticket: Ticket): i32 {
  return shrinkApply(changetype<Mm>(ticket.mm), ticket.a, ticket.b, ticket.c);
}

/** The open bracket that is about to take the heap's end at `end` away, or 0. */
function shrinkBelow(mm: Mm, end: u64): usize {
  const ticket = end ? mmConflict(mm, end - 4096, end) : 0;
  return ticket && changetype<Ticket>(ticket).op == Op.Brk ? ticket : 0;
}

/** Room from the old break to the new one, a page more, and a stack's guard gap? */
function hasRoom(mm: Mm, start: u64, end: u64): bool {
  const next = vmaFind(mm, start);
  if (!next) return true;
  const vma = changetype<Vma>(next);
  if (vma.start >= end + 4096 + ((<u64>STACK_GUARD_PAGES) << 12)) return true;
  return end + 4096 <= startGap(vma);
}

function grow(mm: Mm, address: u64, start: u64, end: u64): i32 {
  if (!hasRoom(mm, start, end) || !canCommit((end - start) >> 12)) return answer(mm.brk);
  if (mm.mapCount > MAP_COUNT_MAX) return answer(mm.brk);
  const shrinks = shrinkBelow(mm, start);
  if (shrinks) return refuseFrozen(shrinks);
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  needArea(mm);
  if (planAfford()) return answer(mm.brk);
  const flags = DATA | mm.defaultFlags;
  const before = vmaBefore(mm, start);
  const heap = before && changetype<Vma>(before).end > mm.brkStart ? before : 0;
  propose(start, end, flags, start >> 12, 0);
  if (!mergeNew(heap, 0, true)) vmaCreate(mm, start, end, flags, 0, start >> 12);
  mm.brk = address;
  if (flags & VM_LOCKED) populateNext(start, end, Populate.Quiet);
  return answer(address);
}
