// What mremap asks of huge pages besides (as Linux mm/mremap.c, align_hugetlb): whole ones move,
// and nothing grows, because a promise cannot.

import { Status } from "../abi";
import { hugeUp, isHuge, isHugeAligned } from "../map/huge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { USER_END } from "../plan/placement";

/** `bytes` of `vma` as mremap counts them: whole huge pages of an area of those. */
export function remapLength(vma: Vma, bytes: u64): u64 {
  return isHuge(vma) ? hugeUp(bytes) : bytes;
}

/** A move of several areas that ends within a huge page: all of the page moves. */
export function moveLength(mm: Mm, at: u64, length: u64): u64 {
  if (at > USER_END || length > USER_END - at) return length;
  const last = vmaLookup(mm, at + length - 1);
  return last && isHuge(changetype<Vma>(last)) ? hugeUp(at + length) - at : length;
}

/**
 * EINVAL where huge pages would be cut, land between two, or become more. Lengths are rounded up.
 */
export function hugeRefusal(vma: Vma, at: u64, oldLength: u64, newLength: u64, to: u64): i32 {
  if (!isHuge(vma)) return Status.Ok;
  const isWhole = isHugeAligned(at) && isHugeAligned(to);
  return isWhole && newLength <= oldLength ? Status.Ok : Status.EINVAL;
}
