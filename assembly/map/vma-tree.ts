// The areas of one mm: a balanced tree by address with the gaps in it, and a list in order.
//
// Written by: map/merge.ts, op/*.ts. Read by everything.

import { Mm } from "./mm";
import { treeInsert, treeRemove, treeUpdate } from "./tree";
import { Vma, vmaFree } from "./vma";

function rootSlot(mm: Mm): usize {
  return changetype<usize>(mm) + offsetof<Mm>("tree");
}

/** First area whose end lies above `address` (Linux: find_vma), or 0. */
export function vmaFind(mm: Mm, address: u64): usize {
  const hint = mm.hint;
  if (hint) {
    const h = changetype<Vma>(hint);
    if (h.start <= address && address < h.end) return hint;
  }
  let at = mm.tree;
  let found: usize = 0;
  while (at) {
    const vma = changetype<Vma>(at);
    if (vma.end > address) {
      found = at;
      if (vma.start <= address) break;
      at = vma.left;
    } else {
      at = vma.right;
    }
  }
  if (found) mm.hint = found;
  return found;
}

/** The area that contains `address`, or 0. */
export function vmaLookup(mm: Mm, address: u64): usize {
  const found = vmaFind(mm, address);
  return found && changetype<Vma>(found).start <= address ? found : 0;
}

/** First area that meets [start, end), or 0. */
export function vmaIntersection(mm: Mm, start: u64, end: u64): usize {
  const found = vmaFind(mm, start);
  return found && changetype<Vma>(found).start < end ? found : 0;
}

/** Last area that ends at or below `address`, or 0. */
export function vmaBefore(mm: Mm, address: u64): usize {
  const above = vmaFind(mm, address > 0 ? address - 1 : 0);
  if (!above) return mm.last;
  const vma = changetype<Vma>(above);
  return vma.end <= address ? above : vma.prev;
}

/** The gap right below `vma`, or the one below its successor, has changed. */
export function vmaGapsChanged(mm: Mm, vma: Vma): void {
  const slot = rootSlot(mm);
  treeUpdate<Vma>(slot, changetype<usize>(vma));
  if (vma.next) treeUpdate<Vma>(slot, vma.next);
}

/** Puts `vma`, whose range meets no other, into list and tree. */
export function vmaInsert(mm: Mm, vma: Vma): void {
  const self = changetype<usize>(vma);
  let parent: usize = 0;
  let before: usize = 0;
  let after: usize = 0;
  let at = mm.tree;
  while (at) {
    parent = at;
    const other = changetype<Vma>(at);
    if (vma.start < other.start) {
      after = at;
      at = other.left;
    } else {
      before = at;
      at = other.right;
    }
  }
  vma.mm = changetype<usize>(mm);
  vma.prev = before;
  vma.next = after;
  if (before) changetype<Vma>(before).next = self;
  else mm.first = self;
  if (after) changetype<Vma>(after).prev = self;
  else mm.last = self;
  mm.mapCount++;
  mm.totalPages += (vma.end - vma.start) >> 12;
  const onLeft = parent != 0 && vma.start < changetype<Vma>(parent).start;
  treeInsert<Vma>(rootSlot(mm), self, parent, onLeft);
  if (after) treeUpdate<Vma>(rootSlot(mm), after);
}

/** Takes `vma` out of list and tree; the record stays the caller's. */
function vmaUnlink(mm: Mm, vma: Vma): void {
  const self = changetype<usize>(vma);
  if (mm.hint == self) mm.hint = 0;
  if (vma.prev) changetype<Vma>(vma.prev).next = vma.next;
  else mm.first = vma.next;
  if (vma.next) changetype<Vma>(vma.next).prev = vma.prev;
  else mm.last = vma.prev;
  mm.mapCount--;
  mm.totalPages -= (vma.end - vma.start) >> 12;
  treeRemove<Vma>(rootSlot(mm), self);
  if (vma.next) treeUpdate<Vma>(rootSlot(mm), vma.next);
}

/** Takes `vma` out and gives its record back. Precondition: no chain, no share is left. */
export function vmaRemove(mm: Mm, vma: Vma): void {
  vmaUnlink(mm, vma);
  vmaFree(changetype<usize>(vma));
}
