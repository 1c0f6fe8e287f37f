// Each invariant of pools, broken on purpose: the checker names it, and nothing once it is mended.

import { PG } from "../../../assembly/abi";
import { frameAlloc } from "../../../assembly/frame/buddy";
import { checkPools, PoolInvariant } from "../../../assembly/frame/check-pool";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameOf, pfnOfAddress } from "../../../assembly/frame/frame";
import {
  POOL_BYTES,
  Pool,
  poolAlloc,
  poolFree,
  poolInit,
  poolReserve,
} from "../../../assembly/frame/pool";
import { remake } from "./arena";

const pool = changetype<Pool>(memory.data(POOL_BYTES, 8));
let full: usize = 0;
let partial: usize = 0;
let empty: u32 = 0;

/** Expects `invariant` of pools that the test has just broken. */
function expectBroken(invariant: PoolInvariant): void {
  expect<u32>(checkPools()).toBe(invariant);
}

describe("the checker of pools", () => {
  // Two slabs of four records that are full, one with two in use, one with none.
  beforeEach(() => {
    remake(256);
    poolInit(pool, 1024);
    full = poolAlloc(pool);
    for (let i = 0; i < 7; i++) poolAlloc(pool);
    partial = poolAlloc(pool);
    poolAlloc(pool);
    poolReserve(pool, 3);
    empty = pool.empty;
  });
  afterEach(() => expect<u32>(checkPools()).toBe(0));

  test("O1: counts that do not add up", () => {
    pool.used += 1;
    expectBroken(PoolInvariant.Sum);
    pool.used -= 1;
  });

  test("O1: counts that add up and are not what the slabs have", () => {
    pool.used += 1;
    pool.freeCount -= 1;
    expectBroken(PoolInvariant.Count);
    pool.used -= 1;
    pool.freeCount += 1;
    pool.slabs += 1;
    pool.freeCount += 4;
    expectBroken(PoolInvariant.Count);
    pool.slabs -= 1;
    pool.freeCount -= 4;
  });

  test("O2: more reserved than free", () => {
    pool.reserved = 7;
    expectBroken(PoolInvariant.Reserve);
    pool.reserved = 3;
  });

  test("O3: a free list that leaves its slab, is askew, turns round, or ends early", () => {
    const slab = frameOf(pfnOfAddress(partial));
    const head = slab.index;
    slab.index = full;
    expectBroken(PoolInvariant.FreeList);
    slab.index = head + 8;
    expectBroken(PoolInvariant.FreeList);
    slab.index = head;
    const next = load<usize>(<usize>head);
    store<usize>(<usize>head, <usize>head);
    expectBroken(PoolInvariant.FreeList);
    store<usize>(<usize>head, 0);
    expectBroken(PoolInvariant.FreeList);
    store<usize>(<usize>head, next);
  });

  test("O4: a slab missing from its list, in the wrong one, or with a neighbour askew", () => {
    pool.empty = 0;
    expectBroken(PoolInvariant.SlabList);
    const part = pool.partial;
    pool.empty = part;
    pool.partial = empty;
    expectBroken(PoolInvariant.SlabList);
    pool.empty = empty;
    pool.partial = pfnOfAddress(full);
    expectBroken(PoolInvariant.SlabList);
    pool.partial = part;
    frameOf(part).lruNext = empty;
    expectBroken(PoolInvariant.SlabList);
    frameOf(part).lruNext = 0;
    pool.empties = 0;
    expectBroken(PoolInvariant.SlabList);
    pool.empties = 1;
  });

  test("O5: empty slabs that neither the reserve nor a spare accounts for", () => {
    poolReserve(pool, 4);
    expect<u32>(pool.empties).toBe(2);
    expect<u32>(checkPools()).toBe(0);
    pool.reserved = 3;
    expectBroken(PoolInvariant.Surplus);
    pool.reserved = 7;
  });

  test("O6: a frame marked as a slab that no pool has, and a slab without the mark", () => {
    const pfn = frameAlloc(0);
    flagSet(PG.slab, pfn);
    expectBroken(PoolInvariant.Orphan);
    flagClear(PG.slab, pfn);
    flagClear(PG.slab, pfnOfAddress(full));
    expectBroken(PoolInvariant.Count);
    flagSet(PG.slab, pfnOfAddress(full));
  });

  test("pools are sound while records come and go", () => {
    poolFree(pool, full);
    expect<u32>(checkPools()).toBe(0);
    full = poolAlloc(pool);
    expect<u32>(checkPools()).toBe(0);
  });
});
