// Where areas of huge pages may be cut: between huge pages alone (Linux hugetlb_vm_op_split). The
// kernel's own, the vdso and its data, may be cut nowhere (special_mapping_split).
//
// Linux splits the beginning off first. When the end is then refused, that first split stays, and
// shows in maps.

import { AreaName, MAP_COUNT_MAX, Status } from "../abi";
import { isHuge, isHugeAligned } from "../map/huge";
import { vmaSplit } from "../map/merge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaIntersection, vmaLookup } from "../map/vma-tree";
import { needRange } from "../plan/need";
import { planAfford, planBegin } from "../plan/plan";
import { checkFrozen } from "../plan/ticket";

/** Would a cut at `address` go through a huge page of `vma`, or through one of the kernel's own? */
function isCutAmid(vma: Vma, address: u64): bool {
  if (address <= vma.start || address >= vma.end) return false;
  return isHuge(vma) ? !isHugeAligned(address) : vma.name >= <u32>AreaName.Vdso;
}

/** May [start, end) of `vma` become an area of its own? EINVAL where a huge page would be cut. */
export function cutsHuge(vma: Vma, start: u64, end: u64): bool {
  return isCutAmid(vma, start) || isCutAmid(vma, end);
}

/**
 * As Linux's vma_modify of an area of huge pages that cannot be split so: EINVAL, the beginning
 * split off where it is the end that is refused; ENOMEM at the limit of areas. Ok where it can.
 *
 * Precondition: two areas are reserved.
 */
export function modifyRefusal(vma: Vma, start: u64, end: u64): i32 {
  if (!cutsHuge(vma, start, end)) return Status.Ok;
  if (isCutAmid(vma, start) || vma.start >= start) return Status.EINVAL;
  if (changetype<Mm>(vma.mm).mapCount >= MAP_COUNT_MAX) return Status.ENOMEM;
  vmaSplit(vma, start, true);
  return Status.EINVAL;
}

/** ENOMEM when unmapping the middle of an area would leave one area too many. */
function countRefusal(mm: Mm, vma: Vma, start: u64, end: u64): i32 {
  const splitsTwice = vma.start < start && vma.end > end;
  return splitsTwice && mm.mapCount >= MAP_COUNT_MAX ? Status.ENOMEM : Status.Ok;
}

/**
 * May [start, end) be unmapped? Changes nothing. ENOMEM past the limit of areas, EINVAL where a
 * huge page would be cut.
 */
export function unmapAllowed(mm: Mm, start: u64, end: u64): i32 {
  const first = vmaIntersection(mm, start, end);
  if (!first) return Status.Ok;
  const vma = changetype<Vma>(first);
  const counted = countRefusal(mm, vma, start, end);
  if (counted) return counted;
  if (isCutAmid(vma, start)) return Status.EINVAL;
  const last = vmaLookup(mm, end - 1);
  return last && isCutAmid(changetype<Vma>(last), end) ? Status.EINVAL : Status.Ok;
}

/** Splits the beginning of an unmap off, whose end is refused, as far as Linux gets. */
export function unmapCut(mm: Mm, start: u64, end: u64): void {
  const vma = changetype<Vma>(vmaIntersection(mm, start, end));
  if (vma.start < start && !isCutAmid(vma, start)) vmaSplit(vma, start, true);
}

/**
 * As `unmapAllowed`, and leaves what Linux leaves where it refuses. EAGAIN when frozen; ENOMEM
 * without memory for that.
 */
export function unmapFits(mm: Mm, start: u64, end: u64): i32 {
  const status = unmapAllowed(mm, start, end);
  if (status != Status.EINVAL) return status;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  planBegin();
  needRange(mm, start, end);
  const afforded = planAfford();
  if (afforded) return afforded;
  unmapCut(mm, start, end);
  planBegin();
  return Status.EINVAL;
}
