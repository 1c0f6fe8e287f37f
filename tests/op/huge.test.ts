// Huge pages: are they what MAP_HUGETLB of Linux gives, whoever maps, forks, writes and leaves?

import { describe, expect, test } from "vitest";
import { PG } from "../../assembly/abi.ts";
import {
  MADV_DONTNEED,
  MADV_REMOVE,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_POPULATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
} from "../../src/constants.ts";
import { MIB, READ_WRITE } from "../support/boot.ts";
import {
  areasOf,
  bootHuge,
  get,
  HUGE,
  HUGE_PRIVATE,
  HUGE_SHARED,
  huge,
  hugePages,
  mapHuge,
  put,
} from "../support/huge.ts";

const TO = MREMAP_MAYMOVE | MREMAP_FIXED;

describe("the pool", () => {
  test("is taken out of memory once, and shown", () => {
    const { machine } = bootHuge(3);
    expect(machine.hugePages).toEqual({ total: 3, free: 3, reserved: 0 });
    expect(machine.vmstat()).toMatchObject({ hugepages_total: 3, hugepages_rsvd: 0 });
    expect(machine.frames.total - machine.frames.free).toBeGreaterThanOrEqual(3 * 512);
  });

  test("larger than memory: ENOMEM", () => {
    expect(() => bootHuge(3, { memory: 4 * MIB })).toThrow(/ENOMEM/);
    expect(() => bootHuge(2 ** 40)).toThrow();
    expect(() => bootHuge(-1)).toThrow(RangeError);
  });

  test("without one, MAP_HUGETLB is ENOMEM", () => {
    const { mm } = bootHuge(0);
    expect(() => mapHuge(mm, 0, 1)).toThrow(/ENOMEM/);
  });

  test("what is mapped is promised, what is touched is used, what goes comes back", async () => {
    const { machine, mm } = bootHuge(4);
    mapHuge(mm, 0, 3);
    expect(machine.hugePages).toEqual({ total: 4, free: 4, reserved: 3 });
    put(mm, 0, 1);
    get(mm, 1);
    expect(machine.hugePages).toEqual({ total: 4, free: 2, reserved: 1 });
    await mm.madvise(...hugePages(0, 1), MADV_DONTNEED);
    expect(machine.hugePages).toEqual({ total: 4, free: 3, reserved: 2 });
    await mm.exit();
    expect(machine.hugePages).toEqual({ total: 4, free: 4, reserved: 0 });
  });

  test("a promise that it cannot keep is ENOMEM, and what was there is gone", () => {
    const { mm } = bootHuge(2);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    expect(() => mapHuge(mm, 0, 3)).toThrow(/ENOMEM/);
    expect(areasOf(mm)).toBe("");
    mapHuge(mm, 0, 2);
    expect(() => mapHuge(mm, 2, 3)).toThrow(/ENOMEM/);
  });

  test("MAP_NORESERVE: nothing is promised, and what is not there is SIGBUS", () => {
    const { machine, mm } = bootHuge(1);
    mapHuge(mm, 0, 2, HUGE_PRIVATE | MAP_NORESERVE);
    expect(machine.hugePages.reserved).toBe(0);
    put(mm, 0, 1);
    expect(() => put(mm, 1, 1)).toThrow(/SIGBUS/);
    mm.munmapSync(...hugePages(0, 1));
    put(mm, 1, 1);
  });
});

describe("a huge page", () => {
  test("is zeroed when it is faulted in, whoever had it", () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    put(mm, 0, 7, HUGE - 1);
    mm.munmapSync(...hugePages(0, 1));
    mapHuge(mm, 0, 1);
    expect(get(mm, 0, HUGE - 1)).toBe(0);
  });

  test("is one entry, listed once, read and written across its 4 KiB parts", () => {
    const { mm } = bootHuge(2);
    mapHuge(mm, 0, 2);
    const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at % 251);
    mm.writeSync(huge(0, HUGE - 5_000), bytes);
    expect(mm.readSync(huge(0, HUGE - 5_000), 10_000)).toEqual(bytes);
    const [first, second, ...rest] = [...mm.pagemap()];
    expect(rest).toEqual([]);
    expect([first?.address, second?.address]).toEqual([huge(0), huge(1)]);
    expect(first).toMatchObject({ huge: true, writable: true, mapCount: 1 });
    const inside = mm.page(huge(0, 8192));
    expect(inside).toMatchObject({ huge: true, pfn: (first?.pfn ?? 0) + 2, mapCount: 1 });
    expect((inside?.frameFlags ?? 0) & (1 << PG.tail)).not.toBe(0);
    expect((first?.pfn ?? 1) % 512).toBe(0);
  });

  test("maps shows it as Linux does", () => {
    const { mm } = bootHuge(2);
    mapHuge(mm, 0, 2, HUGE_SHARED);
    expect(mm.maps()).toContain("/anon_hugepage (deleted)");
    expect(mm.areas()[0]).toMatchObject({ shared: true, offset: 0 });
  });

  test("is aligned where the machine chooses, and near a hint", () => {
    const { mm } = bootHuge(3);
    const chosen = mm.mmapSync(0, 1, READ_WRITE, HUGE_PRIVATE);
    expect(chosen % HUGE).toBe(0);
    expect(mm.mmapSync(huge(0, 4096), HUGE, READ_WRITE, HUGE_PRIVATE)).toBe(huge(1));
    const below = mm.mmapSync(0, HUGE, READ_WRITE, HUGE_PRIVATE);
    expect(below).toBe(chosen - HUGE);
  });

  test("MAP_POPULATE fills it, mincore sees all of it", () => {
    const { machine, mm } = bootHuge(2);
    mapHuge(mm, 0, 1, HUGE_PRIVATE | MAP_POPULATE);
    mapHuge(mm, 1, 2);
    expect(machine.hugePages).toMatchObject({ free: 1, reserved: 1 });
    const resident = mm.mincoreSync(huge(0, HUGE - 8192), 4 * 4096);
    expect([...resident]).toEqual([1, 1, 0, 0]);
  });

  test("mincore asks the page cache only where Linux has no table to ask", async () => {
    const { mm } = bootHuge(4);
    mapHuge(mm, 0, 1, HUGE_SHARED);
    put(mm, 0, 1);
    const fresh = await mm.fork();
    expect([...fresh.mincoreSync(huge(0), 4096)]).toEqual([1]);
    mapHuge(fresh, 1, 2);
    put(fresh, 1, 1);
    expect([...fresh.mincoreSync(huge(0), 4096)]).toEqual([0]);
    fresh.munmapSync(...hugePages(1, 2));
    expect([...fresh.mincoreSync(huge(0), 4096)]).toEqual([0]);
    expect(get(fresh, 0)).toBe(1);
    expect([...fresh.mincoreSync(huge(0), 4096)]).toEqual([1]);
  });

  test("areas side by side stay apart, and one that was split is not joined again", () => {
    const { mm } = bootHuge(4);
    mapHuge(mm, 0, 2);
    mapHuge(mm, 2, 4);
    expect(areasOf(mm)).toBe("0-2 2-4");
    mm.mprotectSync(...hugePages(0, 1), PROT_READ);
    mm.mprotectSync(...hugePages(0, 1), READ_WRITE);
    expect(areasOf(mm)).toBe("0-1 1-2 2-4");
    expect(mm.areas()[1]?.offset).toBe(HUGE);
  });

  test("a huge page is not migrated", () => {
    const { machine, mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    for (const byte of [0, 4096]) {
      const { pfn } = mm.page(huge(0, byte)) ?? { pfn: 0 };
      expect(() => machine.migrateSync(pfn)).toThrow(/EINVAL/);
    }
  });

  test("a device's pages are not mapped among huge ones", () => {
    const { machine, mm } = bootHuge(1);
    mapHuge(mm, 0, 1, HUGE_SHARED);
    const device = machine.allocateDevice(1);
    expect(() => mm.remapPfnRangeSync(huge(0), device.pfn, 4096, PROT_READ)).toThrow(/EINVAL/);
    put(mm, 0, 1);
  });

  test("mlock leaves the area as it is, and fills it", () => {
    const { machine, mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    mm.mlockSync(...hugePages(0, 1));
    mm.madviseSync(...hugePages(0, 1), MADV_DONTNEED);
    expect(machine.hugePages).toMatchObject({ free: 1, reserved: 1 });
  });
});

describe("fork", () => {
  test("shares private pages until one of them writes; the last owner takes its page", async () => {
    const { machine, mm } = bootHuge(3);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    const child = await mm.fork();
    expect(mm.page(huge(0))).toMatchObject({ writable: false, mapCount: 2 });
    put(child, 0, 2);
    expect([get(mm, 0), get(child, 0)]).toEqual([1, 2]);
    expect(get(child, 0, 1)).toBe(0);
    const { pfn } = mm.page(huge(0)) ?? {};
    put(mm, 0, 3);
    expect(mm.page(huge(0))).toMatchObject({ pfn, writable: true, mapCount: 1 });
    expect(machine.vmstat()).toMatchObject({ cow_break: 1 });
  });

  test("copies no shared entries: they come back by faults, from the same page", async () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1, HUGE_SHARED);
    put(mm, 0, 1);
    const child = await mm.fork();
    expect(child.page(huge(0))).toBeNull();
    put(child, 0, 2);
    expect(get(mm, 0)).toBe(2);
    expect(mm.page(huge(0))).toMatchObject({ mapCount: 2, writable: true });
  });

  test("promises nothing to the child: SIGBUS where the pool has no page for it", async () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    const child = await mm.fork();
    expect(() => put(child, 0, 1)).toThrow(/SIGBUS/);
    put(mm, 0, 1);
    expect(() => get(child, 0)).toThrow(/SIGBUS/);
  });

  test("a child that cannot have a copy gets SIGBUS, and still reads the page", async () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    const child = await mm.fork();
    expect(() => put(child, 0, 2)).toThrow(/SIGBUS/);
    expect(get(child, 0)).toBe(1);
  });

  test("the owner that cannot have a copy takes the page from the child", async () => {
    const { machine, mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    put(mm, 0, 1);
    const child = await mm.fork();
    put(mm, 0, 2);
    expect([get(mm, 0), mm.page(huge(0))?.mapCount]).toEqual([2, 1]);
    expect(() => get(child, 0)).toThrow(/SIGBUS/);
    await mm.exit();
    // Linux: an area that lost a page gets none any more, though there is one.
    expect(() => get(child, 0)).toThrow(/SIGBUS/);
    expect(machine.hugePages).toEqual({ total: 1, free: 1, reserved: 0 });
  });
});

describe("mremap", () => {
  test("lengths that only round to the same are about one area", () => {
    const { mm } = bootHuge(4);
    mapHuge(mm, 0, 1);
    mapHuge(mm, 1, 2);
    const less = 2 * HUGE - 4096;
    expect(() => mm.mremapSync(huge(0), 2 * HUGE, less, TO, huge(8))).toThrow(/EFAULT/);
    expect(mm.mremapSync(huge(0), HUGE, HUGE - 4096, TO, huge(8))).toBe(huge(8));
    expect(areasOf(mm)).toBe("1-2 8-9");
  });

  test("moves whole pages with their promise", () => {
    const { machine, mm } = bootHuge(4);
    mapHuge(mm, 0, 3);
    put(mm, 1, 9);
    expect(mm.mremapSync(huge(0), 3 * HUGE, 3 * HUGE, TO, huge(8))).toBe(huge(8));
    expect(areasOf(mm)).toBe("8-11");
    expect(get(mm, 9)).toBe(9);
    expect(machine.hugePages).toEqual({ total: 4, free: 3, reserved: 2 });
  });

  test("rounds lengths up to huge pages", () => {
    const { mm } = bootHuge(4);
    mapHuge(mm, 0, 3);
    put(mm, 1, 9);
    mm.mremapSync(huge(0), HUGE + 4096, HUGE + 4096, TO, huge(8));
    expect(areasOf(mm)).toBe("2-3 8-10");
    expect(get(mm, 9)).toBe(9);
    mm.mremapSync(huge(8), 2 * HUGE, 4096, 0);
    expect(areasOf(mm)).toBe("2-3 8-9");
  });

  test("a part that moves takes its promise along; what stays has none any more", () => {
    const { machine, mm } = bootHuge(3);
    mapHuge(mm, 0, 3);
    mm.mremapSync(huge(0), HUGE, HUGE, TO, huge(8));
    expect(machine.hugePages).toEqual({ total: 3, free: 3, reserved: 1 });
    for (const index of [8, 1, 2]) put(mm, index, index);
    expect(machine.hugePages).toEqual({ total: 3, free: 0, reserved: 0 });
  });

  test("does not grow, and neither cuts nor lands within a page: EINVAL", () => {
    const { mm } = bootHuge(4);
    mapHuge(mm, 0, 2);
    const refused: [number, number, number, number, number][] = [
      [huge(0), 2 * HUGE, 3 * HUGE, MREMAP_MAYMOVE, 0],
      [huge(0, 4096), HUGE, HUGE, TO, huge(8)],
      [huge(0), HUGE, HUGE, TO, huge(8, 4096)],
      [huge(0), HUGE, HUGE, MREMAP_MAYMOVE, 4096],
      [huge(0), 0, HUGE, TO, huge(8)],
    ];
    for (const args of refused) expect(() => mm.mremapSync(...args)).toThrow(/EINVAL/);
    expect(areasOf(mm)).toBe("0-2");
  });

  test("an ordinary area that would cut a huge page where it lands: EINVAL", () => {
    const { mm } = bootHuge(2);
    mapHuge(mm, 0, 2);
    const flags = HUGE_PRIVATE & ~MAP_HUGETLB;
    const plain = mm.mmapSync(huge(8), 8192, READ_WRITE, flags | MAP_FIXED);
    expect(() => mm.mremapSync(plain, 8192, 8192, TO, huge(1))).toThrow(/EINVAL/);
    // The beginning had been split off by then, as on Linux.
    expect(areasOf(mm)).toBe("0-1 1-2 8-8.00390625");
  });
});

describe("what cuts a huge page is EINVAL", () => {
  test("munmap: the beginning that was split off by then stays so", () => {
    const { machine, mm } = bootHuge(3);
    mapHuge(mm, 0, 3);
    put(mm, 1, 5);
    expect(() => mm.munmapSync(huge(1), 4096)).toThrow(/EINVAL/);
    expect(areasOf(mm)).toBe("0-1 1-3");
    expect(() => mm.munmapSync(huge(0, 4096), HUGE)).toThrow(/EINVAL/);
    expect(areasOf(mm)).toBe("0-1 1-3");
    expect([get(mm, 1), machine.hugePages.reserved]).toEqual([5, 2]);
  });

  test("mmap over a part, mprotect, madvise that changes flags", () => {
    const { mm } = bootHuge(3);
    mapHuge(mm, 0, 3);
    const flags = HUGE_PRIVATE & ~MAP_HUGETLB;
    expect(() => mm.mmapSync(huge(0), 4096, READ_WRITE, flags | MAP_FIXED)).toThrow(/EINVAL/);
    expect(() => mm.mprotectSync(huge(1), 4096, PROT_READ)).toThrow(/EINVAL/);
    expect(areasOf(mm)).toBe("0-1 1-3");
    expect(() => mm.madviseSync(huge(2), 4096, 10)).toThrow(/EINVAL/);
    expect(areasOf(mm)).toBe("0-1 1-2 2-3");
  });

  test("MADV_DONTNEED asks for an aligned start and rounds the end down", () => {
    const { mm } = bootHuge(2);
    mapHuge(mm, 0, 2);
    for (const index of [0, 1]) put(mm, index, 5);
    expect(() => mm.madviseSync(huge(0, 4096), HUGE, MADV_DONTNEED)).toThrow(/EINVAL/);
    mm.madviseSync(huge(0), 2 * HUGE - 4096, MADV_DONTNEED);
    expect([get(mm, 0), get(mm, 1)]).toEqual([0, 5]);
  });

  test("advice that is not for huge pages", () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    for (const advice of [8, 18, 20, 21]) {
      expect(() => mm.madviseSync(...hugePages(0, 1), advice)).toThrow(/EINVAL/);
    }
    for (const advice of [0, 1, 2, 3, 10, 11, 12, 16, 17]) {
      mm.madviseSync(...hugePages(0, 1), advice);
    }
  });

  test("mmap: other sizes, an address or an offset that is not aligned, a file", () => {
    const { machine, mm } = bootHuge(1);
    const other = HUGE_PRIVATE | (16 << 26);
    expect(() => mm.mmapSync(0, HUGE, READ_WRITE, other)).toThrow(/EINVAL/);
    expect(() => mm.mmapSync(0, HUGE, READ_WRITE, HUGE_PRIVATE, null, 4096)).toThrow(/EINVAL/);
    const fixed = HUGE_PRIVATE | MAP_FIXED;
    expect(() => mm.mmapSync(huge(0, 4096), HUGE, READ_WRITE, fixed)).toThrow(/EINVAL/);
    const file = machine.createFile({ size: HUGE });
    expect(() => mm.mmapSync(0, HUGE, READ_WRITE, 1 | MAP_HUGETLB, file)).toThrow(/EINVAL/);
    expect(mm.mmapSync(0, 1, READ_WRITE, HUGE_PRIVATE | (21 << 26))).toBeGreaterThan(0);
  });
});

describe("MADV_REMOVE", () => {
  test("takes whole pages of shared memory, zeroes the rest", () => {
    const { machine, mm } = bootHuge(3);
    mapHuge(mm, 0, 3, HUGE_SHARED);
    for (const index of [0, 1, 2]) put(mm, index, 5);
    mm.madviseSync(huge(0, 4096), 2 * HUGE - 4096 + 8192, MADV_REMOVE);
    expect(machine.hugePages).toEqual({ total: 3, free: 1, reserved: 0 });
    expect([get(mm, 0, 0), get(mm, 0), get(mm, 1), get(mm, 2)]).toEqual([0, 0, 0, 0]);
    expect(() => mm.madviseSync(huge(0), HUGE, MADV_REMOVE)).not.toThrow();
  });

  test("private memory refuses it: EACCES", () => {
    const { mm } = bootHuge(1);
    mapHuge(mm, 0, 1);
    expect(() => mm.madviseSync(...hugePages(0, 1), MADV_REMOVE)).toThrow(/EACCES/);
  });
});
