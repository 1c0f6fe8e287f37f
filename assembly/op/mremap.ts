// mremap (as Linux mm/mremap.c of 6.17 and later): what is asked, whether it may be, and who is
// told. The moving itself is in remap-move.ts.
//
//   FIXED, equal lengths      every area in the range moves, gaps kept
//   FIXED or DONTUNMAP        one area moves, its end cut off first where it shrinks
//   shrink                    the end is unmapped
//   grow                      in place where there is room, else moved (MAYMOVE)
//
// A FIXED move has unmapped its target even when it then fails.

import {
  Demand,
  MAP_COUNT_MAX,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  Op,
  Reason,
  Status,
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_SHARED,
} from "../abi";
import { ksmCount } from "../map/ksm";
import { Mm } from "../map/mm";
import { leafCount } from "../map/table";
import { linearIndex, Vma } from "../map/vma";
import { vmaFind, vmaIntersection, vmaLookup } from "../map/vma-tree";
import { KeyKind, mmConflict } from "../plan/freeze";
import { need, needRange } from "../plan/need";
import { noticeRange } from "../plan/notice";
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
import { checkFrozen, opened, Ticket, ticketFreeze } from "../plan/ticket";
import { canCommit } from "./commit-limit";
import { unmapAllowed, unmapFits } from "./huge-cut";
import { hugeRefusal, moveLength, remapLength } from "./huge-remap";
import { pageAlign, unmapPlan, unmapRange } from "./munmap";
import { remapApply } from "./remap-move";

const FLAGS: i32 = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** Does the caller name a new address, so that the mapping is sure to move? */
export function impliesMove(flags: i32): bool {
  return (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;
}

/** FIXED and equal lengths: several areas may move at once. */
export function movesOnly(oldLength: u64, newLength: u64, flags: i32): bool {
  return (flags & MREMAP_FIXED) != 0 && oldLength == newLength;
}

/** As check_mremap_params: what can be said without looking at areas. Lengths are whole pages. */
function checkParameters(
  mm: Mm,
  at: u64,
  oldLength: u64,
  newLength: u64,
  flags: i32,
  to: u64,
): i32 {
  if (flags & ~FLAGS || at & 4095 || !newLength || newLength > USER_END) return Status.EINVAL;
  if (!impliesMove(flags)) return Status.Ok;
  if (to > USER_END - newLength || to & 4095 || !(flags & MREMAP_MAYMOVE)) return Status.EINVAL;
  if (flags & MREMAP_DONTUNMAP && oldLength != newLength) return Status.EINVAL;
  // The target overlaps the source.
  if (at + oldLength > to && to + newLength > at) return Status.EINVAL;
  // Both ranges may be split before the move itself looks at the limit of areas.
  return mm.mapCount + 2 >= MAP_COUNT_MAX - 3 ? Status.ENOMEM : Status.Ok;
}

/** As check_prep_vma: may this area be resized or moved so? Lengths as `remapLength` has them. */
export function checkArea(
  vma: Vma,
  at: u64,
  oldLength: u64,
  newLength: u64,
  flags: i32,
  to: u64,
): i32 {
  const huge = hugeRefusal(vma, at, oldLength, newLength, to);
  if (huge) return huge;
  if (newLength <= oldLength && !impliesMove(flags)) return Status.Ok;
  if (!oldLength && !(vma.flags & (VM_SHARED | VM_MAYSHARE))) return Status.EINVAL;
  const pinned = (vma.flags & (VM_DONTEXPAND | VM_PFNMAP)) != 0;
  if (flags & MREMAP_DONTUNMAP && pinned) return Status.EINVAL;
  const kept = min(oldLength, newLength);
  if (kept > vma.end - at) return Status.EFAULT;
  if (newLength <= oldLength) return Status.Ok;
  const pgoff = linearIndex(vma, at);
  if (pgoff + (newLength >> 12) < pgoff) return Status.EINVAL;
  return pinned ? Status.EFAULT : Status.Ok;
}

/** Can the area that ends where the old range does grow in place? */
export function growsInPlace(mm: Mm, vma: Vma, at: u64, oldLength: u64, newLength: u64): bool {
  if (vma.end - at != oldLength) return false;
  const end = vma.end + (newLength - oldLength);
  if (end < vma.end || end > USER_END) return false;
  // A commit that planned to move may find room here by now, which another bracket still freezes.
  return !vmaIntersection(mm, vma.end, end) && !mmConflict(mm, vma.end, end);
}

/** May the end of a range that shrinks be unmapped? As munmap answers. */
export function cutRefusal(mm: Mm, at: u64, oldLength: u64, newLength: u64): i32 {
  const bad = unmapRange(at + newLength, oldLength - newLength);
  return bad ? bad : unmapFits(mm, at + newLength, at + oldLength);
}

/** Private accounted memory that the operation adds must be affordable. */
export function mayCharge(vma: Vma, pages: u64): bool {
  return !(vma.flags & VM_ACCOUNT) || canCommit(pages);
}

/** A FIXED move of equal lengths may pass over holes, but not begin with one. */
function firstMoves(mm: Mm, start: u64): i32 {
  const first = vmaFind(mm, start);
  return first && changetype<Vma>(first).start <= start ? Status.Ok : Status.EFAULT;
}

/** mremap(2): answers with the address. */
export function mremap(
  mm: Mm,
  address: u64,
  oldBytes: u64,
  newBytes: u64,
  flags: i32,
  target: u64,
): i32 {
  const oldLength = pageAlign(oldBytes);
  const newLength = pageAlign(newBytes);
  const bad = checkParameters(mm, address, oldLength, newLength, flags, target);
  if (bad) return bad;
  if (movesOnly(oldLength, newLength, flags)) {
    const length = moveLength(mm, address, oldLength);
    return remap(mm, address, length, length, flags, target);
  }
  const found = vmaLookup(mm, address);
  if (!found) return Status.EFAULT;
  const old = remapLength(changetype<Vma>(found), oldLength);
  const now = remapLength(changetype<Vma>(found), newLength);
  // Lengths that only round to the same are about one area.
  if (movesOnly(old, now, flags) && old > changetype<Vma>(found).end - address) {
    const refused = hugeRefusal(changetype<Vma>(found), address, old, now, target);
    return refused ? refused : Status.EFAULT;
  }
  return remap(mm, address, old, now, flags, target);
}

function remap(mm: Mm, address: u64, oldLength: u64, newLength: u64, flags: i32, target: u64): i32 {
  const allowed = checkSource(mm, address, oldLength, newLength, flags, target);
  if (allowed) return allowed;
  planBegin();
  if (!impliesMove(flags) && newLength == oldLength) return answer(address);
  const cut = impliesMove(flags) || newLength > oldLength;
  const refused = cut ? Status.Ok : cutRefusal(mm, address, oldLength, newLength);
  if (refused) return refused;
  const fixed = flags & MREMAP_FIXED ? target : 0;
  const frozen = checkKeys(mm, address, oldLength, newLength, fixed);
  if (frozen) return frozen;
  remapPlan(mm, address, oldLength, newLength, flags, target);
  if (!planTells()) {
    const status = planAfford();
    return status ? status : remapApply(mm, address, oldLength, newLength, flags, target);
  }
  return remapTicket(mm, address, oldLength, newLength, flags, target);
}

function checkSource(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32, to: u64): i32 {
  if (movesOnly(oldLength, newLength, flags)) {
    const first = firstMoves(mm, at);
    if (first) return first;
    const vma = changetype<Vma>(vmaFind(mm, at));
    const length = min(vma.end - at, oldLength);
    return checkArea(vma, at, length, length, flags, to);
  }
  const vma = vmaLookup(mm, at);
  if (!vma) return Status.EFAULT;
  return checkArea(changetype<Vma>(vma), at, oldLength, newLength, flags, to);
}

/** End of the source. One that lies beyond the user's half is refused when its target is gone. */
function sourceEnd(at: u64, oldLength: u64): u64 {
  return oldLength > u64.MAX_VALUE - at ? at : min(at + oldLength, USER_END);
}

function checkKeys(mm: Mm, at: u64, oldLength: u64, newLength: u64, fixed: u64): i32 {
  const grown = at + min(newLength, USER_END - at);
  const old = checkFrozen(mm, at, max(sourceEnd(at, oldLength), grown));
  if (old) return old;
  return fixed ? checkFrozen(mm, fixed, fixed + newLength) : Status.Ok;
}

/**
 * Where areas are put in: the source is split at three places, the target at two. What moves goes
 * beside the target's end, one after the other, where each may leave one more to be unmapped next.
 */
const MOVE_PLACES: u32 = 6;

/** Part of the source whose ptes go or move, as [start, end) in these two. */
let touchedStart: u64 = 0;
let touchedEnd: u64 = 0;

function remapPlan(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32, to: u64): void {
  const end = sourceEnd(at, oldLength);
  touchedStart = at;
  touchedEnd = end;
  const moved = needMove(mm, at, end, newLength);
  if (flags & MREMAP_FIXED) {
    targetPlan(mm, at, oldLength, newLength, flags, to);
  } else if (!(flags & MREMAP_DONTUNMAP)) {
    const vma = changetype<Vma>(vmaLookup(mm, at));
    if (newLength < oldLength) touchedStart = at + newLength;
    else if (growsInPlace(mm, vma, at, oldLength, newLength)) touchedEnd = at;
    else if (!(flags & MREMAP_MAYMOVE)) touchedEnd = at;
  }
  if (touchedStart >= touchedEnd || !mustTell(mm, touchedStart, touchedEnd)) return;
  noticeRange(mm, touchedStart, touchedEnd, Reason.Unmap, Demand.All, 0, 0);
}

/** The targets of a FIXED move are unmapped first: of each area its own, where several move. */
function targetPlan(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32, to: u64): void {
  if (!movesOnly(oldLength, newLength, flags)) {
    if (unmapAllowed(mm, to, to + newLength)) touchedEnd = at;
    else unmapPlan(mm, to, to + newLength);
    return;
  }
  const end = sourceEnd(at, oldLength);
  for (let p = vmaFind(mm, at); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end) return;
    const from = max(vma.start, at);
    const length = min(vma.end, end) - from;
    const target = to + (from - at);
    const refused = checkArea(vma, from, length, length, flags, target);
    if (refused || unmapAllowed(mm, target, target + length)) {
      touchedEnd = from;
      return;
    }
    unmapPlan(mm, target, target + length);
  }
}

/**
 * Areas, links and tables that moving [start, end) to a place of `newLength` may take.
 * @returns how many areas move.
 */
function needMove(mm: Mm, start: u64, end: u64, newLength: u64): u32 {
  needRange(mm, start, max(end, start + 1));
  let moved: u32 = 0;
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end && vma.start > start) break;
    moved += 1;
    need.vmas += 5;
    need.links += 5 * (vma.chainCount + 2);
  }
  // A merged page does not move: a copy of it does.
  // A leaf table's entries land in two at most; so do, rarely, the tables above.
  need.frames += ksmCount(mm, start, end);
  const leaves = leafCount(mm, start, end);
  if (leaves) need.frames += 2 * leaves + min(2 * leaves, <u32>(newLength >> 30) + 2) + 2;
  return moved;
}

function remapTicket(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32, to: u64): i32 {
  const status = planTicket(Op.Mremap, mm, at, max(sourceEnd(at, oldLength), at + 4096));
  if (status) return status;
  const ticket = changetype<Ticket>(opened);
  ticket.e = to;
  ticket.f = <u64>flags;
  if (flags & MREMAP_FIXED) {
    const frozen = ticketFreeze(KeyKind.Mm, changetype<usize>(mm), to, to + newLength);
    if (frozen) return frozen;
  }
  return planDone(at, oldLength, newLength, 0);
}

export function remapCommit(ticket: Ticket): i32 {
  const mm = changetype<Mm>(ticket.mm);
  return remapApply(mm, ticket.a, ticket.b, ticket.c, <i32>ticket.f, ticket.e);
}
