// Drivers that ask for what cannot be, and visitors that change what they walk over: an error each,
// nothing changed that was not asked for, and an engine that goes on.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MADV_DONTNEED, PROT_READ } from "../../src/constants.ts";
import { MemoryError } from "../../src/errors.ts";
import type { DevicePage, PageVisitor } from "../../src/pfn-range.ts";
import { at, PAGE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { type Driver, driver, SHARED, show } from "../support/driver.ts";
import { errorOf } from "../support/holder.ts";
import { SEED } from "../support/prng.ts";

type Ask = (driver: Driver, value: number) => unknown;

/** Each number that a driver passes, with the others as they should be. */
const NUMBERS: Record<string, Ask> = {
  "remap address": ({ mm, device }, value) =>
    mm.remapPfnRangeSync(value, device.pfn, PAGE, PROT_READ),
  "remap pfn": ({ mm }, value) => mm.remapPfnRangeSync(at(8), value, PAGE, PROT_READ),
  "remap length": ({ mm, device }, value) =>
    mm.remapPfnRangeSync(at(8), device.pfn, value, PROT_READ),
  "remap prot": ({ mm, device }, value) => mm.remapPfnRangeSync(at(8), device.pfn, PAGE, value),
  "apply address": ({ mm, device }, value) =>
    mm.applyToPageRangeSync(value, PAGE, () => ({ pfn: device.pfn })),
  "apply length": ({ mm, device }, value) =>
    mm.applyToPageRangeSync(at(8), value, ({ address }) =>
      address === at(8) || address >= at(12) ? { pfn: device.pfn } : undefined,
    ),
  "apply pfn": ({ mm }, value) => mm.applyToPageRangeSync(at(8), PAGE, () => ({ pfn: value })),
};

const WRONG_TYPES: readonly unknown[] = [
  0.5,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  "4096",
  1n,
  null,
  {},
  true,
  undefined,
  Symbol.iterator,
];

const ODD = [
  ...[1, -1, 4095, -4095, -4096, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 44, 2 ** 47 - 1, 2 ** 47],
  ...[2 ** 53, 2 ** 63, 2 ** 64 - 4096, 2 ** 64, -(2 ** 63), 1e300, -1e300, at(8) + 1, at(12)],
];

/** Which of them are right after all: a length is rounded up. */
const VALID: Record<string, readonly number[]> = {
  "remap length": [1, 4095],
  "remap prot": [PROT_READ],
};

/** All that a driver could have changed. */
function look({ mm, machine }: Driver): unknown[] {
  return [mm.maps(), strip(mm, 12), mm.areas().map(({ flags }) => flags), machine.frames.free];
}

/** What a call threw: null where it did what it was asked. */
function caught(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

describe("a wrong type is a TypeError and nothing changed", () => {
  test.each(Object.keys(NUMBERS))("%s", (name) => {
    const booted = driver("w_r");
    const before = look(booted);
    for (const value of WRONG_TYPES) {
      expect(() => NUMBERS[name]?.(booted, value as number)).toThrow(TypeError);
    }
    expect(look(booted)).toEqual(before);
    expect(booted.machine.check()).toBe(0);
  });

  test("visitors, and what they answer", async () => {
    const booted = driver("w_r");
    const { mm, device } = booted;
    const before = look(booted);
    for (const visit of [undefined, null, 5, {}, "visit"]) {
      expect(() => mm.applyToPageRangeSync(at(8), PAGE, visit as never)).toThrow(TypeError);
      const failed = await errorOf(mm.applyToPageRange(at(8), PAGE, visit as never));
      expect(failed).toBeInstanceOf(TypeError);
    }
    for (const answer of [null, 5, "page", true, {}, { pfn: device.pfn, write: 1 }, []]) {
      const visit = () => answer as unknown as DevicePage;
      expect(() => mm.applyToPageRangeSync(at(8), PAGE, visit)).toThrow(TypeError);
      expect(await errorOf(mm.applyToPageRange(at(8), PAGE, visit))).toBeInstanceOf(TypeError);
    }
    const late = () => Promise.resolve({ pfn: device.pfn }) as never;
    expect(() => mm.applyToPageRangeSync(at(8), PAGE, late)).toThrow(TypeError);
    expect(look(booted)).toEqual(before);
  });
});

describe("a wrong value is an errno, and nothing changed", () => {
  test.each(Object.keys(NUMBERS))("%s", (name) => {
    for (const value of ODD) {
      const booted = driver("w_r");
      const before = look(booted);
      const error = caught(() => NUMBERS[name]?.(booted, value));
      expect([value, error === null]).toEqual([value, VALID[name]?.includes(value) ?? false]);
      if (error === null) continue;
      expect(error instanceof MemoryError || error instanceof RangeError).toBe(true);
      expect(look(booted)).toEqual(before);
      expect(booted.machine.check()).toBe(0);
    }
  });

  test("frames that are no device's, not all one device's, or 2 ** 32 further on", () => {
    const booted = driver("w_r");
    const { mm, device, machine } = booted;
    machine.allocateDevice(1);
    const before = look(booted);
    const wrong: [pfn: number, count: number][] = [
      [0, 1],
      [mm.page(at(0))?.pfn ?? 0, 1],
      [device.pfn - 1, 1],
      [device.pfn + 1, 4],
      [device.pfn + 2 ** 32, 1],
      [machine.frames.total, 1],
    ];
    for (const [pfn, count] of wrong) {
      expect(() => mm.remapPfnRangeSync(at(8), pfn, count * PAGE, PROT_READ)).toThrow(/EINVAL/);
    }
    expect(look(booted)).toEqual(before);
  });

  test("a device that is gone, a space that is gone", async () => {
    const booted = driver("w_r");
    const { mm, device, machine } = booted;
    device.release();
    const visit = () => ({ pfn: device.pfn });
    const before = look(booted);
    expect(() => mm.remapPfnRangeSync(at(8), device.pfn, PAGE, PROT_READ)).toThrow(/EINVAL/);
    expect(() => mm.applyToPageRangeSync(at(8), PAGE, visit)).toThrow(/EINVAL/);
    expect(await errorOf(mm.applyToPageRange(at(8), PAGE, visit))).toMatchObject({
      code: "EINVAL",
      op: "applyToPageRange",
    });
    expect(look(booted)).toEqual(before);
    expect(() => device.release()).toThrow(/EBADF/);
    mm.exitSync();
    expect(() => mm.remapPfnRangeSync(at(8), device.pfn, PAGE, PROT_READ)).toThrow(/ESRCH/);
    expect(() => mm.applyToPageRangeSync(at(8), PAGE, visit)).toThrow(/ESRCH/);
    expect(machine.check()).toBe(0);
  });
});

/** What a visitor does to the ground it walks on, before it wants a page of the device there. */
const DEEDS: Record<string, (driver: Driver) => unknown> = {
  "unmaps the range": ({ mm }) => mm.munmapSync(...pages(8, 12)),
  "maps over it": ({ mm }) => mm.mmapSync(...pages(8, 12), READ_WRITE, SHARED),
  "writes to it": ({ mm }) => mm.writeSync(at(9), Uint8Array.of(1)),
  "clears it": ({ mm }) => mm.madviseSync(...pages(8, 12), MADV_DONTNEED),
  "makes it a device's": (booted) => show(booted),
  "moves it": ({ mm }) => mm.mremapSync(at(8), 4 * PAGE, 4 * PAGE, 3, at(32)),
  "walks over it as well": ({ mm, device }) =>
    mm.applyToPageRangeSync(...pages(8, 12), () => ({ pfn: device.pfn + 1 })),
  forks: ({ mm }) => mm.forkSync(),
  exits: ({ mm }) => mm.exitSync(),
  "releases the device": ({ device }) => device.release(),
};

describe("a visitor that", () => {
  test.each(Object.keys(DEEDS))("%s", async (name) => {
    for (const isSync of [true, false]) {
      const booted = driver("w_r");
      const { mm, device, machine } = booted;
      let visits = 0;
      const visit: PageVisitor = ({ address }) => {
        if (visits++ === 1) DEEDS[name]?.(booted);
        return { pfn: device.pfn + (address - at(8)) / PAGE, write: true };
      };
      const error = isSync
        ? caught(() => mm.applyToPageRangeSync(...pages(8, 12), visit))
        : await mm.applyToPageRange(...pages(8, 12), visit).then(
            () => null,
            (cause) => cause,
          );
      expect(error === null || error instanceof MemoryError).toBe(true);
      expect(visits).toBe(4);
      expect(machine.check()).toBe(0);
      if (mm.isAlive) mm.exitSync();
      for (const other of machine.mms) other.exitSync();
      if (!device.isReleased) device.release();
      expect([machine.load, machine.check()]).toEqual([{ brackets: 0, waiting: 0 }, 0]);
    }
  });
});

test("any numbers, anywhere: nothing traps the engine", () => {
  const odd = fc.oneof(
    fc.constantFrom(...ODD),
    fc.maxSafeInteger(),
    fc.nat({ max: 16 }).map((page) => at(page)),
    fc.nat({ max: 8 }).map((page) => page * PAGE),
    fc.nat({ max: 300 }),
  );
  const ask = fc.record({ address: odd, pfn: odd, length: odd, prot: odd, walks: fc.boolean() });
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 20 }), (asked) => {
      const { mm, device, machine } = driver("w_r");
      for (const { address, pfn, length, prot, walks } of asked) {
        const visit = () => ({ pfn: pfn % 2 ? pfn : device.pfn, write: true });
        const error = caught(() => {
          if (walks) mm.applyToPageRangeSync(address, length, visit);
          else mm.remapPfnRangeSync(address, pfn % 2 ? pfn : device.pfn, length, prot);
        });
        expect(error === null || error instanceof MemoryError || error instanceof RangeError).toBe(
          true,
        );
      }
      expect(machine.check()).toBe(0);
    }),
    { seed: SEED, numRuns: 200 },
  );
});
