// The areas of one mm: by address in a tree (area-tree.ts), and in order in a list.
//
// Written by: map/merge.ts, op/*.ts. Read by everything.

import { areaAbove, areaInsert, areaMove, areaRemove } from "./area-tree";
import { Mm } from "./mm";
import { Vma, vmaFree, vmaPages } from "./vma";

function isIn(vma: usize, address: u64): bool {
  return changetype<Vma>(vma).start <= address && address < changetype<Vma>(vma).end;
}

/** First area whose end lies above `address` (Linux: find_vma), or 0. */
export function vmaFind(mm: Mm, address: u64): usize {
  if (mm.gapLow <= address && address < mm.gapHigh) return mm.gapNext;
  return mm.hint && isIn(mm.hint, address) ? mm.hint : search(mm, address);
}

/** The area that contains `address`, or 0. */
export function vmaLookup(mm: Mm, address: u64): usize {
  if (mm.hint && isIn(mm.hint, address)) return mm.hint;
  const found = search(mm, address);
  return found && isIn(found, address) ? found : 0;
}

/** As `vmaFind`, in the tree: what is found is what will be asked for again. */
function search(mm: Mm, address: u64): usize {
  const found = areaAbove(mm, address);
  if (found && changetype<Vma>(found).start <= address) mm.hint = found;
  else gapNote(mm, found);
  return found;
}

/** The gap right below `after`, or above all areas, is the one found last. */
function gapNote(mm: Mm, after: usize): void {
  const before = vmaPrevious(mm, after);
  mm.gapLow = before ? changetype<Vma>(before).end : 0;
  mm.gapHigh = after ? changetype<Vma>(after).start : u64.MAX_VALUE;
  mm.gapNext = after;
}

/** No gap is known: an area comes, or moves. */
function gapForget(mm: Mm): void {
  mm.gapHigh = 0;
}

/** First area that meets [start, end), or 0. */
export function vmaIntersection(mm: Mm, start: u64, end: u64): usize {
  const found = vmaFind(mm, start);
  return found && changetype<Vma>(found).start < end ? found : 0;
}

/** Last area that ends at or below `address`, or 0. */
export function vmaBefore(mm: Mm, address: u64): usize {
  return vmaPrevious(mm, vmaFind(mm, address));
}

/** The area before `after`, or the last one where that is 0; 0 for none. */
export function vmaPrevious(mm: Mm, after: usize): usize {
  return after ? changetype<Vma>(after).prev : mm.last;
}

/** Makes the range of `vma` [start, end), which meets no other. */
export function vmaMove(mm: Mm, vma: Vma, start: u64, end: u64): void {
  gapForget(mm);
  areaMove(mm, vma.start, start, end, changetype<usize>(vma));
  mm.totalPages += ((end - start) >> 12) - vmaPages(vma);
  vma.start = start;
  vma.end = end;
}

/** Puts `vma`, whose range meets no other, into list and tree. */
export function vmaInsert(mm: Mm, vma: Vma): void {
  const self = changetype<usize>(vma);
  gapForget(mm);
  const after = areaInsert(mm, vma.start, vma.end, self);
  const before = vmaPrevious(mm, after);
  vma.mm = changetype<usize>(mm);
  vma.prev = before;
  vma.next = after;
  if (before) changetype<Vma>(before).next = self;
  else mm.first = self;
  if (after) changetype<Vma>(after).prev = self;
  else mm.last = self;
  mm.mapCount++;
  mm.totalPages += vmaPages(vma);
  mm.hint = self;
}

/** Takes `vma` out of list and tree, if the mm has one yet; the record stays the caller's. */
function vmaUnlink(mm: Mm, vma: Vma): void {
  const self = changetype<usize>(vma);
  if (mm.hint == self) mm.hint = 0;
  if (vma.prev) changetype<Vma>(vma.prev).next = vma.next;
  else mm.first = vma.next;
  if (vma.next) changetype<Vma>(vma.next).prev = vma.prev;
  else mm.last = vma.prev;
  gapNote(mm, vma.next);
  mm.mapCount--;
  mm.totalPages -= vmaPages(vma);
  if (mm.tree) areaRemove(mm, vma.start, self);
}

/** Takes `vma` out and gives its record back. Precondition: no chain, no share is left. */
export function vmaRemove(mm: Mm, vma: Vma): void {
  vmaUnlink(mm, vma);
  vmaFree(changetype<usize>(vma));
}
