// munmap (as Linux mm/vma.c, do_vmi_munmap): notice, then ptes, then areas.

import { Demand, Op, Reason, Status } from "../abi";
import { vmaDrop, vmaSplit } from "../map/merge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaIntersection } from "../map/vma-tree";
import { needRange } from "../plan/need";
import { noticeRange } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { mustTell, planAfford, planBegin, planDone, planTells, planTicket } from "../plan/plan";
import { checkFrozen } from "../plan/ticket";
import { unmapFits } from "./huge-cut";
import { zapRange } from "./zap";

/** `length` up to whole pages; 0 when that overflows. */
export function pageAlign(length: u64): u64 {
  return (length + 4095) & ~(<u64>4095);
}

/** Adds what unmapping [start, end) needs and whom it tells to the plan being made. */
export function unmapPlan(mm: Mm, start: u64, end: u64): void {
  if (!vmaIntersection(mm, start, end)) return;
  needRange(mm, start, end);
  if (mustTell(mm, start, end)) noticeRange(mm, start, end, Reason.Unmap, Demand.All, 0, 0);
}

/** Takes [start, end) out of `mm`: ptes first, then areas. */
export function unmapApply(mm: Mm, start: u64, end: u64): void {
  let at = vmaIntersection(mm, start, end);
  if (!at) return;
  zapRange(mm, start, end);
  if (changetype<Vma>(at).start < start) vmaSplit(changetype<Vma>(at), start, true);
  while (at) {
    const vma = changetype<Vma>(at);
    if (vma.start >= end) break;
    if (vma.end > end) vmaSplit(vma, end, false);
    const next = vma.next;
    vmaDrop(vma);
    at = next;
  }
}

/** EINVAL unless `length` bytes at `address` are a user's, as every unmap of Linux asks first. */
export function unmapRange(address: u64, length: u64): i32 {
  const bad = address & 4095 || address > USER_END || length > USER_END - address;
  return bad ? Status.EINVAL : Status.Ok;
}

/**
 * munmap(2): EINVAL for a bad range, or one that ends within a huge page; ENOMEM past the limit of
 * areas or without memory.
 */
export function munmap(mm: Mm, address: u64, length: u64): i32 {
  if (unmapRange(address, length)) return Status.EINVAL;
  const end = address + pageAlign(length);
  if (end == address) return Status.EINVAL;
  const frozen = checkFrozen(mm, address, end);
  if (frozen) return frozen;
  const fits = unmapFits(mm, address, end);
  if (fits) return fits;
  planBegin();
  unmapPlan(mm, address, end);
  if (!planTells()) {
    const status = planAfford();
    if (!status) unmapApply(mm, address, end);
    return status;
  }
  const status = planTicket(Op.Munmap, mm, address, end);
  return status ? status : planDone(address, end, 0, 0);
}
