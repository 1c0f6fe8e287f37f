// Does the reverse map come to every place of a page, however many there are, and to no other?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import { at, BASE, boot, MIB, PAGE, PRIVATE, pages, READ_WRITE, range } from "../support/boot.ts";
import { prng, SEED } from "../support/prng.ts";

/** What walking every page table finds: the truth that the reverse map must agree with. */
function walked(machine: Machine, pfn: number): string[] {
  return machine.mms
    .flatMap((mm) =>
      [...mm.pagemap()]
        .filter((page) => page.present && page.pfn === pfn)
        .map(({ address }) => `${mm.id}:${address}`),
    )
    .sort();
}

function placed(machine: Machine, pfn: number | number[]): string[] {
  return [...machine.places(pfn)].map(({ mm, address }) => `${mm.id}:${address}`).sort();
}

function pfnOf(mm: Mm, page: number): number {
  return mm.page(at(page))?.pfn ?? 0;
}

describe("one frame", () => {
  test("of one process, of its children, and of one that moved it", () => {
    const { machine, mm } = boot("ww");
    const pfn = pfnOf(mm, 1);
    expect([...machine.places(pfn)]).toEqual([{ pfn, mm, address: at(1) }]);
    const child = mm.forkSync();
    const grandchild = child.forkSync();
    grandchild.mremapSync(at(1), PAGE, PAGE, 3, at(9));
    expect(placed(machine, pfn)).toEqual(
      [`${mm.id}:${at(1)}`, `${child.id}:${at(1)}`, `${grandchild.id}:${at(9)}`].sort(),
    );
    child.exitSync();
    expect(placed(machine, pfn)).toEqual(walked(machine, pfn));
  });

  test("of a file, shared and private, twice in one process", () => {
    const { machine, mm } = boot();
    const file = machine.createFile({ size: 2 * PAGE });
    mm.mmapSync(...pages(0, 2), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.mmapSync(...pages(4, 6), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.writeSync(at(0), Uint8Array.of(1));
    mm.readSync(at(4), 1);
    const other = machine.createMm();
    other.mmapSync(...pages(2, 4), READ_WRITE, 2 | MAP_FIXED, file);
    other.readSync(at(2), 1);
    const pfn = pfnOf(mm, 0);
    expect(placed(machine, pfn)).toHaveLength(3);
    expect(placed(machine, pfn)).toEqual(walked(machine, pfn));
  });

  test("none: nobody's, the zero page, a page table, no frame at all", () => {
    const { machine, mm } = boot("_");
    mm.readSync(at(0), 1);
    expect(mm.page(at(0))?.pfn).toBe(0);
    for (let pfn = 0; pfn < machine.frames.total; pfn += 1) {
      expect([...machine.places(pfn)]).toEqual([]);
    }
    expect([...machine.places(2 ** 40)]).toEqual([]);
    expect(() => machine.places(-1)).toThrow(RangeError);
    expect(() => machine.places(null as never)).toThrow(TypeError);
    expect(() => machine.places(["1"] as never)).toThrow(TypeError);
  });
});

describe("many", () => {
  test("several frames in the order asked for, one more than a batch", () => {
    const count = 4097;
    const { machine, mm } = boot("", { memory: 32 * MIB, build: "release" });
    mm.mmapSync(BASE, count * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
    const asked: number[] = [];
    for (let page = 0; page < count; page++) asked.unshift(mm.faultSync(at(page), { write: true }));
    const seen = [...machine.places(new Set(asked))];
    expect(seen.map(({ pfn }) => pfn)).toEqual(asked);
    expect(seen.map(({ address }) => address)).toEqual(asked.map((_, i) => at(count - 1 - i)));
  });

  test("one frame at 65,536 places: all are found, and all are told of", () => {
    const { machine, mm, register } = boot("", { memory: 64 * MIB, build: "release" });
    const file = machine.createFile({ size: PAGE });
    // Each window of the file is an area of its own: the places are 65,536 over two processes.
    const others = [mm, machine.createMm()];
    for (const one of others) {
      for (let page = 0; page < 32_768; page++) {
        one.mmapSync(at(page * 2), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
        one.faultSync(at(page * 2), { write: true });
      }
    }
    const pfn = pfnOf(mm, 0);
    const seen = [...machine.places(pfn)];
    expect(seen).toHaveLength(65_536);
    expect(new Set(seen.map((place) => `${place.mm.id}:${place.address}`)).size).toBe(65_536);
    expect(mm.page(at(0))?.mapCount).toBe(65_536);
    register({});
    expect(machine.check()).toBe(0);
  });

  test("a page of 6,000 processes that moves: every place is in `why.places`", () => {
    const { machine, mm, register } = boot("w", { memory: 256 * MIB, build: "release" });
    const children = Array.from({ length: 5_999 }, () => mm.forkSync());
    let places = 0;
    const holder = register({
      sync: true,
      invalidatePage(_page, why) {
        places = why.places.length;
        holder.release();
      },
    });
    holder.exportSync(mm, at(0), { write: false });
    const moved = machine.migrateSync(pfnOf(mm, 0));
    expect(places).toBe(6_000);
    expect(children.every((child) => pfnOf(child, 0) === moved)).toBe(true);
  });
});

test("mappedIn: one area's place, or none", () => {
  const { machine, mm } = boot("ww.ww");
  const [first, last] = [pfnOf(mm, 0), pfnOf(mm, 4)];
  expect(mm.mappedIn(at(1), first)).toBe(at(0));
  expect(mm.mappedIn(at(3), first)).toBe(null);
  expect(mm.mappedIn(at(3), last)).toBe(at(4));
  expect(mm.mappedIn(at(2), last)).toBe(null);
  expect([0, 2 ** 40].map((pfn) => mm.mappedIn(at(0), pfn))).toEqual([null, null]);
  expect(mm.mappedIn(2 ** 60, first)).toBe(null);
  const child = mm.forkSync();
  child.writeSync(at(0), Uint8Array.of(9));
  expect(child.mappedIn(at(0), first)).toBe(null);
  expect(child.mappedIn(at(0), pfnOf(child, 0))).toBe(at(0));
  expect(machine.check()).toBe(0);
});

test("random forks, moves and unmaps: the reverse map agrees with the page tables", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 40 }), (steps) => {
      const { machine, mm } = boot("wwwwwwww");
      for (const step of steps) {
        const mms = machine.mms;
        const one = mms[step % mms.length] as Mm;
        const page = (step >>> 3) % 8;
        if (step % 5 === 0 && mms.length < 6) one.forkSync();
        else if (step % 5 === 1) one.munmapSync(...pages(page, page + 1));
        else if (step % 5 === 2 && mms.length > 1) one.exitSync();
        else if (one.page(at(page)) !== null && step % 2) one.writeSync(at(page), Uint8Array.of(1));
        else one.mmapSync(...pages(page, page + 1), READ_WRITE, PRIVATE | MAP_FIXED);
      }
      const frames = new Set(machine.mms.flatMap((one) => [...one.pagemap()].map((p) => p.pfn)));
      for (const pfn of frames) {
        if (pfn !== 0) expect(placed(machine, pfn)).toEqual(walked(machine, pfn));
      }
      expect(mm.id).toBeGreaterThan(0);
    }),
    { numRuns: 60, seed: SEED },
  );
});

test("the zero page, held many times: each is found, counted and let go", () => {
  const { machine, mm, register } = boot("", { memory: 16 * MIB, build: "release" });
  const count = 2_000;
  const holders = [register({ name: "one" }), register({ name: "two" })] as const;
  mm.mmapSync(BASE, count * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
  mm.readSync(BASE, count * PAGE);
  for (const holder of holders) holder.exportRangeSync(mm, ...range(0, count));
  expect(mm.page(at(7))).toMatchObject({ pfn: 0, exports: 2 * count, exported: true });
  const order = prng(SEED);
  for (let round = 0; round < count; round++) {
    const page = order.below(count);
    const before = holders[0].exportedCount;
    const had = holders[0].unexport(mm, at(page));
    expect(holders[0].exportedCount).toBe(had ? before - 1 : before);
    if (round % 100 === 0) expect(machine.check()).toBe(0);
  }
  expect(holders[1].exportedCount).toBe(count);
  holders[1].release();
  holders[0].release();
  expect(mm.page(at(7))).toMatchObject({ exports: 0, exported: false });
  expect(machine.check()).toBe(0);
});
