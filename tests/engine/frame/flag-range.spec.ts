import { PG } from "../../../assembly/abi";
import { checkFlags } from "../../../assembly/frame/check";
import {
  flagAll,
  flagClearRange,
  flagCount,
  flagSetRange,
} from "../../../assembly/frame/flag-range";
import { flagSet, flagsLive, flagTest } from "../../../assembly/frame/flags";
import { below, randomReset, seeded } from "../random";
import { remake } from "./arena";

const FRAMES: u32 = 1400;
const EDGES: StaticArray<u32> = [0, 1, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 1399, 1400];

function isExactly(start: u32, end: u32): bool {
  for (let pfn: u32 = 0; pfn < FRAMES; pfn++) {
    if (flagTest(PG.dirty, pfn) != (pfn >= start && pfn < end)) return false;
  }
  return true;
}

describe("flag ranges", () => {
  beforeEach(() => remake(FRAMES));

  test("set is exactly [start, end), at every edge of a word and a line", () => {
    let wrong: u32 = 0;
    for (let i = 0; i < EDGES.length; i++) {
      for (let j = 0; j < EDGES.length; j++) {
        flagSetRange(PG.dirty, EDGES[i], EDGES[j]);
        if (!isExactly(EDGES[i], EDGES[j])) wrong += 1;
        wrong += checkFlags();
        flagClearRange(PG.dirty, 0, FRAMES);
        if (flagsLive & (1 << PG.dirty)) wrong += 1;
      }
    }
    expect<u32>(wrong).toBe(0);
  });

  test("clear leaves exactly what is outside [start, end)", () => {
    let wrong: u32 = 0;
    for (let i = 0; i < EDGES.length; i++) {
      for (let j = i; j < EDGES.length; j++) {
        flagSetRange(PG.dirty, 0, FRAMES);
        flagClearRange(PG.dirty, EDGES[i], EDGES[j]);
        const gone = EDGES[j] - EDGES[i];
        if (flagCount(PG.dirty, EDGES[i], EDGES[j]) != 0) wrong += 1;
        if (flagCount(PG.dirty, 0, FRAMES) != FRAMES - gone) wrong += 1;
        wrong += checkFlags();
      }
    }
    expect<u32>(wrong).toBe(0);
  });

  test("a line is counted as a whole when its bits are all set, and when one is missing", () => {
    flagSetRange(PG.dirty, 0, FRAMES);
    expect<u32>(flagCount(PG.dirty, 512, 1024)).toBe(512);
    flagClearRange(PG.dirty, 700, 701);
    expect<u32>(flagCount(PG.dirty, 512, 1024)).toBe(511);
    expect<bool>(flagAll(PG.dirty, 512, 1024)).toBe(false);
    expect<bool>(flagAll(PG.dirty, 512, 700)).toBe(true);
    expect<bool>(flagAll(PG.dirty, 701, FRAMES)).toBe(true);
    expect<bool>(flagAll(PG.dirty, 700, 701)).toBe(false);
    expect<bool>(flagAll(PG.dirty, 700, 700)).toBe(true);
  });

  test(seeded("random ranges agree with setting frame by frame"), () => {
    randomReset();
    const model = new StaticArray<bool>(FRAMES);
    let wrong: u32 = 0;
    for (let step = 0; step < 300; step++) {
      const start = below(FRAMES);
      const end = start + below(FRAMES + 1 - start);
      const isSet = below(2) == 0;
      if (isSet) flagSetRange(PG.dirty, start, end);
      else flagClearRange(PG.dirty, start, end);
      let count: u32 = 0;
      for (let pfn: u32 = 0; pfn < FRAMES; pfn++) {
        if (pfn >= start && pfn < end) model[pfn] = isSet;
        if (model[pfn]) count += 1;
        if (flagTest(PG.dirty, pfn) != model[pfn]) wrong += 1;
      }
      if (flagCount(PG.dirty, 0, FRAMES) != count) wrong += 1;
      wrong += checkFlags();
    }
    expect<u32>(wrong).toBe(0);
  });

  test("a range past the last frame stops a build with checks", () => {
    flagSet(PG.dirty, 0);
    expect(() => flagSetRange(PG.dirty, 0, FRAMES + 1)).toThrow();
    expect(() => flagClearRange(PG.dirty, 0, FRAMES + 1)).toThrow();
    expect(() => {
      flagCount(PG.dirty, 0, FRAMES + 1);
    }).toThrow();
  });
});
