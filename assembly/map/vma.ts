// An area of an address space (Linux: vm_area_struct): the record.
//
// Invariants
//   V1  start < end, both page aligned; areas of one mm never overlap.
//   V2  `prev` and `next` are the neighbours in address order; the tree has the same order.
//   V4  A mapped file is in `mapping`, and `share` is this area's link in its interval tree.
//   V5  anonVma set implies a chain that contains a link to it.
//
// Written by: map/vma-link.ts (new ones), map/vma-tree.ts (links, boundaries), map/merge.ts,
// op/*.ts (flags).

import { STACK_GUARD_PAGES, VM_GROWSDOWN, VM_SHARED } from "../abi";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { Mm } from "./mm";

@unmanaged
export class Vma {
  mm: usize;
  prev: usize;
  next: usize;
  flags: u32;
  start: u64;
  end: u64;
  /** Of `start`, in pages: in the file, or address >> 12 where it was first mapped. */
  pgoff: u64;
  /** Mapping of the file, 0 for private anonymous memory. */
  mapping: usize;
  share: usize;
  anonVma: usize;
  /** Links to every anon_vma that may hold pages of this area, oldest ancestor first. */
  chainFirst: usize;
  chainLast: usize;
  chainCount: u32;
  name: u32;
  /** 1: every page of the area counts as written (VM_SOFTDIRTY); map/soft-dirty.ts. */
  softDirty: u32;
  /** Of huge pages: how many are promised to it, and HUGE_… marks (huge-reserve.ts). */
  promised: u16;
  reserve: u16;
}

export const vmaPool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function vmaInit(): void {
  poolInit(vmaPool, offsetof<Vma>());
}

export function vmaAlloc(): usize {
  return poolAlloc(vmaPool);
}

export function vmaFree(vma: usize): void {
  poolFree(vmaPool, vma);
}

export function vmaMm(vma: Vma): Mm {
  return changetype<Mm>(vma.mm);
}

export function vmaPages(vma: Vma): u64 {
  return (vma.end - vma.start) >> 12;
}

/** True for private anonymous memory: no file behind it. */
export function isAnonymous(vma: Vma): bool {
  return vma.mapping == 0;
}

export function isShared(vma: Vma): bool {
  return (vma.flags & VM_SHARED) != 0;
}

/** Lowest address that placement must leave free for this area: a stack has a guard gap. */
export function startGap(vma: Vma): u64 {
  if (!(vma.flags & VM_GROWSDOWN)) return vma.start;
  const guard = (<u64>STACK_GUARD_PAGES) << 12;
  return vma.start > guard ? vma.start - guard : 0;
}

/** Page number in the area's object of `address`. */
export function linearIndex(vma: Vma, address: u64): u64 {
  return vma.pgoff + ((address - vma.start) >> 12);
}
