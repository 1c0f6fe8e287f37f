// Building an address space as somebody recorded it: areas without merging, pages without faults.

import { AreaName, Status, VM_HUGETLB, VM_SHARED, VM_WRITE } from "../abi";
import { frameAllocZeroed, frameFree } from "../frame/buddy";
import { anonVmaAttach, anonVmaCreate } from "../map/anon-vma";
import { fileRangeFits, Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { D, pteMake, S, SD, W } from "../map/pte";
import { frameMapNewAnon } from "../map/rmap";
import { pteEnsure, pteGet, pteSet, tableTrim } from "../map/table";
import { linearIndex, Vma } from "../map/vma";
import { vmaCreate } from "../map/vma-link";
import { vmaLookup } from "../map/vma-tree";
import { mappingConflict } from "../plan/freeze";
import { need, needArea } from "../plan/need";
import { isFree, USER_END } from "../plan/placement";
import { planAfford, planBegin } from "../plan/plan";
import { checkFrozen, refuseFrozen } from "../plan/ticket";

/** An area as it stood. EINVAL for a bad or taken range; EAGAIN when frozen; ENOMEM. */
export function importArea(
  mm: Mm,
  start: u64,
  end: u64,
  vmFlags: u32,
  offset: u64,
  mapping: usize,
  name: u32,
): i32 {
  if (start >= end || end > USER_END || (start | end | offset) & 4095) return Status.EINVAL;
  if (name > <u32>AreaName.VvarVclock || !isFree(mm, start, end)) return Status.EINVAL;
  // What is shared is a file's, if only one without a name.
  if (vmFlags & VM_SHARED && !mapping) return Status.EINVAL;
  // Huge pages are promised by mmap alone.
  if (vmFlags & VM_HUGETLB) return Status.EINVAL;
  if (fileRangeFits(offset >> 12, (end - start) >> 12)) return Status.EINVAL;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  planBegin();
  needArea(mm);
  need.links = 1;
  const status = planAfford();
  if (status) return status;
  const pgoff = mapping ? offset >> 12 : start >> 12;
  vmaCreate(mm, start, end, vmFlags, mapping, pgoff).name = name;
  if (name == AreaName.Stack) mm.stack = end - 8;
  return Status.Ok;
}

/** The area's own anon_vma: it does not adopt a neighbour's. */
function ownAnonVma(vma: Vma): bool {
  if (vma.anonVma) return true;
  const own = anonVmaCreate(0);
  return own != 0 && anonVmaAttach(vma, own);
}

/** The ticket that freezes the page of its file that `page` of `vma` shows, or 0. */
function fileFrozen(vma: Vma, page: u64): usize {
  if (!vma.mapping) return 0;
  const first = linearIndex(vma, page) << 12;
  return mappingConflict(changetype<Mapping>(vma.mapping), first, first + 4096);
}

/**
 * A page as it stood: the zero page, or an anonymous frame of its own, zeroed.
 * EINVAL where it can not be: no private area, or a page there already. ENOMEM.
 */
export function importPage(mm: Mm, address: u64, zero: bool): i32 {
  if (address >= USER_END) return Status.EINVAL;
  const page = address & ~(<u64>4095);
  const frozen = checkFrozen(mm, page, page + 4096);
  if (frozen) return frozen;
  const found = vmaLookup(mm, page);
  if (!found || pteGet(mm, page)) return Status.EINVAL;
  const vma = changetype<Vma>(found);
  if (vma.flags & (VM_SHARED | VM_HUGETLB) || (zero && vma.mapping)) return Status.EINVAL;
  const blocker = fileFrozen(vma, page);
  if (blocker) return refuseFrozen(blocker);
  if (!zero && !ownAnonVma(vma)) return Status.ENOMEM;
  const pfn = zero ? 0 : frameAllocZeroed();
  const slot = zero || pfn ? pteEnsure(mm, page) : 0;
  if (!slot) {
    if (pfn) frameFree(pfn, 0);
    tableTrim(mm, page);
    return Status.ENOMEM;
  }
  if (!zero) frameMapNewAnon(pfn, vma, page);
  const write = !zero && vma.flags & VM_WRITE ? W : 0;
  pteSet(slot, pteMake(pfn, vma.flags) | (zero ? S : D | SD | write));
  return Status.Ok;
}

/** Where the heap begins, and the break. */
export function importBrk(mm: Mm, start: u64, brk: u64): i32 {
  if (start > brk || brk > USER_END) return Status.EINVAL;
  mm.brkStart = start;
  mm.brk = brk;
  return Status.Ok;
}
