// The paths that must cost nothing: no allocation, one call into the engine.

import { expect, test } from "vitest";
import { MADV_NORMAL, MAP_FIXED } from "../../src/constants.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineExports } from "../../src/engine/exports.ts";
import { instantiate } from "../../src/engine/load.ts";
import type { Mm } from "../../src/mm.ts";
import { at, boot, engineModule, MIB, PAGE, PRIVATE, READ_WRITE } from "../support/boot.ts";

const WARM_UP = 30_000;
const ROUNDS = 10_000;
const TRIALS = 15;

test("munmapSync without exports is one engine call and one status check", () => {
  const real = instantiate(engineModule("release"));
  const calls: string[] = [];
  const counted = Object.fromEntries(
    Object.entries(real).map(([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const call = value as (...args: number[]) => number;
      return [
        name,
        (...args: number[]) => {
          calls.push(name);
          return call(...args);
        },
      ];
    }),
  );
  const engine = new Engine(counted as unknown as EngineExports);
  engine.start(256);
  const mm = engine.createMm(0x7fff_0000_0000, 0x5555_0000_0000);
  calls.length = 0;
  expect(engine.munmap(mm, at(0), PAGE)).toBe(0);
  expect(calls).toEqual(["mm_munmap"]);
});

const HOT = {
  munmapSync: (mm: Mm) => mm.munmapSync(at(100), PAGE),
  mmapSync: (mm: Mm) => mm.mmapSync(at(8), PAGE, READ_WRITE, PRIVATE | MAP_FIXED),
  faultSync: (mm: Mm) => mm.faultSync(at(0)),
  mprotectSync: (mm: Mm) => mm.mprotectSync(at(0), PAGE, READ_WRITE),
  madviseSync: (mm: Mm) => mm.madviseSync(at(0), PAGE, MADV_NORMAL),
};

test.each(Object.entries(HOT))("%s makes no objects", (_name, run) => {
  const { mm } = boot("wwww", { build: "release", memory: 4 * MIB });
  for (let round = 0; round < WARM_UP; round++) run(mm);
  const perCall = Array.from({ length: TRIALS }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < ROUNDS; round++) run(mm);
    return (process.memoryUsage().heapUsed - before) / ROUNDS;
  }).sort((a, b) => a - b);
  // A collection makes a trial negative, a compilation makes one large: the median is neither.
  // A returned address may be a boxed number (12 bytes); one plan would be hundreds of bytes.
  expect(perCall[TRIALS >> 1]).toBeLessThan(20);
});
