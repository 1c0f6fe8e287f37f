// What is left of a pmd table that has become empty. Here it goes at once; Linux keeps it as long
// as an area of the same GiB is there, and mincore of huge pages tells the two apart: where there
// is a table it asks the table, else the page cache. So the areas that are left remember.
//
// Written by: op/huge-zap.ts, op/huge-mmap.ts, in commits.

import { frameOf, pfnOfAddress } from "../frame/frame";
import { isHuge } from "./huge";
import { HUGE_TABLED } from "./huge-reserve";
import { Mm } from "./mm";
import { hasPmdTable } from "./table";
import { Vma, vmaMm } from "./vma";
import { vmaFind } from "./vma-tree";

/** Bytes of address space below one pmd table. */
const PMD_TABLE_BYTES: u64 = 1 << 30;

function isSameTable(one: u64, other: u64): bool {
  return one / PMD_TABLE_BYTES == other / PMD_TABLE_BYTES;
}

/** The entry in `slot`, for `address`, was cleared: was it the table's last? */
export function entryCleared(mm: Mm, slot: usize, address: u64): void {
  if (frameOf(pfnOfAddress(slot)).private_) return;
  const start = address & ~(PMD_TABLE_BYTES - 1);
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= start + PMD_TABLE_BYTES) return;
    if (isHuge(vma)) vma.reserve |= HUGE_TABLED;
  }
}

function remembers(pointer: usize): bool {
  return pointer != 0 && (changetype<Vma>(pointer).reserve & HUGE_TABLED) != 0;
}

/** A new area of huge pages learns from its neighbours. */
export function tableInherit(vma: Vma): void {
  const below = remembers(vma.prev) && isSameTable(changetype<Vma>(vma.prev).end - 1, vma.start);
  const above = remembers(vma.next) && isSameTable(changetype<Vma>(vma.next).start, vma.end - 1);
  if (below || above) vma.reserve |= HUGE_TABLED;
}

/** Would Linux have a pmd table for `address` of `vma`? */
export function hadPmdTable(vma: Vma, address: u64): bool {
  return (vma.reserve & HUGE_TABLED) != 0 || hasPmdTable(vmaMm(vma), address);
}
