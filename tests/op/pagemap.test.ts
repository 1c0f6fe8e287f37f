// Do pagemap and its scan say of every page what Linux would?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MADV_PAGEOUT,
  MAP_FIXED,
  MAP_SHARED,
  PAGE_IS_FILE,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_SWAPPED,
  PAGE_IS_WRITTEN,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import type { PagemapScanOptions } from "../../src/pagemap.ts";
import { at, BASE, boot, MIB, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";
import { storeOf } from "../support/store.ts";

const ONE = Uint8Array.of(1);
const THERE = PAGE_IS_PRESENT | PAGE_IS_WRITTEN;

//   0 1       2      3        4        5      6 7        8 9
//   written   zero   swapped  a file's  copy  untouched  unmapped
async function varied() {
  const store = storeOf(false);
  const booted = boot("ww_w..__", { swap: { pages: 16, backing: store } });
  const { mm, machine } = booted;
  mm.readSync(at(2), 1);
  await mm.madvise(...pages(3, 4), MADV_PAGEOUT);
  await store.answer();
  const file = machine.createFile({ size: 2 * PAGE });
  file.writeSync(0, new Uint8Array(2 * PAGE));
  mm.mmapSync(at(4), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  mm.mmapSync(at(5), PAGE, READ_WRITE, 2 | MAP_FIXED, file, PAGE);
  mm.readSync(at(4), 1);
  mm.writeSync(at(5), ONE);
  return booted;
}

/** Ranges by page number: "0-2 88". */
function scan(mm: Mm, options: PagemapScanOptions = {}): string[] {
  return mm.pagemapScan(options).ranges.map(({ start, end, categories }) => {
    return `${(start - BASE) / PAGE}-${(end - BASE) / PAGE} ${categories.toString(16)}`;
  });
}

describe("pagemap", () => {
  test("present, swapped, of a file, alone: each as it is", async () => {
    const { mm } = await varied();
    const seen = Array.from(mm.pagemap(), (page) => [
      (page.address - BASE) / PAGE,
      page.present ? "present" : "absent",
      page.swapped ? `slot ${page.swapSlot}` : "-",
      page.file ? "file" : "anon",
      page.exclusive ? "alone" : "-",
    ]);
    expect(seen).toEqual([
      [0, "present", "-", "anon", "alone"],
      [1, "present", "-", "anon", "alone"],
      [2, "present", "-", "anon", "-"],
      [3, "absent", "slot 0", "anon", "-"],
      [4, "present", "-", "file", "alone"],
      [5, "present", "-", "anon", "alone"],
    ]);
    const child = mm.forkSync();
    expect(mm.page(at(0))).toMatchObject({ exclusive: false, mapCount: 2, softDirty: true });
    child.writeSync(at(0), ONE);
    expect(mm.page(at(0))).toMatchObject({ exclusive: true, mapCount: 1 });
  });

  test("page() and pagemap() say the same", async () => {
    const { mm } = await varied();
    for (const info of mm.pagemap()) expect(mm.page(info.address)).toMatchObject({ ...info });
  });
});

describe("pagemapScan", () => {
  const SOFT = PAGE_IS_SOFT_DIRTY;

  test("every page of every area, with or without an entry", async () => {
    const { mm } = await varied();
    const written = (THERE | SOFT).toString(16);
    const zero = (THERE | SOFT | PAGE_IS_PFNZERO).toString(16);
    const swapped = (PAGE_IS_SWAPPED | PAGE_IS_WRITTEN | SOFT).toString(16);
    const ofFile = (THERE | SOFT | PAGE_IS_FILE).toString(16);
    const all = [
      `0-2 ${written}`,
      `2-3 ${zero}`,
      `3-4 ${swapped}`,
      `4-5 ${ofFile}`,
      `5-6 ${written}`,
      `6-8 ${SOFT.toString(16)}`,
    ];
    expect(scan(mm)).toEqual(all);
    mm.clearSoftDirtySync();
    expect(scan(mm, { categoryMask: SOFT })).toEqual([]);
    mm.writeSync(at(1), ONE);
    mm.writeSync(at(6), ONE);
    expect(scan(mm, { categoryMask: SOFT, returnMask: SOFT })).toEqual(["1-2 80", "6-7 80"]);
  });

  test("masks: all of, none of, one of", async () => {
    const { mm } = await varied();
    expect(scan(mm, { categoryMask: PAGE_IS_PRESENT, returnMask: 0 })).toEqual(["0-3 0", "4-6 0"]);
    expect(
      scan(mm, {
        categoryMask: PAGE_IS_PRESENT | PAGE_IS_PFNZERO,
        categoryInverted: PAGE_IS_PFNZERO,
        returnMask: PAGE_IS_FILE,
      }),
    ).toEqual(["0-2 0", "4-5 4", "5-6 0"]);
    const anyOf = { categoryAnyOf: PAGE_IS_SWAPPED | PAGE_IS_FILE, returnMask: PAGE_IS_SWAPPED };
    expect(scan(mm, anyOf)).toEqual(["3-4 10", "4-5 0"]);
    // What is not there at all: pages that are neither present nor swapped.
    const none = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
    expect(scan(mm, { categoryMask: none, categoryInverted: none, returnMask: 0 })).toEqual([
      "6-8 0",
    ]);
  });

  test("a part of it, and no more than so many pages", async () => {
    const { mm } = await varied();
    const only = { returnMask: 0, start: at(1) };
    expect(mm.pagemapScan({ ...only, end: at(3) }).walkEnd).toBe(at(3));
    expect(scan(mm, { ...only, end: at(3) })).toEqual(["1-3 0"]);
    expect(scan(mm, { ...only, maxPages: 4 })).toEqual(["1-5 0"]);
    expect(mm.pagemapScan({ ...only, maxPages: 4 }).walkEnd).toBe(at(5));
    expect(mm.pagemapScan({ ...only, maxPages: 6 }).walkEnd).toBe(at(7));
    expect(mm.pagemapScan({ maxPages: 0 })).toEqual({ ranges: [], walkEnd: 0 });
  });

  test("what is no scan", () => {
    const { mm } = boot("w");
    for (const bad of [{ start: 1 }, { end: at(0) + 1 }, { start: at(1), end: at(0) }]) {
      expect(() => mm.pagemapScan(bad)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    }
    for (const name of ["categoryMask", "categoryAnyOf", "categoryInverted", "returnMask"]) {
      const unknown = { [name]: 0x200 };
      expect(() => mm.pagemapScan(unknown)).toThrow(expect.objectContaining({ code: "EINVAL" }));
      expect(() => mm.pagemapScan({ [name]: "1" })).toThrow(TypeError);
    }
    expect(() => mm.pagemapScan(null as never)).toThrow(TypeError);
    mm.exitSync();
    expect(() => mm.pagemapScan()).toThrow(expect.objectContaining({ code: "ESRCH" }));
  });

  test("more ranges than one window holds, and one range over many tables", () => {
    const { mm } = boot("", { memory: 64 * MIB, build: "release" });
    const count = 8_000;
    mm.mmapSync(BASE, count * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
    for (let page = 0; page < count; page += 2) mm.faultSync(at(page), { write: true });
    const { ranges, walkEnd } = mm.pagemapScan({ categoryMask: PAGE_IS_PRESENT });
    expect(ranges.map(({ start }) => start)).toEqual(
      Array.from({ length: count / 2 }, (_, index) => at(2 * index)),
    );
    expect(walkEnd).toBeGreaterThan(at(count));
    for (let page = 1; page < count; page += 2) mm.faultSync(at(page), { write: true });
    expect(scan(mm, { categoryMask: PAGE_IS_PRESENT, returnMask: 0 })).toEqual([`0-${count} 0`]);
  });
});

test("random spaces: a scan finds what pagemap says", () => {
  const action = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 23 }));
  fc.assert(
    fc.property(fc.array(action), fc.nat({ max: 511 }), (actions, mask) => {
      const { mm } = boot("wwww____rrrr..__wwww____");
      mm.clearSoftDirtySync();
      for (const [what, page] of actions) {
        try {
          if (what === 0) mm.writeSync(at(page), ONE);
          if (what === 1) mm.readSync(at(page), 1);
          if (what === 2) mm.munmapSync(...pages(page, page + 1));
          if (what === 3) mm.mprotectSync(...pages(page, page + 1), PROT_READ);
        } catch {
          // Nothing is mapped there.
        }
      }
      const wanted = mask & ~PAGE_IS_SOFT_DIRTY;
      const scanned = mm.pagemapScan({ categoryMask: wanted, returnMask: PAGE_IS_PRESENT });
      const found = new Set<number>();
      for (const { start, end } of scanned.ranges) {
        for (let address = start; address < end; address += PAGE) found.add(address);
      }
      for (let page = 0; page < 24; page++) {
        const info = mm.page(at(page));
        const isMapped = mm.areas().some(({ start, end }) => start <= at(page) && at(page) < end);
        const is = info?.present ? THERE | (info.pfn === 0 ? PAGE_IS_PFNZERO : 0) : 0;
        expect(found.has(at(page))).toBe(isMapped && (is & wanted) === wanted);
      }
    }),
    { numRuns: 200, seed: SEED },
  );
});
