// Are slots found wherever they are free, neighbours first, and is a wrong bit seen?

import { Status } from "../../../assembly/abi";
import { frameAlloc, frameFree, freeFrames } from "../../../assembly/frame/buddy";
import { frameOf } from "../../../assembly/frame/frame";
import { SwapInvariant } from "../../../assembly/map/check-swap";
import {
  slotCount,
  slotIdle,
  slotPut,
  slotTake,
  swapClose,
  swapOff,
  swapOn,
  swapSlots,
  swapUsed,
} from "../../../assembly/map/swap";
import { slotClaim, slotGive, slotIsFree, slotSumsHold } from "../../../assembly/map/swap-slots";
import { machineCheck } from "../../../assembly/op/machine";
import { below, randomReset, seeded } from "../random";
import { boot } from "./world";

/** Three clusters, the last of them not a whole one. */
const SLOTS: u32 = 512 + 512 + 300;

function claim(times: u32): u32 {
  let last: u32 = 0;
  for (let i: u32 = 0; i < times; i++) last = slotClaim();
  return last - 1;
}

describe("slots of swap", () => {
  beforeAll(() => boot(300));

  beforeEach(() => {
    assert(swapOn(SLOTS) == 0, "no swap for the test");
  });

  afterEach(() => {
    assert(swapOff() == 0, "the area cannot go");
  });

  test("are handed out side by side, a cluster after the other, and then there are none", () => {
    expect<u32>(claim(1)).toBe(0);
    expect<u32>(claim(511)).toBe(511);
    expect<u32>(claim(1)).toBe(512);
    expect<u32>(claim(511)).toBe(1023);
    expect<u32>(claim(1)).toBe(1024);
    expect<u32>(claim(299)).toBe(SLOTS - 1);
    expect<u32>(slotClaim()).toBe(0);
    expect<bool>(slotSumsHold()).toBe(true);
  });

  test("wholly free clusters go before single slots, the one that was begun before all", () => {
    claim(600);
    slotGive(3);
    expect<u32>(claim(1)).toBe(600);
    for (let slot: u32 = 0; slot < 512; slot++) if (slot != 3) slotGive(slot);
    slotGive(599);
    expect<u32>(claim(423)).toBe(1023);
    expect<u32>(claim(1)).toBe(0);
    expect<u32>(claim(511)).toBe(511);
    expect<u32>(claim(1)).toBe(599);
    expect<u32>(claim(1)).toBe(1024);
  });

  test(seeded("are never handed out twice, and all of them are, in any history"), () => {
    randomReset();
    let used: u32 = 0;
    for (let step = 0; step < 20_000; step++) {
      const slot = below(SLOTS);
      if (!slotIsFree(slot) && below(2)) {
        slotGive(slot);
        used -= 1;
        continue;
      }
      const taken = slotClaim();
      if (used == SLOTS) assert(taken == 0, "more slots than there are");
      else assert(taken != 0 && !slotIsFree(taken - 1), "a slot that is free is not found");
      if (taken) used += 1;
      if (step % 500 == 0) assert(slotSumsHold(), "a sum is wrong");
    }
    while (slotClaim()) used += 1;
    expect<u32>(used).toBe(SLOTS);
    expect<bool>(slotSumsHold()).toBe(true);
  });

  test("an area that goes gives its frames back, and is not used while it is about to", () => {
    expect<i32>(swapOn(5)).toBe(Status.EBUSY);
    const pfn = frameAlloc(0);
    frameOf(pfn).refcount = 1;
    const slot = slotTake(pfn) - 1;
    expect<i32>(swapOff()).toBe(Status.EBUSY);
    expect<i32>(swapClose(true)).toBe(0);
    expect<u32>(slotTake(pfn)).toBe(0);
    slotPut(slot);
    slotIdle(slot);
    expect<u32>(swapUsed).toBe(0);
    const before = freeFrames();
    expect<i32>(swapOff()).toBe(0);
    expect<u32>(freeFrames()).toBe(before + 4 + 1);
    expect<i32>(swapOff()).toBe(Status.EINVAL);
    expect<i32>(swapClose(true)).toBe(Status.EINVAL);
    expect<u32>(swapSlots).toBe(0);
    expect<i32>(swapOn(SLOTS)).toBe(0);
    expect<u32>(freeFrames()).toBe(before);
    frameOf(pfn).refcount = 0;
    frameFree(pfn, 0);
  });

  test("W4: a bit that says free of a slot that is used, or the reverse", () => {
    expect<u32>(machineCheck()).toBe(0);
    expect<u32>(slotClaim()).toBe(1);
    expect<u32>(slotCount(0)).toBe(0);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Free);
    slotGive(0);
    expect<u32>(machineCheck()).toBe(0);
  });
});
