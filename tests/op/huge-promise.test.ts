// What is promised of huge pages: who has it when the pool runs out?

import { describe, expect, test } from "vitest";
import { MADV_DONTNEED, MADV_REMOVE, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../src/constants.ts";
import {
  bootHuge,
  get,
  HUGE,
  HUGE_SHARED,
  huge,
  hugePages,
  mapHuge,
  put,
} from "../support/huge.ts";

describe("promises, as recordings of a pool that runs out show them", () => {
  test("a page that its owner let go of counts as free, while its child has it", async () => {
    const { machine, mm } = bootHuge(2);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    const child = await mm.fork();
    await mm.madvise(...hugePages(0, 1), MADV_DONTNEED);
    expect(machine.hugePages).toEqual({ total: 2, free: 1, reserved: 1 });
    expect(machine.vmstat().hugepages_lent).toBe(1);
    mapHuge(mm, 1, 2);
    expect(machine.hugePages).toEqual({ total: 2, free: 1, reserved: 2 });
    put(mm, 1, 1);
    // Promised, and not there before the child lets go.
    expect(() => put(mm, 0, 2)).toThrow(/SIGBUS/);
    expect(get(child, 0)).toBe(1);
    await child.exit();
    expect(machine.vmstat().hugepages_lent).toBe(0);
    put(mm, 0, 2);
    expect(get(mm, 0)).toBe(2);
  });

  test("a shared area's pages are not to be had for what is mapped over it", () => {
    const { machine, mm } = bootHuge(2);
    mapHuge(mm, 0, 2, HUGE_SHARED);
    put(mm, 0, 1);
    expect(() => mapHuge(mm, 0, 2)).toThrow(/ENOMEM/);
    expect(machine.hugePages).toEqual({ total: 2, free: 2, reserved: 0 });
    mapHuge(mm, 0, 2);
    mapHuge(mm, 0, 2);
    expect(machine.hugePages).toEqual({ total: 2, free: 2, reserved: 2 });
  });

  test.each([
    // Of [0, 3) all of the first file goes, and a part of the other; of [0, 4) both.
    { end: 3, least: 7 },
    { end: 4, least: 8 },
  ])("nor are those of two files in turns: 0-$end takes a pool of $least", ({ end, least }) => {
    for (const pool of [least - 1, least]) {
      const { machine, mm } = bootHuge(pool);
      mapHuge(mm, 0, 2, HUGE_SHARED);
      mapHuge(mm, 4, 6, HUGE_SHARED);
      for (const [from, to] of [
        [1, 2],
        [4, 1],
        [5, 3],
      ] as const) {
        mm.mremapSync(...hugePages(from, from + 1), HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, huge(to));
      }
      const over = () => mapHuge(mm, 0, end);
      if (pool < least) expect(over).toThrow(/ENOMEM/);
      else expect(over()).toBe(huge(0));
      expect(machine.check()).toBe(0);
    }
  });

  test("what a hole took is promised to nobody, though its file has other promises", async () => {
    const { machine, mm } = bootHuge(3);
    mapHuge(mm, 0, 2, HUGE_SHARED);
    put(mm, 0, 1);
    await mm.madvise(...hugePages(0, 1), MADV_REMOVE);
    expect(machine.hugePages).toEqual({ total: 3, free: 3, reserved: 1 });
    mapHuge(mm, 2, 4);
    expect(() => get(mm, 0)).toThrow(/SIGBUS/);
    expect(get(mm, 1)).toBe(0);
  });
});
