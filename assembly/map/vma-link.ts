// Making an area: its record, and its place in the mm and the file (as Linux mm/vma.c: vma_link;
// mm/vma_init.c: vm_area_dup).
//
// Precondition of all: the record, and the link to a file, are reserved (plan/need.ts).

import { certain } from "../mem/certain";
import { shareAttach } from "./mapping";
import { Mm } from "./mm";
import { Vma, vmaAlloc } from "./vma";
import { vmaInsert } from "./vma-tree";

function blank(start: u64, end: u64, flags: u32, pgoff: u64, mapping: usize): Vma {
  const pointer = vmaAlloc();
  certain(pointer != 0);
  const vma = changetype<Vma>(pointer);
  vma.start = start;
  vma.end = end;
  vma.flags = flags;
  vma.pgoff = pgoff;
  vma.mapping = mapping;
  // What is new counts as written, as Linux has it: else a range that was unmapped and mapped again
  // would look untouched.
  vma.softDirty = 1;
  return vma;
}

/** Puts an area among those of `mm`, and among those that show its file. */
export function vmaLink(mm: Mm, vma: Vma): void {
  vmaInsert(mm, vma);
  if (vma.mapping) certain(shareAttach(vma));
}

/** A new area that merges with nothing. Addresses in bytes, `pgoff` in pages. */
export function vmaCreate(
  mm: Mm,
  start: u64,
  end: u64,
  flags: u32,
  mapping: usize,
  pgoff: u64,
): Vma {
  const vma = blank(start, end, flags, pgoff, mapping);
  vmaLink(mm, vma);
  return vma;
}

/**
 * A record that agrees with `vma` in all but its range, and stands nowhere yet: no mm, no file's
 * tree, no chain. The anon_vma is the same one.
 */
export function vmaDup(vma: Vma, start: u64, end: u64, pgoff: u64): Vma {
  const copy = blank(start, end, vma.flags, pgoff, vma.mapping);
  copy.name = vma.name;
  copy.anonVma = vma.anonVma;
  copy.softDirty = vma.softDirty;
  return copy;
}
