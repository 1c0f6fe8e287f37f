// Do equal pages become one, and stay everybody's own to write, whatever is done to them?

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MADV_UNMERGEABLE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import { at, PAGE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { crowd, firsts, mergeAll, pfnOf, twins } from "../support/twins.ts";

const ONE = Uint8Array.of(1);

describe("what becomes one", () => {
  test("equal pages of two address spaces, from the second pass on", () => {
    const { mm, other, machine } = twins();
    const first = machine.mergePagesSync();
    expect(first).toEqual({ scanned: 4, merged: 0, skipped: 0, isPassDone: true });
    expect(machine.mergePagesSync()).toEqual({ ...first, merged: 1 });
    expect(pfnOf(mm)).toBe(pfnOf(other));
    expect([strip(mm, 2), strip(other, 2)]).toEqual(["rw", "rw"]);
    expect(mm.readSync(at(0), PAGE)).toEqual(other.readSync(at(0), PAGE));
    expect(machine.merging).toEqual({ pagesShared: 1, pagesSharing: 1, fullScans: 2 });
    // What is merged already is nothing to do.
    expect(machine.mergePagesSync()).toEqual(first);
  });

  test("pages that MADV_FREE marked: what is merged has contents that stay", () => {
    const { mm, other, machine } = twins();
    machine.mergePagesSync();
    mm.madviseSync(...pages(0, 1), MADV_FREE);
    other.madviseSync(...pages(0, 1), MADV_FREE);
    expect(machine.mergePagesSync()).toMatchObject({ merged: 1 });
    expect(machine.check()).toBe(0);
    mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
    machine.reclaimSync({ pages: 100 });
    expect(mm.readSync(at(0), PAGE)).toEqual(other.readSync(at(0), PAGE));
    expect(strip(mm, 1)).toBe("r");
  });

  test("children that come and go leave nothing behind", () => {
    const { mm, machine } = twins();
    mergeAll(machine);
    // A successor each time, so that the last one is always there.
    let last = mm.forkSync();
    const slabs = machine.vmstat().nr_slab;
    for (let round = 0; round < 600; round++) {
      const next = mm.forkSync();
      last.exitSync();
      last = next;
    }
    expect(machine.vmstat().nr_slab).toBe(slabs);
    expect(machine.check()).toBe(0);
  });

  test("many of them: their frames are free", () => {
    const { machine, mm } = crowd(40);
    const { free } = machine.frames;
    expect(mergeAll(machine)).toMatchObject({ merged: 39 });
    expect(machine.frames.free).toBeGreaterThan(free + 36);
    expect(machine.merging).toMatchObject({ pagesShared: 1, pagesSharing: 39 });
    expect(mm.page(at(0))).toMatchObject({ mapCount: 40, refCount: 40, writable: false });
    expect(firsts(mm, 40)).toEqual(Array.from({ length: 40 }, () => 7));
  });

  test("an equal page that comes later goes to the merged one at once", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    other.writeSync(at(1), mm.readSync(at(0), PAGE));
    expect(machine.mergePagesSync()).toMatchObject({ merged: 1 });
    expect(pfnOf(other, 1)).toBe(pfnOf(mm));
    expect(machine.merging).toMatchObject({ pagesShared: 1, pagesSharing: 2 });
  });

  test("not a page that changes between passes", () => {
    const { machine, mm, other } = twins();
    for (let byte = 1; byte < 5; byte++) {
      expect(machine.mergePagesSync().merged).toBe(0);
      mm.writeSync(at(0) + 9, Uint8Array.of(byte));
      other.writeSync(at(0) + 9, Uint8Array.of(byte));
    }
  });

  test("not without MADV_MERGEABLE, nor where one of several places lacks it", () => {
    const { machine, mm, other } = twins();
    const child = mm.forkSync();
    child.madviseSync(...pages(0, 1), MADV_UNMERGEABLE);
    mergeAll(machine);
    expect(machine.mergePagesSync().merged).toBe(0);
    expect(pfnOf(mm)).toBe(pfnOf(child));
    child.exitSync();
    expect(mergeAll(machine).merged).toBe(1);
    expect(pfnOf(mm)).toBe(pfnOf(other));
  });

  test("`pages` at a time, going on where it stopped", () => {
    const { machine } = crowd(10);
    expect(machine.mergePagesSync({ pages: 4 })).toEqual({
      scanned: 4,
      merged: 0,
      skipped: 0,
      isPassDone: false,
    });
    expect(machine.mergePagesSync({ pages: 6 }).isPassDone).toBe(false);
    expect(machine.mergePagesSync({ pages: 1 })).toMatchObject({ scanned: 0, isPassDone: true });
    expect(machine.mergePagesSync({ pages: 0 })).toMatchObject({ scanned: 0, isPassDone: false });
    let merged = 0;
    for (let turn = 0; turn < 4; turn++) merged += machine.mergePagesSync({ pages: 3 }).merged;
    expect(merged).toBe(9);
    expect(() => machine.mergePagesSync({ pages: -1 })).toThrow(RangeError);
  });

  test("as many places as Linux lets share a page, then another page", () => {
    const { machine, mm } = crowd(600);
    mergeAll(machine);
    mergeAll(machine);
    const frames = new Set([...mm.pagemap()].map(({ pfn }) => pfn));
    expect(machine.merging.pagesShared).toBe(frames.size);
    expect(frames.size).toBe(3);
    expect(firsts(mm, 600).every((byte) => byte === 7)).toBe(true);
  });
});

describe("what is done to it", () => {
  test("a write breaks it, always: even of the last one that is left", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    const shared = pfnOf(mm);
    const { cow_reuse } = machine.vmstat();
    mm.writeSync(at(0), ONE);
    expect(machine.vmstat().cow_ksm).toBe(1);
    expect([pfnOf(mm) !== shared, pfnOf(other) === shared]).toEqual([true, true]);
    expect(other.page(at(0))?.mapCount).toBe(1);
    other.writeSync(at(0), Uint8Array.of(2));
    expect(machine.vmstat()).toMatchObject({ cow_ksm: 2, cow_reuse });
    expect(pfnOf(other)).not.toBe(shared);
    expect([firsts(mm, 1), firsts(other, 1)]).toEqual([[1], [2]]);
    expect(machine.merging).toMatchObject({ pagesShared: 0, pagesSharing: 0 });
  });

  test("MADV_UNMERGEABLE gives each its own again, and MADV_MERGEABLE takes it back", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    mm.madviseSync(...pages(0, 1), MADV_UNMERGEABLE);
    expect(strip(mm, 2)).toBe("rw");
    expect(pfnOf(mm)).not.toBe(pfnOf(other));
    expect(mm.page(at(0))).toMatchObject({ mapCount: 1, refCount: 1 });
    expect(machine.vmstat().cow_ksm).toBe(1);
    const { cow_break } = machine.vmstat();
    mm.writeSync(at(0), ONE);
    expect(machine.vmstat()).toMatchObject({ cow_break });
    expect(firsts(other, 1)).toEqual([7]);
    mm.writeSync(at(0), Uint8Array.of(7));
    mm.madviseSync(...pages(0, 1), MADV_MERGEABLE);
    expect(mergeAll(machine).merged).toBe(1);
  });

  test("a child of a fork shares it, and each write stays its own", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    const child = mm.forkSync();
    expect(machine.merging).toMatchObject({ pagesShared: 1, pagesSharing: 2 });
    child.writeSync(at(0), ONE);
    expect([firsts(mm, 1), firsts(other, 1), firsts(child, 1)]).toEqual([[7], [7], [1]]);
    const grandchild = mm.forkSync();
    mm.exitSync();
    other.exitSync();
    expect(firsts(grandchild, 1)).toEqual([7]);
    grandchild.exitSync();
    expect(machine.merging.pagesShared).toBe(0);
    expect(machine.check()).toBe(0);
  });

  test("munmap, MADV_DONTNEED, exit take a place away, the last one the page", () => {
    const { machine, mm } = crowd(6);
    mergeAll(machine);
    mm.munmapSync(...pages(0, 2));
    mm.madviseSync(...pages(2, 3), MADV_DONTNEED);
    expect(mm.page(at(4))?.mapCount).toBe(3);
    mm.munmapSync(...pages(2, 6));
    expect(machine.merging.pagesShared).toBe(0);
    const again = crowd(4);
    mergeAll(again.machine);
    again.mm.exitSync();
    expect(again.machine.merging.pagesShared).toBe(0);
    expect(again.machine.check()).toBe(0);
  });

  test("mremap gives what moves a page of its own first, whole tables too", () => {
    const { machine, mm } = crowd(6);
    mergeAll(machine);
    const before = machine.vmstat().cow_ksm;
    mm.mremapSync(at(2), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(20));
    expect(machine.vmstat().cow_ksm - before).toBe(2);
    expect(firsts(mm, 2, 20)).toEqual([7, 7]);
    expect(mm.page(at(0))?.mapCount).toBe(4);
    expect(mergeAll(machine).merged).toBe(2);
    expect(pfnOf(mm, 20)).toBe(pfnOf(mm, 0));
  });

  test("where it is mapped: every place, and the first one of an area", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    const pfn = pfnOf(mm);
    const places = machine.places(pfn).map((place) => [place.mm.id, place.address]);
    expect(places.sort()).toEqual([mm, other].map(({ id }) => [id, at(0)]).sort());
    expect([mm.mappedIn(at(1), pfn), other.mappedIn(at(0), pfn)]).toEqual([at(0), at(0)]);
    mm.writeSync(at(0), ONE);
    expect(mm.mappedIn(at(1), pfn)).toBe(null);
  });

  test("mprotect and mlock: what is locked is written to, and so its own", () => {
    const { machine, mm } = crowd(4);
    mergeAll(machine);
    mm.mprotectSync(...pages(0, 1), PROT_NONE);
    mm.mprotectSync(...pages(1, 2), PROT_READ);
    mm.mprotectSync(...pages(0, 2), READ_WRITE);
    expect(new Set([0, 1, 2, 3].map((page) => pfnOf(mm, page))).size).toBe(1);
    mm.mlockSync(...pages(0, 1));
    expect(mm.page(at(0))).toMatchObject({ writable: true, mapCount: 1 });
    expect(machine.check()).toBe(0);
  });

  test("migration moves it for all", () => {
    const { machine, mm, other } = twins();
    mergeAll(machine);
    const from = pfnOf(mm);
    const to = machine.migrateSync(from);
    expect([pfnOf(mm), pfnOf(other), to === from]).toEqual([to, to, false]);
    other.writeSync(at(1), mm.readSync(at(0), PAGE));
    expect(machine.mergePagesSync().merged).toBe(1);
    expect(pfnOf(other, 1)).toBe(to);
  });

  test("it is not paged out, nor dropped by MADV_FREE; what is swapped out is not merged", () => {
    const { machine, mm, other } = twins({ swap: { pages: 16 } });
    mergeAll(machine);
    other.exitSync();
    mm.madviseSync(...pages(0, 2), MADV_FREE);
    mm.madviseSync(...pages(0, 2), MADV_PAGEOUT);
    expect(strip(mm, 2)).toBe("r_");
    expect(firsts(mm, 1)).toEqual([7]);
    expect(machine.mergePagesSync()).toMatchObject({ scanned: 1, merged: 0 });
  });

  test("an address space that ends in the middle of a pass does not hold it up", () => {
    const { machine, mm, other } = twins();
    machine.mergePagesSync({ pages: 1 });
    mm.exitSync();
    expect(machine.mergePagesSync()).toMatchObject({ scanned: 2, isPassDone: true });
    other.exitSync();
    expect(machine.mergePagesSync()).toMatchObject({ scanned: 0, isPassDone: true });
  });
});

test("in a machine without a frame to spare, pages are merged or left, and nothing breaks", () => {
  const { machine, mm } = crowd(4, { memory: 2 ** 20 });
  machine.mergePagesSync();
  const address = mm.mmapSync(0, 2 ** 20, READ_WRITE, 0x22);
  const fill = () => {
    try {
      mm.writeSync(
        address,
        new Uint8Array(2 ** 20).map((_, i) => i >> 12),
      );
    } catch {}
  };
  fill();
  expect(machine.frames.free).toBe(0);
  const { merged, skipped } = machine.mergePagesSync();
  expect(merged + skipped).toBeGreaterThanOrEqual(0);
  fill();
  mm.madviseSync(...pages(0, 4), MADV_DONTNEED);
  expect(machine.check()).toBe(0);
});
