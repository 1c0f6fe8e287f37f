// mmap of huge pages (as Linux mm/mmap.c, ksys_mmap_pgoff, and fs/hugetlbfs): each makes a file of
// its own without a name, private ones too, and so never merges with a neighbour.

import {
  FileKind,
  HUGE_FRAMES,
  Status,
  VM_DONTEXPAND,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_NORESERVE,
  VM_SHARED,
  VM_WRITE,
} from "../abi";
import { hugePromise, hugeUnpromise } from "../frame/huge";
import { hugeCount, isHuge } from "../map/huge";
import { promisesMake } from "../map/huge-promise";
import { HUGE_OWNER } from "../map/huge-reserve";
import { tableInherit } from "../map/huge-table";
import { Mapping, mappingCreate, mappingPut } from "../map/mapping";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaCreate } from "../map/vma-link";
import { vmaFind } from "../map/vma-tree";

const SIZE_SHIFT: i32 = 26;
const SIZE_MASK: i32 = 63;
/** log2 of a huge page's bytes. */
const HUGE_SHIFT: i32 = 21;

/** Are the flags' huge pages of a size that there is: none named, or 2 MiB? */
export function isHugeSize(flags: i32): bool {
  const size = (flags >> SIZE_SHIFT) & SIZE_MASK;
  return !size || size == HUGE_SHIFT;
}

/** Flags that an area of huge pages has, from what mmap was asked for: it is never locked. */
export function hugeFlags(vm: u32): u32 {
  return (vm | VM_HUGETLB | VM_DONTEXPAND) & ~(VM_LOCKED | VM_LOCKONFAULT);
}

/**
 * Bytes of the file: what is mapped; what lies below the offset as well, where it may be written.
 */
function fileBytes(bytes: u64, vm: u32, pgoff: u64): u64 {
  return vm & VM_WRITE ? bytes + (pgoff << 12) : bytes;
}

/** The first area from `p` on that lies in [start, end) and shows huge pages, or 0. */
function hugeWithin(p: usize, start: u64, end: u64): usize {
  for (; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.end > end) return 0;
    if (vma.start >= start && isHuge(vma)) return p;
  }
  return 0;
}

/**
 * Huge pages that files of only [start, end) have or were promised. They are not to be had for what
 * is mapped over them: Linux lets go of a file when its system call is over (fput).
 */
export function hugeLate(mm: Mm, start: u64, end: u64): u32 {
  const first = hugeWithin(vmaFind(mm, start), start, end);
  for (let p = first; p; p = hugeWithin(changetype<Vma>(p).next, start, end)) {
    changetype<Mapping>(changetype<Vma>(p).mapping).met = 0;
  }
  let pages: u32 = 0;
  for (let p = first; p; p = hugeWithin(changetype<Vma>(p).next, start, end)) {
    const mapping = changetype<Mapping>(changetype<Vma>(p).mapping);
    mapping.met++;
    if (mapping.met == mapping.refs) pages += mapping.pages + mapping.promised;
  }
  return pages;
}

/** Promises `pages`, where `late` more must be there than are needed. */
function promiseBeside(pages: u32, late: u32): bool {
  const fits = hugePromise(pages + late);
  if (fits) hugeUnpromise(late);
  return fits;
}

/**
 * Maps [start, end), which is free. EINVAL where the offset lies within a huge page, ENOMEM where
 * the pool cannot promise so many besides the `late` ones (`hugeLate`): what was there before is
 * gone by then, as on Linux.
 *
 * Precondition: an area, a link, a mapping and a node are reserved.
 */
export function hugeMmap(mm: Mm, start: u64, end: u64, vm: u32, pgoff: u64, late: u32): i32 {
  if (pgoff & (HUGE_FRAMES - 1)) return Status.EINVAL;
  const pages = hugeCount(start, end);
  const reserves = !(vm & VM_NORESERVE);
  if (reserves && !promiseBeside(pages, late)) return Status.ENOMEM;
  const object = mappingCreate(FileKind.Huge, fileBytes(end - start, vm, pgoff));
  const vma = vmaCreate(mm, start, end, vm, object, pgoff);
  if (reserves && vm & VM_SHARED) {
    promisesMake(changetype<Mapping>(object), pgoff, pages);
  } else if (reserves) {
    vma.promised = <u16>pages;
    vma.reserve = HUGE_OWNER;
  }
  tableInherit(vma);
  mappingPut(changetype<Mapping>(object));
  return Status.Ok;
}
