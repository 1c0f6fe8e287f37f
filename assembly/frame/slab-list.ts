// Lists of slabs: doubly linked by frame number through lruNext and lruPrev, 0 at both ends.
//
// The head is a u32 somewhere else, given by its address.
//
// Written by: pool.ts. Read by: pool.ts, check-pool.ts.

import { frameOf } from "./frame";

/** Puts slab `pfn`, which is in no list, first. */
export function slabPush(head: usize, pfn: u32): void {
  const first = load<u32>(head);
  const slab = frameOf(pfn);
  slab.lruNext = first;
  slab.lruPrev = 0;
  if (first != 0) frameOf(first).lruPrev = pfn;
  store<u32>(head, pfn);
}

/** Takes the first slab out. @returns it. Precondition: the list is not empty. */
export function slabPop(head: usize): u32 {
  const first = load<u32>(head);
  slabRemove(head, first);
  return first;
}

/** Takes slab `pfn` out of the list it is in. */
export function slabRemove(head: usize, pfn: u32): void {
  const slab = frameOf(pfn);
  if (slab.lruPrev == 0) store<u32>(head, slab.lruNext);
  else frameOf(slab.lruPrev).lruNext = slab.lruNext;
  if (slab.lruNext != 0) frameOf(slab.lruNext).lruPrev = slab.lruPrev;
  slab.lruNext = 0;
  slab.lruPrev = 0;
}
