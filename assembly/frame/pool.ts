// Pools: records of one size, carved from whole frames (slabs), for all that there is many of.
//
//   Pool ─partial─▶ slab ⇄ slab ⇄ …     some records in use, some free
//        ─empty───▶ slab ⇄ …            none in use; at most one more than the reserve needs
//                                       (a slab whose records are all in use is in neither list)
//   slab: Frame.mapping = the pool, private_ = records in use, index = first free record, the first
//   word of which is the next one
//
// A record is 8-byte aligned and all zero when handed out. Where checks are on, a free one is JUNK,
// so that a second free of it is noticed.
//
// Invariants
//   O1  freeCount + used == slabs * perSlab, and each side is what walking the slabs counts.
//   O2  reserved <= freeCount: whoever reserved cannot be refused.
//   O3  A free list stays in its slab and has each record once.
//   O4  Slabs with no record in use are in `empty`, those with some free too in `partial`, others
//       in no list; `empties` is the length of `empty`.
//   O5  A slab is empty only if it is the one spare, or the reserve needs it.
//   O6  PG.slab is set exactly on the slabs of the pools.
//
// Written by: this file. Read by: check-pool.ts.

import { PAGE_SHIFT, PAGE_SIZE, PG, Vmstat } from "../abi";
import { CHECK } from "../mem/assert";
import { frameCount, framesBase } from "../mem/layout";
import { statAdd } from "../mem/vmstat";
import { frameAlloc, frameFree, framesAvailable, framesLackAdd, framesShrink } from "./buddy";
import { flagClear, flagSet, flagTest } from "./flags";
import { frameAddress, frameOf, pfnOfAddress } from "./frame";
import { JUNK } from "./junk";
import { slabPop, slabPush, slabRemove } from "./slab-list";

@unmanaged
export class Pool {
  recordBytes: u32;
  perSlab: u32;
  /** Head of the slabs with used and free records. */
  partial: u32;
  /** Head of the slabs with free records only. */
  empty: u32;
  empties: u32;
  slabs: u32;
  freeCount: u32;
  reserved: u32;
  used: u32;
  /** Address of the pool that was made before this one. */
  next: usize;
}

/** Bytes that a pool itself takes, for `memory.data`. */
export const POOL_BYTES: i32 = <i32>offsetof<Pool>();
/** Records have room for a link and a mark, and fit a frame. */
export const RECORD_BYTES_MIN: u32 = 8;
/** A word that a free record has after its link, where checks are on. */
const FREED: u32 = 0xcccccccc;

/** Address of the pool made last, 0 for none: checkers go through them all. */
export let poolsHead: usize = 0;

/** Makes `pool` one of records of `recordBytes` bytes, rounded up to 8; it has none yet. */
export function poolInit(pool: Pool, recordBytes: u32): void {
  const bytes = (max(recordBytes, RECORD_BYTES_MIN) + 7) & ~7;
  if (CHECK) assert(bytes <= PAGE_SIZE, "record larger than a frame");
  if (!poolIsKnown(pool)) {
    pool.next = poolsHead;
    poolsHead = changetype<usize>(pool);
  }
  const next = pool.next;
  memory.fill(changetype<usize>(pool), 0, POOL_BYTES);
  pool.next = next;
  pool.recordBytes = bytes;
  pool.perSlab = PAGE_SIZE / bytes;
}

/** @returns the address of a zeroed record, or 0 when only reserved ones and no frame are left. */
export function poolAlloc(pool: Pool): usize {
  if (pool.freeCount <= pool.reserved && !slabGrow(pool)) return 0;
  return recordTake(pool);
}

/** Takes one of the records that the caller reserved. Cannot fail. */
export function poolTake(pool: Pool): usize {
  if (CHECK) assert(pool.reserved != 0, "nothing is reserved");
  pool.reserved -= 1;
  return recordTake(pool);
}

/** Gives back the record at `ptr`. */
export function poolFree(pool: Pool, ptr: usize): void {
  const pfn = pfnOfAddress(ptr);
  const slab = frameOf(pfn);
  if (CHECK) recordCheck(pool, ptr);
  if (CHECK) memory.fill(ptr, JUNK, pool.recordBytes);
  const wasFull = slab.index == 0;
  store<usize>(ptr, <usize>slab.index);
  slab.index = ptr;
  slab.private_ -= 1;
  pool.freeCount += 1;
  pool.used -= 1;
  if (slab.private_ == 0) slabEmptied(pool, pfn, wasFull);
  else if (wasFull) slabPush(partialOf(pool), pfn);
  if (slabIsSurplus(pool)) slabShrink(pool, slabPop(emptyOf(pool)));
}

/**
 * Sets `n` records aside, taking frames now if it must.
 *
 * @returns false, and nothing has changed, when memory does not suffice.
 */
export function poolReserve(pool: Pool, n: u32): bool {
  const want = <u64>pool.reserved + n;
  if (want > pool.freeCount) {
    const lack = want - pool.freeCount;
    const slabs = (lack + pool.perSlab - 1) / pool.perSlab;
    if (slabs > framesAvailable() && !framesShrink(<u32>min<u64>(slabs, frameCount))) {
      framesLackAdd(<u32>(slabs - framesAvailable()));
      return false;
    }
    for (let i: u64 = 0; i < slabs; i++) slabGrow(pool);
  }
  pool.reserved = <u32>want;
  return true;
}

/** @returns whether `n` records can be had now without a frame for them. */
export function poolCovers(pool: Pool, n: u32): bool {
  return pool.freeCount - pool.reserved >= n;
}

/** Lets `n` records that were reserved be had by anyone, and gives back frames no longer needed. */
export function poolUnreserve(pool: Pool, n: u32): void {
  if (CHECK) assert(n <= pool.reserved, "more than was reserved");
  pool.reserved -= n;
  while (slabIsSurplus(pool)) slabShrink(pool, slabPop(emptyOf(pool)));
}

/** @returns records in use. */
export function poolUsed(pool: Pool): u32 {
  return pool.used;
}

/** @returns whether `ptr`, any number, is the address of a record of `pool`, in use or free. */
export function poolHas(pool: Pool, ptr: usize): bool {
  const offset = <u64>ptr - framesBase;
  if (ptr < framesBase || offset >> PAGE_SHIFT >= frameCount) return false;
  const pfn = pfnOfAddress(ptr);
  if (!flagTest(PG.slab, pfn) || frameOf(pfn).mapping != changetype<usize>(pool)) return false;
  const within = ptr - frameAddress(pfn);
  return within % pool.recordBytes == 0 && within / pool.recordBytes < pool.perSlab;
}

function poolIsKnown(pool: Pool): bool {
  for (let at = poolsHead; at != 0; at = changetype<Pool>(at).next) {
    if (at == changetype<usize>(pool)) return true;
  }
  return false;
}

function partialOf(pool: Pool): usize {
  return changetype<usize>(pool) + offsetof<Pool>("partial");
}

function emptyOf(pool: Pool): usize {
  return changetype<usize>(pool) + offsetof<Pool>("empty");
}

/** Precondition: the pool has a free record. */
function recordTake(pool: Pool): usize {
  if (pool.partial == 0) {
    pool.empties -= 1;
    slabPush(partialOf(pool), slabPop(emptyOf(pool)));
  }
  const slab = frameOf(pool.partial);
  const ptr = <usize>slab.index;
  slab.index = load<usize>(ptr);
  slab.private_ += 1;
  pool.freeCount -= 1;
  pool.used += 1;
  if (slab.index == 0) slabPop(partialOf(pool));
  if (CHECK) assert(recordIsJunk(pool, ptr), "a free record was written to");
  recordZero(ptr, ptr + pool.recordBytes);
  return ptr;
}

/** Whether a free record is as `poolFree` left it, but for its link. */
function recordIsJunk(pool: Pool, ptr: usize): bool {
  for (let at = ptr + 4; at < ptr + pool.recordBytes; at += 4) {
    if (load<u32>(at) != FREED) return false;
  }
  return true;
}

/** A loop, since `memory.fill` costs a call that is longer than most records. */
function recordZero(start: usize, end: usize): void {
  for (let at = start; at < end; at += 8) store<u64>(at, 0);
}

/** Adds an empty slab. @returns false when there is no frame for it. */
function slabGrow(pool: Pool): bool {
  const pfn = frameAlloc(0);
  if (pfn == 0) return false;
  const slab = frameOf(pfn);
  flagSet(PG.slab, pfn);
  slab.refcount = 1;
  slab.mapping = changetype<usize>(pool);
  slab.index = slabThread(pool, frameAddress(pfn));
  slabPush(emptyOf(pool), pfn);
  pool.empties += 1;
  pool.slabs += 1;
  pool.freeCount += pool.perSlab;
  statAdd(Vmstat.nr_slab, 1);
  return true;
}

/** Links the records of the slab at `start` in ascending order. @returns the first one. */
function slabThread(pool: Pool, start: usize): usize {
  const last = start + (pool.perSlab - 1) * pool.recordBytes;
  for (let at = start; at <= last; at += pool.recordBytes) {
    if (CHECK) memory.fill(at, JUNK, pool.recordBytes);
    store<usize>(at, at == last ? 0 : at + pool.recordBytes);
  }
  return start;
}

/** The last record in use of slab `pfn` was freed. */
function slabEmptied(pool: Pool, pfn: u32, wasFull: bool): void {
  if (!wasFull) slabRemove(partialOf(pool), pfn);
  slabPush(emptyOf(pool), pfn);
  pool.empties += 1;
}

/** Whether the pool keeps its promises, and a spare, without one of its empty slabs. */
function slabIsSurplus(pool: Pool): bool {
  return pool.empties > 1 && pool.freeCount - pool.perSlab >= pool.reserved;
}

/** Gives the frame of an empty slab, in no list any more, back. */
function slabShrink(pool: Pool, pfn: u32): void {
  pool.empties -= 1;
  pool.slabs -= 1;
  pool.freeCount -= pool.perSlab;
  flagClear(PG.slab, pfn);
  frameFree(pfn, 0);
  statAdd(Vmstat.nr_slab, -1);
}

/** What `poolFree` relies on. */
function recordCheck(pool: Pool, ptr: usize): void {
  const pfn = pfnOfAddress(ptr);
  const slab = frameOf(pfn);
  const isOurs = flagTest(PG.slab, pfn) && slab.mapping == changetype<usize>(pool);
  assert(isOurs, "record is of another pool");
  assert((ptr - frameAddress(pfn)) % pool.recordBytes == 0, "address is inside a record");
  if (load<u32>(ptr, 4) != FREED) return;
  for (let at = <usize>slab.index; at != 0; at = load<usize>(at)) {
    assert(at != ptr, "record is free already");
  }
}
