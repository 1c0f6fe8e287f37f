// Each invariant of physical memory, broken on purpose: the checker names it, and nothing once
// it is mended.

import { PG } from "../../../assembly/abi";
import { hintLower } from "../../../assembly/frame/block";
import { counts, frameAlloc, framesReserve, freeFrames } from "../../../assembly/frame/buddy";
import { checkFrames, FrameInvariant } from "../../../assembly/frame/check";
import { flagClear, flagSet, flagWord, summaryWord, topWord } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { remake } from "./arena";

const FRAMES: u32 = 1100;

/** Turns over the bit that belongs to `index` of the u64 at `at`. */
function flip(at: usize, index: u32): void {
  store<u64>(at, load<u64>(at) ^ ((<u64>1) << index));
}

/** Expects `invariant` of a machine that the test has just broken. */
function expectBroken(invariant: FrameInvariant): void {
  expect<u32>(checkFrames()).toBe(invariant);
}

describe("the checker of physical memory", () => {
  beforeEach(() => {
    remake(FRAMES);
    frameAlloc(0);
    frameAlloc(5);
    flagSet(PG.dirty, 1);
  });
  afterEach(() => expect<u32>(checkFrames()).toBe(0));

  test("F1: a line with a bit that the summary does not know, and the reverse", () => {
    flip(flagWord(PG.dirty, 600), 600);
    expectBroken(FrameInvariant.LineSummary);
    flip(flagWord(PG.dirty, 600), 600);
    flip(summaryWord(PG.dirty, 2), 2);
    expectBroken(FrameInvariant.LineSummary);
    flip(summaryWord(PG.dirty, 2), 2);
  });

  test("F2: a bit of tops without a summary below it", () => {
    const top = topWord(PG.dirty);
    store<u32>(top, 3);
    expectBroken(FrameInvariant.TopSummary);
    store<u32>(top, 1);
  });

  test("F3: a flag that is set somewhere and not live, and the reverse", () => {
    store<u32>(topWord(PG.ksm), 1);
    expectBroken(FrameInvariant.LiveFlags);
    store<u32>(topWord(PG.ksm), 0);
    store<u32>(topWord(PG.dirty), 0);
    expectBroken(FrameInvariant.LiveFlags);
    store<u32>(topWord(PG.dirty), 1);
  });

  test("F4: a bit past the last frame, in its word and in a word after it", () => {
    const last = flagWord(PG.free, FRAMES - 1);
    flip(last, FRAMES);
    expectBroken(FrameInvariant.PastTheLast);
    flip(last, FRAMES);
    flip(last + 8, 0);
    expectBroken(FrameInvariant.PastTheLast);
    flip(last + 8, 0);
  });

  test("D2: frame 0 written to, not reserved, or free", () => {
    store<u8>(frameAddress(0) + 4095, 1);
    expectBroken(FrameInvariant.FrameZero);
    store<u8>(frameAddress(0) + 4095, 0);
    flagClear(PG.reserved, 0);
    expectBroken(FrameInvariant.FrameZero);
    flagSet(PG.reserved, 0);
    flagSet(PG.free, 0);
    expectBroken(FrameInvariant.FrameZero);
    flagClear(PG.free, 0);
  });

  test("B1: a frame that is free and not counted, and the reverse", () => {
    flagSet(PG.free, 33);
    expectBroken(FrameInvariant.FreeCount);
    flagClear(PG.free, 33);
    counts.free += 1;
    expectBroken(FrameInvariant.FreeCount);
    counts.free -= 1;
  });

  test("B2: a line that is said to be free and is not, and the reverse", () => {
    flagSet(PG.buddy, 0);
    expectBroken(FrameInvariant.BuddyHead);
    flagClear(PG.buddy, 0);
    flagClear(PG.buddy, 512);
    expectBroken(FrameInvariant.BuddyHead);
    flagSet(PG.buddy, 512);
    flagSet(PG.buddy, 513);
    expectBroken(FrameInvariant.BuddyHead);
    flagClear(PG.buddy, 513);
  });

  test("B3: a frame in use that is fresh", () => {
    flagSet(PG.fresh, 1);
    expectBroken(FrameInvariant.FreshInUse);
    flagClear(PG.fresh, 1);
  });

  test("B3: a free frame with the flag of one in use", () => {
    flagSet(PG.anon, 900);
    expectBroken(FrameInvariant.FlagOfFree);
    flagClear(PG.anon, 900);
    flagSet(PG.exported, 1099);
    expectBroken(FrameInvariant.FlagOfFree);
    flagClear(PG.exported, 1099);
  });

  test("B4, D1: a free frame that is mapped or exported, in any word of its record", () => {
    const frame = frameOf(1099);
    frame.mapcount = 1;
    expectBroken(FrameInvariant.RecordOfFree);
    frame.mapcount = 0;
    frame.exports = 1;
    expectBroken(FrameInvariant.RecordOfFree);
    frame.exports = 0;
    frame.pins = 1;
    expectBroken(FrameInvariant.RecordOfFree);
    frame.pins = 0;
    frame.lru = 1;
    expectBroken(FrameInvariant.RecordOfFree);
    frame.lru = 0;
    frameOf(2).refcount = 1;
    expectBroken(FrameInvariant.RecordOfFree);
    frameOf(2).refcount = 0;
  });

  test("B5: a free frame below where the search begins", () => {
    const lowest = counts.lowest;
    counts.lowest = 3;
    expectBroken(FrameInvariant.Hint);
    counts.lowest = lowest;
  });

  test("B5, H1: a free block below where the search for its order begins", () => {
    expect<u32>(frameAlloc(5)).toBe(64);
    for (let at: u32 = 32; at < 64; at++) flagSet(PG.free, at);
    for (let at: u32 = 128; at < 160; at++) flagClear(PG.free, at);
    for (let at: u32 = 128; at < 160; at++) flagClear(PG.fresh, at);
    expectBroken(FrameInvariant.Hint);
    hintLower(32);
    expect<u32>(checkFrames()).toBe(0);
  });

  test("B6: more reserved than free", () => {
    expect<bool>(framesReserve(freeFrames())).toBe(true);
    expect<u32>(checkFrames()).toBe(0);
    counts.reserved += 1;
    expectBroken(FrameInvariant.Reserve);
    counts.reserved -= 1;
  });
});
