// MADV_REMOVE (as Linux madvise_remove): punches the hole that a range shows into its file.

import { Demand, Reason, Status, VM_LOCKED, VM_MAYWRITE, VM_SHARED } from "../abi";
import { isHuge } from "../map/huge";
import { Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { isAnonymous, linearIndex, Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { need } from "../plan/need";
import { checkInFlight } from "./file-read";
import { hugeHoleEnd, hugeHoleFirst } from "./huge-punch";
import { punchApply } from "./truncate";
import { checkHits, freezeHits, noticeHits } from "./unmap-mapping";

const SHARED_MAYWRITE: u32 = VM_SHARED | VM_MAYWRITE;

/** EINVAL for locked and anonymous memory, EACCES for what may not be written through. */
export function removeRefusal(vma: Vma): i32 {
  if (vma.flags & VM_LOCKED || isAnonymous(vma)) return Status.EINVAL;
  return (vma.flags & SHARED_MAYWRITE) == SHARED_MAYWRITE ? Status.Ok : Status.EACCES;
}

/** What is done with each part: three passes over the same walk. */
const enum Pass {
  Check,
  Notice,
  Freeze,
}

function passPart(vma: Vma, start: u64, end: u64, pass: Pass): i32 {
  const mapping = changetype<Mapping>(vma.mapping);
  let first = linearIndex(vma, start);
  let last = first + ((end - start) >> 12);
  if (pass == Pass.Check) {
    const busy = checkInFlight(mapping, first, last);
    need.holes += mapping.isBacked;
    return busy ? busy : checkHits(mapping, first, last);
  }
  if (isHuge(vma) && pass == Pass.Notice) {
    const hole = first << 12;
    first = hugeHoleFirst(hole);
    last = hugeHoleEnd(hole, last << 12);
  }
  if (pass == Pass.Freeze) return freezeHits(mapping, first, last);
  noticeHits(mapping, first, last, Reason.Punch, Demand.FilePages);
  return Status.Ok;
}

/** The parts of [start, end) that will be punched: up to the first area that refuses. */
function passAll(mm: Mm, start: u64, end: u64, pass: Pass): i32 {
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end || removeRefusal(vma)) return Status.Ok;
    const status = passPart(vma, max(vma.start, start), min(vma.end, end), pass);
    if (status) return status;
  }
  return Status.Ok;
}

/** Adds the holes to the plan being made: EAGAIN where one is frozen, NEED_IO where in flight. */
export function removePlan(mm: Mm, start: u64, end: u64): i32 {
  const frozen = passAll(mm, start, end, Pass.Check);
  if (!frozen) passAll(mm, start, end, Pass.Notice);
  return frozen;
}

/** Freezes the holes for the ticket being opened. */
export function removeFreeze(mm: Mm, start: u64, end: u64): i32 {
  return passAll(mm, start, end, Pass.Freeze);
}

export function removePart(vma: Vma, start: u64, end: u64): void {
  const offset = linearIndex(vma, start) << 12;
  punchApply(changetype<Mapping>(vma.mapping), offset, offset + (end - start));
}
