// A link ties an area to an object that its pages belong to: an anon_vma (Linux: anon_vma_chain)
// or a file's mapping (Linux: the i_mmap tree). It sits in the object's interval tree, keyed by
// the page numbers that the area shows, so that a reverse-map walk finds the areas of one page.
//
// Invariants
//   I1  A link's area lists it (chain or share), and its object's tree holds it.
//   I2  `lastMax` is the highest last page number of the link's subtree.
//   I3  Links of a tree stand in the order of their areas' first page numbers.
//
// A link must be taken out of its tree before its area's range or pgoff changes, and put back after
// (I2, I3).

import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { TreeNode, treeInsert, treeRemove } from "./tree";
import { Vma, vmaPages } from "./vma";

@unmanaged
export class Link extends TreeNode {
  vma: usize;
  /** The AnonVma or Mapping. */
  object: usize;
  /** Next link of the same area. */
  next: usize;
  spare: u32;
  lastMax: u64;

  augment(): bool {
    const vma = changetype<Vma>(this.vma);
    let last = vma.pgoff + vmaPages(vma) - 1;
    if (this.left) last = max(last, changetype<Link>(this.left).lastMax);
    if (this.right) last = max(last, changetype<Link>(this.right).lastMax);
    const changed = this.lastMax != last;
    this.lastMax = last;
    return changed;
  }
}

export const linkPool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function linkInit(): void {
  poolInit(linkPool, offsetof<Link>());
}

export function linkAlloc(vma: Vma, object: usize): usize {
  const pointer = poolAlloc(linkPool);
  if (!pointer) return 0;
  const link = changetype<Link>(pointer);
  link.vma = changetype<usize>(vma);
  link.object = object;
  return pointer;
}

export function linkFree(link: usize): void {
  poolFree(linkPool, link);
}

/** Hangs `link` into the tree whose root is in `slot`. */
export function linkInsert(slot: usize, link: usize): void {
  const pgoff = changetype<Vma>(changetype<Link>(link).vma).pgoff;
  let parent: usize = 0;
  let onLeft = false;
  let at = load<usize>(slot);
  while (at) {
    parent = at;
    const other = changetype<Link>(at);
    onLeft = pgoff < changetype<Vma>(other.vma).pgoff;
    at = onLeft ? other.left : other.right;
  }
  treeInsert<Link>(slot, link, parent, onLeft);
}

export function linkRemove(slot: usize, link: usize): void {
  treeRemove<Link>(slot, link);
}

function leftmostMeeting(node: usize, first: u64, last: u64): usize {
  let at = node;
  while (at) {
    const link = changetype<Link>(at);
    if (link.left && changetype<Link>(link.left).lastMax >= first) {
      at = link.left;
      continue;
    }
    const vma = changetype<Vma>(link.vma);
    if (vma.pgoff > last) return 0;
    if (vma.pgoff + vmaPages(vma) - 1 >= first) return at;
    at = link.right && changetype<Link>(link.right).lastMax >= first ? link.right : 0;
  }
  return 0;
}

/** First link, in order of page number, whose area shows a page of [first, last]; or 0. */
export function linkFirst(root: usize, first: u64, last: u64): usize {
  if (!root || changetype<Link>(root).lastMax < first) return 0;
  return leftmostMeeting(root, first, last);
}

/** The next one after `link`, or 0. */
export function linkNext(link: usize, first: u64, last: u64): usize {
  let at = link;
  while (at) {
    const right = changetype<Link>(at).right;
    if (right && changetype<Link>(right).lastMax >= first) {
      return leftmostMeeting(right, first, last);
    }
    let child = at;
    at = changetype<Link>(at).parent;
    while (at && changetype<Link>(at).right == child) {
      child = at;
      at = changetype<Link>(at).parent;
    }
    if (!at) return 0;
    const vma = changetype<Vma>(changetype<Link>(at).vma);
    if (vma.pgoff > last) return 0;
    if (vma.pgoff + vmaPages(vma) - 1 >= first) return at;
  }
  return 0;
}
