// What a page is, as a scan of a pagemap says it (as Linux fs/proc/task_mmu.c,
// pagemap_page_category).

import {
  PAGE_IS_FILE,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_SWAPPED,
  PAGE_IS_WRITTEN,
  PG,
} from "../abi";
import { flagTest } from "../frame/flags";
import { headOf } from "../frame/huge";
import { P, ptePfn, S } from "../map/pte";
import { isSoftDirty } from "../map/soft-dirty";
import { Vma } from "../map/vma";

/** What every page of an area is, mapped or not. */
export function areaCategories(vma: Vma): u32 {
  return vma.softDirty ? PAGE_IS_SOFT_DIRTY : 0;
}

/**
 * What a pte says of its page; nothing where it is 0. Nobody write-protects pages to see them
 * written (userfaultfd), so whatever is there counts as written, as on Linux.
 */
export function pteCategories(pte: u64): u32 {
  if (!pte) return 0;
  const mark = isSoftDirty(pte) ? PAGE_IS_SOFT_DIRTY : 0;
  if (!(pte & P)) return mark | PAGE_IS_SWAPPED | PAGE_IS_WRITTEN;
  const there = mark | PAGE_IS_PRESENT | PAGE_IS_WRITTEN;
  if (pte & S) return ptePfn(pte) ? there : there | PAGE_IS_PFNZERO;
  return flagTest(PG.anon, headOf(ptePfn(pte))) ? there : there | PAGE_IS_FILE;
}
