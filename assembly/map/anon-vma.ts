// The object of anonymous pages (Linux: anon_vma), and the chain that ties an area to every one
// that may hold pages of it: its own and its ancestors' (mm/rmap.c).
//
//   parent   area A ──link──▶ av1 ◀──link── area A' child      pages from before the fork: av1
//                                           area A' ──link──▶ av2     pages of the child's own
//
// Invariants
//   R1  An anonymous page's frame names an anon_vma that every area which maps it is chained to.
//   R2  `active` counts the areas whose anonVma it is; `children` its direct children, and itself
//       once where it is a root. A child that forks may take over one that nobody uses any more.
//   R3  An anon_vma without links is gone.
//
// Written by: op/fault.ts (prepare), map/merge.ts, op/fork.ts, op/mremap.ts, teardown of areas.

import { VM_EXEC, VM_READ, VM_WRITE } from "../abi";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { certain } from "../mem/certain";
import { Link, linkAlloc, linkFree, linkInsert, linkRemove } from "./link";
import { Vma } from "./vma";

@unmanaged
export class AnonVma {
  /** Root slot of the tree of links. */
  tree: usize;
  parent: usize;
  children: u32;
  active: u32;
}

export const anonVmaPool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function anonVmaInit(): void {
  poolInit(anonVmaPool, offsetof<AnonVma>());
}

/** Mark in `Frame.mapping` that tells an anon_vma from a mapping (Linux: PAGE_MAPPING_ANON). */
export const MAPPING_ANON: usize = 1;

/** A second mark, beside MAPPING_ANON: the page is merged, and this is its node (map/ksm.ts). */
export const MAPPING_KSM: usize = 2;

export function anonVmaTree(anonVma: usize): usize {
  return anonVma + offsetof<AnonVma>("tree");
}

function chainAppend(vma: Vma, link: usize): void {
  if (vma.chainLast) changetype<Link>(vma.chainLast).next = link;
  else vma.chainFirst = link;
  vma.chainLast = link;
  vma.chainCount++;
  linkInsert(anonVmaTree(changetype<Link>(link).object), link);
}

/** A root anon_vma, or a child of `parent`; 0 when memory lacks. */
export function anonVmaCreate(parent: usize): usize {
  const pointer = poolAlloc(anonVmaPool);
  if (!pointer) return 0;
  const anonVma = changetype<AnonVma>(pointer);
  anonVma.parent = parent ? parent : pointer;
  if (parent) changetype<AnonVma>(parent).children++;
  else anonVma.children = 1;
  return pointer;
}

/** The oldest ancestor: what has a link to `anonVma` has one to it. */
export function anonVmaRoot(anonVma: usize): usize {
  let root = anonVma;
  while (changetype<AnonVma>(root).parent != root) root = changetype<AnonVma>(root).parent;
  return root;
}

/** Makes `anonVma` the one of `vma`, with a link; false and nothing changed when memory lacks. */
export function anonVmaAttach(vma: Vma, anonVma: usize): bool {
  const link = linkAlloc(vma, anonVma);
  if (!link) return false;
  vma.anonVma = anonVma;
  changetype<AnonVma>(anonVma).active++;
  chainAppend(vma, link);
  return true;
}

/** True when the area's chain is its own single link: it is no child of a fork. */
export function chainIsSingle(vma: Vma): bool {
  return vma.chainCount == 1;
}

/**
 * Links `dst` to everything `src` is linked to (Linux: anon_vma_clone). A `dst` without an
 * anon_vma, a fork child's, may take over one of them that no area uses as its own.
 *
 * Precondition: links are reserved. Postcondition: R1 for pages moved or copied from src.
 */
export function chainClone(dst: Vma, src: Vma): void {
  for (let at = src.chainFirst; at; at = changetype<Link>(at).next) {
    const object = changetype<Link>(at).object;
    const link = linkAlloc(dst, object);
    certain(link != 0);
    chainAppend(dst, link);
    const anonVma = changetype<AnonVma>(object);
    if (!dst.anonVma && src.anonVma && anonVma.children < 2 && !anonVma.active) {
      dst.anonVma = object;
    }
  }
  if (dst.anonVma) changetype<AnonVma>(dst.anonVma).active++;
}

/** Takes all links of `vma` away, and every anon_vma that is left without any. */
export function chainDrop(vma: Vma): void {
  if (vma.anonVma) changetype<AnonVma>(vma.anonVma).active--;
  vma.anonVma = 0;
  chainUnhang(vma);
  // Two passes: a child in this chain must still find its parent, which may go as well.
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    const anonVma = changetype<AnonVma>(changetype<Link>(at).object);
    if (!anonVma.tree) changetype<AnonVma>(anonVma.parent).children--;
  }
  let at = vma.chainFirst;
  while (at) {
    const link = changetype<Link>(at);
    const next = link.next;
    if (!changetype<AnonVma>(link.object).tree) poolFree(anonVmaPool, link.object);
    linkFree(at);
    at = next;
  }
  vma.chainFirst = 0;
  vma.chainLast = 0;
  vma.chainCount = 0;
}

/** Takes the chain's links out of their trees, for a change of range. */
export function chainUnhang(vma: Vma): void {
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    linkRemove(anonVmaTree(changetype<Link>(at).object), at);
  }
}

export function chainRehang(vma: Vma): void {
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    linkInsert(anonVmaTree(changetype<Link>(at).object), at);
  }
}

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

/** Would `low` and `high`, neighbours, merge but for their protection? (as anon_vma_compatible) */
function couldMerge(low: Vma, high: Vma): bool {
  return (
    low.end == high.start &&
    low.mapping == high.mapping &&
    !((low.flags ^ high.flags) & ~ACCESS) &&
    high.pgoff == low.pgoff + ((high.start - low.start) >> 12)
  );
}

/** A neighbour's anon_vma that `vma` may share, so that they can merge later; or 0. */
function anonVmaOfNeighbour(vma: Vma): usize {
  if (vma.next) {
    const next = changetype<Vma>(vma.next);
    if (next.anonVma && chainIsSingle(next) && couldMerge(vma, next)) return next.anonVma;
  }
  if (vma.prev) {
    const prev = changetype<Vma>(vma.prev);
    if (prev.anonVma && chainIsSingle(prev) && couldMerge(prev, vma)) return prev.anonVma;
  }
  return 0;
}

/** Sees to it that `vma` has an anon_vma (Linux: anon_vma_prepare). False when memory lacks. */
export function anonVmaPrepare(vma: Vma): bool {
  if (vma.anonVma) return true;
  const shared = anonVmaOfNeighbour(vma);
  if (shared) return anonVmaAttach(vma, shared);
  const fresh = anonVmaCreate(0);
  if (!fresh) return false;
  if (anonVmaAttach(vma, fresh)) return true;
  poolFree(anonVmaPool, fresh);
  return false;
}
