// The checker of the pools: which invariant of pool.ts does not hold, over every pool there is.
//
// Written by: nobody. Read by: builds with checks, after each commit; tests, after each step.

import { PG } from "../abi";
import { frameCount } from "../mem/layout";
import { flagCount } from "./flag-range";
import { flagNext, flagTest } from "./flags";
import { Frame, frameAddress, frameOf } from "./frame";
import { Pool, poolsHead } from "./pool";

/** Numbers of broken invariants of pools; frames have 100..139 (check.ts). */
export const enum PoolInvariant {
  None = 0,
  /** O1: the pool's own counts do not add up. */
  Sum = 140,
  /** O1: walking the slabs counts other than the pool says. */
  Count = 141,
  /** O2: more is reserved than free. */
  Reserve = 142,
  /** O3: a free list leaves its slab, is askew, or has other than the free records. */
  FreeList = 143,
  /** O4: a slab is in a list that it should not be in, or missing from one. */
  SlabList = 144,
  /** O5: more slabs are empty than a spare and the reserve. */
  Surplus = 145,
  /** O6: a frame has PG.slab and is in no pool. */
  Orphan = 146,
}

/** @returns the number of the first pool invariant that does not hold, or 0. */
export function checkPools(): u32 {
  let slabs: u32 = 0;
  for (let at = poolsHead; at != 0; at = changetype<Pool>(at).next) {
    const broken = checkPool(changetype<Pool>(at));
    if (broken != 0) return broken;
    slabs += changetype<Pool>(at).slabs;
  }
  return slabs == flagCount(PG.slab, 0, frameCount) ? PoolInvariant.None : PoolInvariant.Orphan;
}

function checkPool(pool: Pool): u32 {
  if (pool.freeCount + pool.used != pool.slabs * pool.perSlab) return PoolInvariant.Sum;
  if (pool.reserved > pool.freeCount) return PoolInvariant.Reserve;
  if (pool.empties > 1 && pool.freeCount - pool.perSlab >= pool.reserved)
    return PoolInvariant.Surplus;
  const broken = checkSlabs(pool);
  if (broken != 0) return broken;
  return listsAgree(pool) ? PoolInvariant.None : PoolInvariant.SlabList;
}

/** Every slab of the pool, found by its flag. */
function checkSlabs(pool: Pool): u32 {
  let slabs: u32 = 0;
  let used: u32 = 0;
  let pfn = flagNext(PG.slab, 0, frameCount);
  while (pfn < frameCount) {
    const slab = frameOf(pfn);
    if (slab.mapping == changetype<usize>(pool)) {
      if (!freeListIsSound(pool, pfn, slab)) return PoolInvariant.FreeList;
      slabs += 1;
      used += slab.private_;
    }
    pfn = flagNext(PG.slab, pfn + 1, frameCount);
  }
  return slabs == pool.slabs && used == pool.used ? PoolInvariant.None : PoolInvariant.Count;
}

/** A list that ends after as many steps as there are free records has none twice. */
function freeListIsSound(pool: Pool, pfn: u32, slab: Frame): bool {
  const start = frameAddress(pfn);
  const end = start + pool.perSlab * pool.recordBytes;
  let free: u32 = 0;
  for (let at = <usize>slab.index; at != 0; at = load<usize>(at)) {
    if (at < start || at >= end || (at - start) % pool.recordBytes != 0) return false;
    free += 1;
    if (free > pool.perSlab) return false;
  }
  return free + slab.private_ == pool.perSlab;
}

/** The two lists have what they should, and reach all the free records between them. */
function listsAgree(pool: Pool): bool {
  let free: u32 = 0;
  let empties: u32 = 0;
  for (let pfn = pool.empty; pfn != 0; pfn = frameOf(pfn).lruNext) {
    if (!isIn(pool, pfn) || frameOf(pfn).private_ != 0) return false;
    empties += 1;
    free += pool.perSlab;
    if (empties > pool.slabs) return false;
  }
  for (let pfn = pool.partial; pfn != 0; pfn = frameOf(pfn).lruNext) {
    const used = frameOf(pfn).private_;
    if (!isIn(pool, pfn) || used == 0 || used == pool.perSlab) return false;
    free += pool.perSlab - used;
    if (free > pool.freeCount) return false;
  }
  return empties == pool.empties && free == pool.freeCount;
}

/** Whether `pfn` is a slab of the pool, and its neighbours in the list know it. */
function isIn(pool: Pool, pfn: u32): bool {
  if (pfn >= frameCount || !flagTest(PG.slab, pfn)) return false;
  const slab = frameOf(pfn);
  if (slab.mapping != changetype<usize>(pool)) return false;
  return slab.lruNext == 0 || frameOf(slab.lruNext).lruPrev == pfn;
}
