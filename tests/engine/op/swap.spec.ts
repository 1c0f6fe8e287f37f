// Does a page come back from swap as it went, whoever names its slot, and do the checkers of swap
// see what is broken on purpose?

import { Access, MADV_FREE, MADV_PAGEOUT, PG, ResultField, Status } from "../../../assembly/abi";
import { flagClear, flagSet, flagTest } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { SwapInvariant } from "../../../assembly/map/check-swap";
import { Mm } from "../../../assembly/map/mm";
import {
  isSwap,
  slotCount,
  slotDup,
  slotFrame,
  slotIsBusy,
  slotPut,
  swapOn,
  swapSlot,
  swapUsed,
} from "../../../assembly/map/swap";
import { pteGet } from "../../../assembly/map/table";
import { resultGet } from "../../../assembly/mem/result";
import { access } from "../../../assembly/op/fault";
import { machineCheck } from "../../../assembly/op/machine";
import { madvise } from "../../../assembly/op/madvise";
import { munmap } from "../../../assembly/op/munmap";
import { swapFilled, swapNext, swapWritten } from "../../../assembly/op/swap-in";
import { boot, forked, leave, mapAnon, page, space } from "./world";

const SLOTS: u32 = 8;
const BYTE: u8 = 0x5a;

/** The host's side: what is on its way out is written, byte 0 of a page standing for all. */
const store_ = memory.data(8);

function hostWrites(): u32 {
  let count: u32 = 0;
  while (swapNext(1)) {
    const slot = resultGet(ResultField.Count);
    store<u8>(store_ + slot, load<u8>(frameAddress(resultGet(ResultField.Pfn))));
    assert(swapWritten(slot, false) == 0, "a slot that is written");
    count++;
  }
  return count;
}

function hostReads(): void {
  const slot = resultGet(ResultField.Count);
  store<u8>(frameAddress(resultGet(ResultField.Pfn)), load<u8>(store_ + slot));
  assert(swapFilled(slot, false) == 0, "a slot that is read");
}

function write(mm: Mm, index: u32, byte: u8): i32 {
  const status = access(mm, page(index), Access.Write);
  if (!status) store<u8>(frameAddress(resultGet(ResultField.Pfn)), byte);
  return status;
}

function read(mm: Mm, index: u32): i32 {
  let status = access(mm, page(index), Access.Read);
  if (status == Status.NEED_IO) {
    hostReads();
    status = access(mm, page(index), Access.Read);
  }
  return status ? status : <i32>load<u8>(frameAddress(resultGet(ResultField.Pfn)));
}

function pageout(mm: Mm, start: u32, pages: u32): i32 {
  return madvise(mm, page(start), (<u64>pages) << 12, MADV_PAGEOUT);
}

let mm: Mm = changetype<Mm>(0);

describe("swap", () => {
  beforeAll(() => {
    boot(300);
    assert(swapOn(SLOTS) == 0, "no swap for the test");
  });

  beforeEach(() => {
    mm = space();
    mapAnon(mm, 0, 16);
  });

  afterEach(() => {
    hostWrites();
    leave(mm);
    assert(swapUsed == 0, "a slot is left");
  });

  test("a page that went out comes back with its bytes", () => {
    write(mm, 3, BYTE);
    expect<i32>(pageout(mm, 3, 1)).toBe(0);
    expect<bool>(isSwap(pteGet(mm, page(3)))).toBe(true);
    expect<u32>(hostWrites()).toBe(1);
    expect<i32>(read(mm, 3)).toBe(BYTE);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("a page that is wanted while it is being written never left", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    expect<i32>(access(mm, page(3), Access.Read)).toBe(0);
    expect<u32>(hostWrites()).toBe(1);
    expect<i32>(read(mm, 3)).toBe(BYTE);
  });

  test("a write that failed loses nothing", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    swapNext(1);
    expect<i32>(swapWritten(resultGet(ResultField.Count), true)).toBe(0);
    expect<i32>(read(mm, 3)).toBe(BYTE);
  });

  test("parent and child share a slot, and a write of one is not the other's", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    hostWrites();
    const child = forked(mm);
    expect<u32>(slotCount(swapSlot(pteGet(child, page(3))))).toBe(2);
    expect<i32>(read(child, 3)).toBe(BYTE);
    expect<i32>(write(child, 3, 1)).toBe(0);
    expect<i32>(read(mm, 3)).toBe(BYTE);
    expect<i32>(read(child, 3)).toBe(1);
    expect<u32>(machineCheck()).toBe(0);
    leave(child);
  });

  test("a page that MADV_FREE marked is dropped, and kept once when it was written again", () => {
    write(mm, 3, BYTE);
    write(mm, 4, BYTE);
    madvise(mm, page(3), 8192, MADV_FREE);
    write(mm, 4, 7);
    expect<i32>(pageout(mm, 3, 2)).toBe(0);
    expect<u64>(pteGet(mm, page(3))).toBe(0);
    expect<i32>(read(mm, 4)).toBe(7);
    pageout(mm, 4, 1);
    expect<bool>(isSwap(pteGet(mm, page(4)))).toBe(true);
  });

  test("where no slot is left, pages stay", () => {
    for (let i: u32 = 0; i < 12; i++) write(mm, i, BYTE);
    expect<i32>(pageout(mm, 0, 12)).toBe(0);
    expect<u32>(swapUsed).toBe(SLOTS);
    expect<u32>(machineCheck()).toBe(0);
    munmap(mm, page(0), 12 << 12);
  });

  test("W1: a slot counts an entry that is not there", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    const slot = swapSlot(pteGet(mm, page(3)));
    slotDup(slot);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Count);
    slotPut(slot);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("W2: a cached frame names another slot", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    const frame = frameOf(slotFrame(swapSlot(pteGet(mm, page(3)))));
    frame.private_ ^= 1;
    expect<u32>(machineCheck()).toBe(SwapInvariant.Cache);
    frame.private_ ^= 1;
    expect<u32>(machineCheck()).toBe(0);
  });

  test("W5: a page that is being written is taken for one that was read ahead", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    const pfn = slotFrame(swapSlot(pteGet(mm, page(3))));
    flagSet(PG.reclaim, pfn);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Ahead);
    flagClear(PG.reclaim, pfn);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("W3: a slot is busy and nobody works on it", () => {
    write(mm, 3, BYTE);
    pageout(mm, 3, 1);
    const slot = swapSlot(pteGet(mm, page(3)));
    const pfn = slotFrame(slot);
    expect<bool>(slotIsBusy(slot) && flagTest(PG.writeback, pfn)).toBe(true);
    flagClear(PG.writeback, pfn);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Busy);
    flagSet(PG.writeback, pfn);
    expect<u32>(machineCheck()).toBe(0);
  });
});
