// Pools against a list of what is in use: no record twice, contents kept, promises kept, and every
// frame back in the end.

import { frameAlloc, frameFree, freeFrames } from "../../../assembly/frame/buddy";
import { checkFrames } from "../../../assembly/frame/check";
import { checkPools } from "../../../assembly/frame/check-pool";
import {
  POOL_BYTES,
  Pool,
  poolAlloc,
  poolFree,
  poolInit,
  poolReserve,
  poolTake,
  poolUnreserve,
} from "../../../assembly/frame/pool";
import { below, randomReset, seeded } from "../random";
import { remake } from "./arena";

const pool = changetype<Pool>(memory.data(POOL_BYTES, 8));
const held = new StaticArray<usize>(40000);
let count: u32 = 0;
let frame: u32 = 0;
let wrong: u32 = 0;

/** A record that was handed out: nobody else's, and stamped so that another owner is noticed. */
function hold(ptr: usize): void {
  if (load<u64>(ptr) != 0 || load<u64>(ptr + pool.recordBytes - 8) != 0) wrong += 1;
  store<u32>(ptr, count + 1);
  store<usize>(ptr + pool.recordBytes - 4, ptr);
  held[count] = ptr;
  count += 1;
}

function letGo(index: u32): void {
  const ptr = held[index];
  if (load<u32>(ptr) != index + 1) wrong += 1;
  if (load<usize>(ptr + pool.recordBytes - 4) != ptr) wrong += 1;
  poolFree(pool, ptr);
  count -= 1;
  if (index == count) return;
  held[index] = held[count];
  store<u32>(held[index], index + 1);
}

function reserveSome(): void {
  const before = pool.reserved;
  const slabs = pool.slabs;
  const n = below(2 * pool.perSlab);
  if (poolReserve(pool, n)) {
    if (pool.reserved != before + n) wrong += 1;
  } else if (pool.reserved != before || pool.slabs != slabs) {
    wrong += 1;
  }
}

/** Leaves the pool short of frames for a while, or gives them back. */
function squeeze(): void {
  if (frame != 0) {
    frameFree(frame, 5);
    frame = 0;
  } else {
    frame = frameAlloc(5);
  }
}

function oneStep(): void {
  const dice = below(100);
  if (dice < 40) {
    const ptr = poolAlloc(pool);
    if (ptr != 0) hold(ptr);
    else if (pool.freeCount > pool.reserved) wrong += 1;
  } else if (dice < 50 && pool.reserved > 0) hold(poolTake(pool));
  else if (dice < 85 && count > 0) letGo(below(count));
  else if (dice < 90) reserveSome();
  else if (dice < 98) poolUnreserve(pool, below(pool.reserved + 1));
  else squeeze();
}

function wrongAfter(bytes: u32, steps: u32): u32 {
  remake(256);
  poolInit(pool, bytes);
  const free = freeFrames();
  count = 0;
  frame = 0;
  wrong = 0;
  for (let step: u32 = 0; step < steps; step++) {
    oneStep();
    if (pool.used != count) wrong += 1;
    if (step % 8 == 0) wrong += checkPools();
  }
  while (count > 0) letGo(count - 1);
  poolUnreserve(pool, pool.reserved);
  if (frame != 0) squeeze();
  if (freeFrames() + pool.slabs != free || pool.slabs > 1) wrong += 1;
  return wrong + checkPools() + checkFrames();
}

describe("pool: against a list", () => {
  test(seeded("small records"), () => {
    randomReset();
    expect<u32>(wrongAfter(16, 8000)).toBe(0);
  });

  test(seeded("records of which a slab has few"), () => {
    randomReset();
    expect<u32>(wrongAfter(1000, 8000)).toBe(0);
  });

  test(seeded("records of which a slab has one"), () => {
    randomReset();
    expect<u32>(wrongAfter(4096, 6000)).toBe(0);
  });
});
