import { ORDER_MAX, PG, Vmstat } from "../../../assembly/abi";
import {
  frameAlloc,
  frameAllocZeroed,
  frameFree,
  framesAvailable,
  framesReserve,
  framesReserved,
  framesUnreserve,
  frameTake,
  frameTakeZeroed,
  freeFrames,
} from "../../../assembly/frame/buddy";
import { checkFrames } from "../../../assembly/frame/check";
import { flagCount } from "../../../assembly/frame/flag-range";
import { flagSet, flagsOf, flagTest } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { JUNK } from "../../../assembly/frame/junk";
import { frameCount } from "../../../assembly/mem/layout";
import { statGet } from "../../../assembly/mem/vmstat";
import { isFilled, remake } from "./arena";

/** Takes every frame that is left. @returns how many were not above the one before. */
function takeAll(): u32 {
  let falls: u32 = 0;
  let last: u32 = 0;
  for (let pfn = frameAlloc(0); pfn != 0; pfn = frameAlloc(0)) {
    if (pfn <= last) falls += 1;
    last = pfn;
  }
  return falls;
}

describe("buddy: one frame", () => {
  beforeEach(() => remake(1100));

  test("frames are handed out in ascending order, each once, and never frame 0", () => {
    expect<u32>(frameAlloc(0)).toBe(1);
    expect<u32>(frameAlloc(0)).toBe(2);
    expect<u32>(takeAll()).toBe(0);
    expect<u32>(freeFrames()).toBe(0);
    expect<u32>(frameAlloc(0)).toBe(0);
    expect<u32>(frameAllocZeroed()).toBe(0);
    expect<bool>(flagTest(PG.reserved, 0)).toBe(true);
    expect<u32>(checkFrames()).toBe(0);
  });

  test("the lowest hole is filled first, wherever frees came last", () => {
    takeAll();
    frameFree(900, 0);
    frameFree(70, 0);
    frameFree(512, 0);
    expect<u32>(frameAlloc(0)).toBe(70);
    expect<u32>(frameAlloc(0)).toBe(512);
    expect<u32>(frameAlloc(0)).toBe(900);
    expect<u32>(frameAlloc(0)).toBe(0);
  });

  test("D1: who gets a frame finds nothing of the last owner", () => {
    const pfn = frameAlloc(0);
    const frame = frameOf(pfn);
    frame.refcount = 1;
    frame.mapping = 99;
    frame.index = 77;
    frame.lruNext = 5;
    frame.lruPrev = 6;
    frame.private_ = 44;
    frame.pins = 1;
    frame.lru = 1;
    flagSet(PG.anon, pfn);
    flagSet(PG.dirty, pfn);
    flagSet(PG.lru, pfn);
    frameFree(pfn, 0);
    expect<u32>(checkFrames()).toBe(0);
    expect<u32>(frameAlloc(0)).toBe(pfn);
    expect<u32>(flagsOf(pfn)).toBe(0);
    const isZero = frame.refcount == 0 && frame.mapping == 0 && frame.index == 0;
    expect<bool>(isZero && frame.lruNext == 0 && frame.lruPrev == 0).toBe(true);
    expect<u32>(frame.private_ + frame.pins + frame.lru + frame.mapcount + <u32>frame.exports).toBe(
      0,
    );
  });

  test("J1: a freed frame is junk from end to end", () => {
    const pfn = frameAlloc(0);
    memory.fill(frameAddress(pfn), 7, 4096);
    frameFree(pfn, 0);
    expect<bool>(isFilled(pfn, JUNK)).toBe(true);
  });

  test("a zeroed frame is zero: fresh, used before, and taken from a reserve", () => {
    const pfn = frameAllocZeroed();
    expect<bool>(isFilled(pfn, 0)).toBe(true);
    memory.fill(frameAddress(pfn), 7, 4096);
    frameFree(pfn, 0);
    expect<u32>(frameAllocZeroed()).toBe(pfn);
    expect<bool>(isFilled(pfn, 0)).toBe(true);
    memory.fill(frameAddress(pfn), 7, 4096);
    frameFree(pfn, 0);
    framesReserve(1);
    expect<u32>(frameTakeZeroed()).toBe(pfn);
    expect<bool>(isFilled(pfn, 0)).toBe(true);
  });

  test("a frame is fresh until it was handed out once, and never again", () => {
    expect<u32>(flagCount(PG.fresh, 0, frameCount)).toBe(frameCount - 1);
    const pfn = frameAlloc(0);
    expect<bool>(flagTest(PG.fresh, pfn)).toBe(false);
    frameFree(pfn, 0);
    expect<bool>(flagTest(PG.fresh, pfn)).toBe(false);
    expect<u32>(flagCount(PG.fresh, 0, frameCount)).toBe(frameCount - 2);
  });

  test("counters tell frames taken, frames given back and the most in use at once", () => {
    const taken = statGet(Vmstat.pgalloc);
    const given = statGet(Vmstat.pgfree);
    const pfn = frameAlloc(3);
    frameFree(pfn, 3);
    frameFree(frameAlloc(0), 0);
    expect<f64>(statGet(Vmstat.pgalloc) - taken).toBe(9);
    expect<f64>(statGet(Vmstat.pgfree) - given).toBe(9);
    expect<f64>(statGet(Vmstat.peak_frames)).toBe(1100);
  });
});

describe("buddy: blocks", () => {
  beforeEach(() => remake(4096));

  test("a block of each order is aligned to it, lies together, and is the lowest", () => {
    for (let order: u32 = 1; order <= ORDER_MAX; order++) {
      const count = (<u32>1) << order;
      const pfn = frameAlloc(order);
      expect<u32>(pfn).toBe(count);
      expect<u32>(flagCount(PG.free, pfn, pfn + count)).toBe(0);
      frameFree(pfn, order);
      expect<u32>(checkFrames()).toBe(0);
    }
  });

  test("blocks of one order come in ascending order until none is left", () => {
    for (let order: u32 = 1; order <= ORDER_MAX; order++) {
      remake(4096);
      const count = (<u32>1) << order;
      for (let want = count; want < 4096; want += count) {
        if (frameAlloc(order) != want) expect<u32>(want).toBe(0, "not the lowest block");
      }
      expect<u32>(frameAlloc(order)).toBe(0);
      expect<u32>(freeFrames()).toBe(count - 1);
      expect<u32>(checkFrames()).toBe(0);
    }
  });

  test("frames freed one by one make a block of every order again", () => {
    takeAll();
    for (let pfn: u32 = 1024; pfn < 2048; pfn += 2) frameFree(pfn, 0);
    expect<u32>(frameAlloc(1)).toBe(0);
    for (let pfn: u32 = 1025; pfn < 2048; pfn += 2) frameFree(pfn, 0);
    expect<u32>(checkFrames()).toBe(0);
    expect<u32>(frameAlloc(ORDER_MAX)).toBe(1024);
    expect<u32>(freeFrames()).toBe(0);
  });

  test("a hole of one frame keeps a block from being found, and no other", () => {
    const hole = frameAlloc(9) + 100;
    frameFree(hole - 100, 9);
    takeAll();
    for (let pfn: u32 = 512; pfn < 2048; pfn++) if (pfn != hole) frameFree(pfn, 0);
    expect<u32>(frameAlloc(9)).toBe(1024);
    expect<u32>(frameAlloc(9)).toBe(1536);
    expect<u32>(frameAlloc(9)).toBe(0);
    expect<u32>(frameAlloc(8)).toBe(768);
    frameFree(hole, 0);
    expect<u32>(frameAlloc(8)).toBe(512);
  });

  test("parts of a block may be given back by themselves", () => {
    const pfn = frameAlloc(4);
    frameFree(pfn + 3, 0);
    frameFree(pfn + 8, 3);
    expect<u32>(frameAlloc(3)).toBe(8);
    expect<u32>(checkFrames()).toBe(0);
  });

  test("a block beyond the last frame is not a block", () => {
    remake(1500);
    expect<u32>(frameAlloc(10)).toBe(0);
    expect<u32>(frameAlloc(9)).toBe(512);
    expect<u32>(frameAlloc(9)).toBe(0);
    expect<u32>(frameAlloc(8)).toBe(256);
    expect<u32>(frameAlloc(8)).toBe(1024);
    expect<u32>(frameAlloc(8)).toBe(0);
    expect<u32>(checkFrames()).toBe(0);
  });

  test("a block's flags and records are reset with it", () => {
    const pfn = frameAlloc(9);
    flagSet(PG.head, pfn);
    for (let at = pfn; at < pfn + 512; at++) {
      flagSet(PG.tail, at);
      frameOf(at).private_ = at;
    }
    frameFree(pfn, 9);
    expect<u32>(checkFrames()).toBe(0);
    expect<u32>(flagCount(PG.tail, 0, frameCount)).toBe(0);
  });

  test("B6: neither a frame nor a block is made of what is reserved", () => {
    expect<bool>(framesReserve(freeFrames() - 8)).toBe(true);
    expect<u32>(frameAlloc(4)).toBe(0);
    expect<u32>(frameAlloc(3)).toBe(8);
    expect<u32>(frameAlloc(0)).toBe(0);
    expect<u32>(frameAllocZeroed()).toBe(0);
    expect<u32>(framesAvailable()).toBe(0);
    expect<bool>(framesReserve(1)).toBe(false);
    framesUnreserve(1);
    expect<u32>(frameAlloc(0)).toBe(1);
    expect<u32>(checkFrames()).toBe(0);
  });

  test("a reserve that memory does not suffice for changes nothing", () => {
    expect<bool>(framesReserve(4096)).toBe(false);
    expect<bool>(framesReserve(u32.MAX_VALUE)).toBe(false);
    expect<u32>(framesReserved()).toBe(0);
    expect<bool>(framesReserve(10)).toBe(true);
    expect<bool>(framesReserve(u32.MAX_VALUE)).toBe(false);
    expect<u32>(framesReserved()).toBe(10);
  });

  test("frames taken from a reserve use it up, with no other frame free", () => {
    framesReserve(2);
    takeAll();
    expect<u32>(frameTake()).toBe(4094);
    expect<u32>(framesReserved()).toBe(1);
    expect<u32>(frameTake()).toBe(4095);
    expect<u32>(framesReserved() + freeFrames()).toBe(0);
    expect(() => {
      frameTake();
    }).toThrow();
  });
});
