import { PG } from "../../../assembly/abi";
import { checkFlags } from "../../../assembly/frame/check";
import { flagCount } from "../../../assembly/frame/flag-range";
import {
  flagAny,
  flagClear,
  flagNext,
  flagSet,
  flagsClear,
  flagsLive,
  flagsOf,
  flagTest,
} from "../../../assembly/frame/flags";
import { frameCount } from "../../../assembly/mem/layout";
import { below, randomReset, seeded } from "../random";
import { remake } from "./arena";

const model = new StaticArray<bool>(300000);

function modelNext(from: u32, end: u32): u32 {
  for (let pfn = from; pfn < end; pfn++) if (model[pfn]) return pfn;
  return end;
}

function modelCount(start: u32, end: u32): u32 {
  let count: u32 = 0;
  for (let pfn = start; pfn < end; pfn++) if (model[pfn]) count += 1;
  return count;
}

function remakeBoth(frames: u32): void {
  remake(frames);
  for (let pfn: u32 = 0; pfn < frames; pfn++) model[pfn] = false;
}

function setBoth(pfn: u32): void {
  flagSet(PG.dirty, pfn);
  model[pfn] = true;
}

function clearBoth(pfn: u32): void {
  flagClear(PG.dirty, pfn);
  model[pfn] = false;
}

/** Questions about `[start, end)` that flag and model answer differently. */
function disagreements(start: u32, end: u32): u32 {
  let wrong: u32 = 0;
  const next = modelNext(start, end);
  if (flagNext(PG.dirty, start, end) != next) wrong += 1;
  if (flagAny(PG.dirty, start, end) != next < end) wrong += 1;
  if (flagCount(PG.dirty, start, end) != modelCount(start, end)) wrong += 1;
  return wrong;
}

function disagreementsEverywhere(): u32 {
  let wrong: u32 = 0;
  for (let start: u32 = 0; start <= frameCount; start += 3) {
    for (let end: u32 = 0; end <= frameCount; end += 5) wrong += disagreements(start, end);
  }
  return wrong;
}

/** One frame of `frames` at a time: every question of every range, and the flag is gone after. */
function wrongWithOneSet(frames: u32, step: u32): u32 {
  let wrong: u32 = 0;
  for (let pfn: u32 = 0; pfn < frames; pfn += step) {
    setBoth(pfn);
    if (!flagTest(PG.dirty, pfn) || flagNext(PG.dirty, 0, frames) != pfn) wrong += 1;
    if (flagAny(PG.dirty, 0, pfn) || flagAny(PG.dirty, pfn + 1, frames)) wrong += 1;
    if (!flagAny(PG.dirty, pfn, pfn + 1) || flagCount(PG.dirty, 0, frames) != 1) wrong += 1;
    clearBoth(pfn);
    if (flagsLive & (1 << PG.dirty)) wrong += 1;
  }
  return wrong;
}

describe("flags: against a list of booleans", () => {
  test("one frame alone, each frame of machines of 256, 511, 512, 513 and 1,100", () => {
    remakeBoth(256);
    expect<u32>(wrongWithOneSet(256, 1)).toBe(0);
    remakeBoth(511);
    expect<u32>(wrongWithOneSet(511, 1)).toBe(0);
    remakeBoth(512);
    expect<u32>(wrongWithOneSet(512, 1)).toBe(0);
    remakeBoth(513);
    expect<u32>(wrongWithOneSet(513, 1)).toBe(0);
    remakeBoth(1100);
    expect<u32>(wrongWithOneSet(1100, 1)).toBe(0);
    expect<u32>(checkFlags()).toBe(0);
  });

  test("one frame alone, across 262,144 frames where a second bit of tops begins", () => {
    remakeBoth(300000);
    expect<u32>(wrongWithOneSet(300000, 7919)).toBe(0);
    expect<u32>(wrongWithOneSet(262147, 262143)).toBe(0);
    expect<u32>(checkFlags()).toBe(0);
  });

  test(seeded("every range of a machine of 256 frames, half of them set"), () => {
    randomReset();
    remakeBoth(256);
    for (let pfn: u32 = 0; pfn < 256; pfn++) if (below(2)) setBoth(pfn);
    let wrong: u32 = 0;
    for (let start: u32 = 0; start <= 256; start++) {
      for (let end: u32 = 0; end <= 256; end++) wrong += disagreements(start, end);
    }
    expect<u32>(wrong).toBe(0);
  });

  test(seeded("random sets and clears in 700 frames, few at a time"), () => {
    randomReset();
    remakeBoth(700);
    let wrong: u32 = 0;
    for (let step: u32 = 0; step < 12; step++) {
      for (let i: u32 = 0; i < 40; i++) {
        if (below(3) == 0) setBoth(below(700));
        else clearBoth(below(700));
      }
      wrong += disagreementsEverywhere();
      wrong += checkFlags();
    }
    expect<u32>(wrong).toBe(0);
  });

  test(seeded("random sets and clears in 300,000 frames, far apart"), () => {
    randomReset();
    remakeBoth(300000);
    let wrong: u32 = 0;
    for (let step: u32 = 0; step < 60; step++) {
      const pfn = below(300000);
      if (below(2)) setBoth(pfn);
      else clearBoth(modelNext(pfn, 299999));
      wrong += disagreements(below(300000), below(300001));
      wrong += disagreements(0, 300000);
    }
    expect<u32>(wrong + checkFlags()).toBe(0);
  });
});

describe("flags: one frame, many flags", () => {
  beforeEach(() => remake(600));

  test("flags are apart: each is set and cleared alone on each side of a line", () => {
    for (let flag: u32 = 0; flag < <u32>PG.COUNT; flag++) {
      const before = flagsOf(511);
      flagSet(flag, 511);
      expect<u32>(flagsOf(511)).toBe(before | (1 << flag));
      expect<u32>(flagsOf(512) & (1 << flag)).toBe(before & flagsOf(512) & (1 << flag));
      if (((before >>> flag) & 1) == 0) flagClear(flag, 511);
      expect<u32>(flagsOf(511)).toBe(before);
    }
  });

  test("PG_exported is bit 30, as in the patch", () => {
    flagSet(PG.exported, 5);
    expect<u32>(flagsOf(5) >>> 30).toBe(1);
  });

  test("flagsClear clears those of the mask and no others", () => {
    flagSet(PG.dirty, 9);
    flagSet(PG.anon, 9);
    flagSet(PG.lru, 9);
    const before = flagsOf(9);
    flagsClear((1 << PG.dirty) | (1 << PG.lru) | (1 << PG.ksm), 9);
    expect<u32>(flagsOf(9)).toBe(before & ~((1 << PG.dirty) | (1 << PG.lru)));
  });

  test("setting twice and clearing twice is the same as once", () => {
    flagSet(PG.dirty, 3);
    flagSet(PG.dirty, 3);
    expect<u32>(flagCount(PG.dirty, 0, 600)).toBe(1);
    flagClear(PG.dirty, 3);
    flagClear(PG.dirty, 3);
    expect<u32>(flagCount(PG.dirty, 0, 600)).toBe(0);
    expect<u32>(checkFlags()).toBe(0);
  });

  test("a range that is empty or backwards has nothing in it", () => {
    flagSet(PG.dirty, 3);
    expect<u32>(flagNext(PG.dirty, 3, 3)).toBe(3);
    expect<u32>(flagNext(PG.dirty, 4, 3)).toBe(3);
    expect<u32>(flagCount(PG.dirty, 4, 3)).toBe(0);
    expect<bool>(flagAny(PG.dirty, 4, 4)).toBe(false);
  });

  test("a flag or frame that is not there stops a build with checks", () => {
    expect(() => flagSet(PG.COUNT, 3)).toThrow();
    expect(() => flagSet(PG.dirty, 600)).toThrow();
    expect(() => flagClear(PG.dirty, 600)).toThrow();
    expect(() => {
      flagNext(PG.dirty, 0, 601);
    }).toThrow();
  });
});
