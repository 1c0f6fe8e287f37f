import { PG, Vmstat } from "../../../assembly/abi";
import { counts, frameAlloc, framesReserve, freeFrames } from "../../../assembly/frame/buddy";
import { checkFrames } from "../../../assembly/frame/check";
import { checkPools } from "../../../assembly/frame/check-pool";
import { flagTest } from "../../../assembly/frame/flags";
import { pfnOfAddress } from "../../../assembly/frame/frame";
import {
  POOL_BYTES,
  Pool,
  poolAlloc,
  poolFree,
  poolInit,
  poolReserve,
  poolTake,
  poolUnreserve,
  poolUsed,
} from "../../../assembly/frame/pool";
import { statGet } from "../../../assembly/mem/vmstat";
import { remake } from "./arena";

const pool = changetype<Pool>(memory.data(POOL_BYTES, 8));
const other = changetype<Pool>(memory.data(POOL_BYTES, 8));

/** Records of 64 bytes in a slab. */
const PER_SLAB: u32 = 64;
const records = new StaticArray<usize>(2000);

function remakeBoth(bytes: u32): void {
  remake(512);
  poolInit(pool, bytes);
  poolInit(other, 8);
}

/** Takes `count` records into `records`. */
function take(count: i32): void {
  for (let i = 0; i < count; i++) records[i] = poolAlloc(pool);
}

function give(start: i32, end: i32): void {
  for (let i = start; i < end; i++) poolFree(pool, records[i]);
}

function isZero(ptr: usize, bytes: u32): bool {
  for (let at = ptr; at < ptr + bytes; at++) if (load<u8>(at) != 0) return false;
  return true;
}

/** Takes and dirties two slabs of records of `bytes`. @returns how many were not as they should. */
function oddRecords(bytes: u32, rounded: u32): u32 {
  remakeBoth(bytes);
  let odd: u32 = 0;
  if (pool.recordBytes != rounded || pool.perSlab != 4096 / rounded) odd += 1;
  const count = <i32>min(pool.perSlab * 2, 2000);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < count; i++) {
      const ptr = poolAlloc(pool);
      if (ptr % 8 != 0 || !isZero(ptr, rounded)) odd += 1;
      memory.fill(ptr, 0xff, rounded);
      records[i] = ptr;
    }
    for (let i = 0; i < count; i++) if (load<u8>(records[i] + rounded - 1) != 0xff) odd += 1;
    give(0, count);
  }
  return odd + checkPools();
}

describe("pool: records", () => {
  beforeEach(() => remakeBoth(64));
  afterEach(() => expect<u32>(checkPools() + checkFrames()).toBe(0));

  test("records of every size are zero, aligned, apart, and as many as fit a frame", () => {
    expect<u32>(oddRecords(1, 8)).toBe(0);
    expect<u32>(oddRecords(8, 8)).toBe(0);
    expect<u32>(oddRecords(20, 24)).toBe(0);
    expect<u32>(oddRecords(48, 48)).toBe(0);
    expect<u32>(oddRecords(136, 136)).toBe(0);
    expect<u32>(oddRecords(2048, 2048)).toBe(0);
    expect<u32>(oddRecords(2056, 2056)).toBe(0);
    expect<u32>(oddRecords(4096, 4096)).toBe(0);
  });

  test("a record is in a frame of the pool, marked as a slab", () => {
    const ptr = poolAlloc(pool);
    expect<bool>(flagTest(PG.slab, pfnOfAddress(ptr))).toBe(true);
    expect<f64>(statGet(Vmstat.nr_slab)).toBeGreaterThan(0);
    expect<u32>(poolUsed(pool)).toBe(1);
  });

  test("O1: used and free add up as slabs come and go", () => {
    take(200);
    expect<u32>(poolUsed(pool)).toBe(200);
    expect<u32>(pool.slabs).toBe(4);
    expect<u32>(pool.freeCount).toBe(56);
    give(50, 200);
    expect<u32>(poolUsed(pool)).toBe(50);
    expect<u32>(checkPools()).toBe(0);
    give(0, 50);
    expect<u32>(poolUsed(pool)).toBe(0);
  });

  test("O5: of the empty slabs one is kept, the others go back", () => {
    const free = freeFrames();
    take(400);
    expect<u32>(freeFrames()).toBe(free - 7);
    give(0, 400);
    expect<u32>(pool.slabs).toBe(1);
    expect<u32>(freeFrames()).toBe(free - 1);
  });

  test("a slab that filled up is found again when one of its records is free", () => {
    take(128);
    poolFree(pool, records[5]);
    poolFree(pool, records[100]);
    expect<u32>(pool.slabs).toBe(2);
    const first = poolAlloc(pool);
    const second = poolAlloc(pool);
    expect<bool>(first == records[100] || first == records[5]).toBe(true);
    expect<bool>(second == records[100] || second == records[5]).toBe(true);
    expect<u32>(pool.freeCount).toBe(0);
  });

  test("out of frames is 0, and one record freed can be had again", () => {
    while (frameAlloc(0) != 0);
    expect<usize>(poolAlloc(pool)).toBe(0);
    remakeBoth(64);
    let ptr = poolAlloc(pool);
    for (let next = ptr; next != 0; next = poolAlloc(pool)) ptr = next;
    expect<u32>(poolUsed(pool)).toBe(511 * PER_SLAB);
    expect<u32>(freeFrames()).toBe(0);
    poolFree(pool, ptr);
    expect<usize>(poolAlloc(pool)).toBe(ptr);
    expect<usize>(poolAlloc(pool)).toBe(0);
  });

  test("two pools do not meet, and one may be made again", () => {
    const mine = poolAlloc(pool);
    const theirs = poolAlloc(other);
    expect<u32>(pfnOfAddress(mine)).not.toBe(pfnOfAddress(theirs));
    expect<u32>(poolUsed(pool) + poolUsed(other)).toBe(2);
  });
});

describe("pool: the reserve", () => {
  beforeEach(() => remakeBoth(64));
  afterEach(() => expect<u32>(checkPools() + checkFrames()).toBe(0));

  test("O2: frames are taken when records are reserved, not when they are used", () => {
    const free = freeFrames();
    expect<bool>(poolReserve(pool, 100)).toBe(true);
    expect<u32>(freeFrames()).toBe(free - 2);
    while (frameAlloc(0) != 0);
    let refused: u32 = 0;
    for (let i = 0; i < 100; i++) if (poolTake(pool) == 0) refused += 1;
    expect<u32>(refused).toBe(0);
    expect<u32>(pool.reserved).toBe(0);
  });

  test("O2: an allocation leaves what others reserved", () => {
    expect<bool>(poolReserve(pool, 60)).toBe(true);
    while (frameAlloc(0) != 0);
    for (let i = 0; i < 4; i++) expect<usize>(poolAlloc(pool)).not.toBe(0);
    expect<usize>(poolAlloc(pool)).toBe(0);
    expect<u32>(pool.freeCount).toBe(60);
    poolUnreserve(pool, 1);
    expect<usize>(poolAlloc(pool)).not.toBe(0);
  });

  test("a second reserve comes on top of the first", () => {
    expect<bool>(poolReserve(pool, 40)).toBe(true);
    expect<u32>(pool.slabs).toBe(1);
    expect<bool>(poolReserve(pool, 24)).toBe(true);
    expect<u32>(pool.slabs).toBe(1);
    expect<bool>(poolReserve(pool, 1)).toBe(true);
    expect<u32>(pool.slabs).toBe(2);
    expect<bool>(poolReserve(pool, 0)).toBe(true);
    expect<u32>(pool.reserved).toBe(65);
  });

  test("one that memory does not suffice for changes nothing and leaks nothing", () => {
    take(3);
    const free = freeFrames();
    expect<bool>(poolReserve(pool, 511 * PER_SLAB)).toBe(false);
    expect<bool>(poolReserve(pool, u32.MAX_VALUE)).toBe(false);
    expect<u32>(freeFrames()).toBe(free);
    expect<u32>(pool.slabs).toBe(1);
    expect<u32>(pool.reserved).toBe(0);
    expect<bool>(poolReserve(pool, 511 * PER_SLAB - 3)).toBe(true);
    expect<bool>(poolReserve(pool, 1)).toBe(false);
    expect<bool>(poolReserve(pool, u32.MAX_VALUE)).toBe(false);
    expect<u32>(freeFrames()).toBe(0);
  });

  test("frames that somebody reserved are not made into slabs", () => {
    expect<bool>(framesReserve(counts.free - 1)).toBe(true);
    expect<bool>(poolReserve(pool, PER_SLAB + 1)).toBe(false);
    expect<bool>(poolReserve(pool, PER_SLAB)).toBe(true);
    expect<usize>(poolAlloc(pool)).toBe(0);
  });

  test("O5: slabs that only the reserve needed go back with it, all but one", () => {
    const free = freeFrames();
    poolReserve(pool, 1000);
    expect<u32>(freeFrames()).toBe(free - 16);
    poolUnreserve(pool, 500);
    expect<u32>(freeFrames()).toBe(free - 8);
    poolUnreserve(pool, 500);
    expect<u32>(freeFrames()).toBe(free - 1);
  });

  test("O5: emptied slabs stay while the reserve needs them", () => {
    take(640);
    poolReserve(pool, 300);
    const slabs = pool.slabs;
    give(0, 640);
    expect<u32>(pool.slabs).toBe(5);
    expect<u32>(slabs).toBe(15);
    expect<bool>(pool.freeCount >= 300).toBe(true);
  });
});

describe("pool: a build with checks stops at", () => {
  beforeEach(() => remakeBoth(64));

  test("a record that is free already", () => {
    take(3);
    poolFree(pool, records[1]);
    expect(() => poolFree(pool, records[1])).toThrow();
  });

  test("a record of another pool, the inside of one, and what is no record", () => {
    take(2);
    expect(() => poolFree(other, records[0])).toThrow();
    expect(() => poolFree(pool, records[0] + 8)).toThrow();
    expect(() => poolFree(pool, 8)).toThrow();
  });

  test("a write to a record that is free, when it is handed out", () => {
    take(2);
    poolFree(pool, records[1]);
    store<u32>(records[1] + 60, 0);
    expect(() => {
      poolAlloc(pool);
    }).toThrow();
  });

  test("more given back than was reserved, taking what was not, and records too large", () => {
    poolReserve(pool, 2);
    expect(() => poolUnreserve(pool, 3)).toThrow();
    poolUnreserve(pool, 2);
    expect(() => {
      poolTake(pool);
    }).toThrow();
    expect(() => poolInit(pool, 4097)).toThrow();
  });

  test("a live record that looks free is freed all the same", () => {
    const ptr = poolAlloc(pool);
    memory.fill(ptr, 0xcc, 64);
    poolFree(pool, ptr);
    expect<u32>(poolUsed(pool) + checkPools()).toBe(0);
  });
});
