// Soft-dirty: which pages were written since somebody last asked (as Linux CONFIG_MEM_SOFT_DIRTY).
//
//   all new          area: softDirty          every page counts as written, whatever its pte says
//     │ cleared      area: 0, ptes: no S, no W
//     ▼                                       (a pinned page stays marked: a device may write it)
//   read             ptes: no S, no W         a write must fault
//     │ write fault
//     ▼
//   written          pte: S, W                counts as written until cleared again
//
// A pte carries the mark along: through fork, migration, mprotect and, as bit 1 of the entry, swap.
// Two areas that merge count as written when one of them does: nothing that was written is lost.
//
// Invariants
//   U1  A pte has W only where it has S, or where its area counts as written: no write goes unseen.
//
// Written by: op/*.ts in commits.

import { PG, PTE_SWP_SOFT_DIRTY, VM_PFNMAP } from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress } from "../frame/frame";
import { Mm } from "./mm";
import { P, ptePfn, SD, W } from "./pte";
import { isSwap } from "./swap";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "./table";
import { Vma } from "./vma";

const SWAP_SD: u64 = <u64>PTE_SWP_SOFT_DIRTY;

/** Whether `pte` itself says that its page was written, present or swapped out. */
export function isSoftDirty(pte: u64): bool {
  return (pte & (pte & P ? SD : SWAP_SD)) != 0;
}

/** `pte`, which is not zero, as that of a page that was written. */
export function softDirtied(pte: u64): u64 {
  return pte | (pte & P ? SD : SWAP_SD);
}

/** The mark of a present pte as a swap entry carries it, and back. */
export function softDirtyToSwap(pte: u64): u64 {
  return pte & SD ? SWAP_SD : 0;
}

export function softDirtyFromSwap(entry: u64): u64 {
  return entry & SWAP_SD ? SD : 0;
}

/** May a page of `vma` with these bits have W without a fault that would mark it (U1)? */
export function mayWriteUnmarked(vma: Vma, bits: u64): bool {
  return vma.softDirty != 0 || (bits & SD) != 0;
}

/** Marks every page of the leaf table at `address`: it has moved as a whole. */
export function softDirtyLeaf(mm: Mm, address: u64): void {
  const first = frameAddress(leafPfn(mm, address));
  for (let slot = first; slot < first + 4096; slot += 8) {
    const pte = load<u64>(slot);
    if (pte) store<u64>(slot, softDirtied(pte));
  }
}

/** A page that a device may write at any time stays marked, and writable (Linux: pte_is_pinned). */
function isKept(pte: u64): bool {
  return flagTest(PG.pinned, ptePfn(pte)) && flagTest(PG.anon, ptePfn(pte));
}

function cleared(pte: u64): u64 {
  if (pte & P) return isKept(pte) ? softDirtied(pte) : pte & ~(SD | W);
  return isSwap(pte) ? pte & ~SWAP_SD : pte;
}

function clearLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    const after = cleared(pte);
    if (after != pte) store<u64>(slot, after);
  }
}

/** No page of `vma` counts as written any more, and each write faults once. */
export function softDirtyClear(mm: Mm, vma: Vma): void {
  vma.softDirty = 0;
  // What a driver has mapped is no memory that could be looked at (Linux: clear_refs_test_walk).
  if (vma.flags & VM_PFNMAP) return;
  let at = leafSeek(mm, vma.start, vma.end);
  while (at < vma.end) {
    const stop = leafEnd(at, vma.end);
    clearLeaf(leafPfn(mm, at), leafIndex(at), <u32>((stop - at) >> 12));
    at = leafSeek(mm, stop, vma.end);
  }
}
