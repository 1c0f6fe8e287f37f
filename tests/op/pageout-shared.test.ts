// MADV_PAGEOUT of shared memory and of files: does it take what Linux takes, and leave the rest?

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MADV_PAGEOUT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { at, BASE, boot, PAGE, pages, pattern, READ_WRITE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold } from "../support/holder.ts";
import { show } from "../support/shared-file.ts";
import {
  ALL,
  BYTES,
  COUNT,
  IN,
  OUT,
  shared,
  slots,
  swapOf,
  swappedOut,
} from "../support/shared-swap.ts";
import { gate } from "../support/sleeper.ts";
import { storeOf } from "../support/store.ts";

describe("MADV_PAGEOUT of shared memory", () => {
  test("it goes to swap, and each page comes back by a fault", () => {
    const made = swappedOut();
    const { mm, machine } = made;
    expect(swapOf(made)).toBe(COUNT);
    expect(mm.mincoreSync(...ALL)).toEqual(new Uint8Array(COUNT));
    const before = machine.vmstat();
    expect(mm.readSync(at(0), BYTES)).toEqual(pattern(0, BYTES));
    const after = machine.vmstat();
    expect(before.pswpout).toBe(COUNT);
    expect(after.pswpin - before.pswpin).toBe(COUNT);
    expect(after.pgmajfault).toBeGreaterThan(before.pgmajfault);
    expect([slots(made), swapOf(made), strip(mm)]).toEqual([0, 0, IN]);
  });

  test("memory that a fork shares, without a file, is no other", () => {
    const booted = boot("", { swap: { pages: 16 } });
    const { mm } = booted;
    mm.mmapSync(...ALL, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    mm.writeSync(at(0), pattern(3, BYTES));
    const child = mm.forkSync();
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(strip(mm)).toBe(OUT);
    child.writeSync(at(2) + 7, Uint8Array.of(99));
    expect(mm.readSync(at(2) + 7, 1)[0]).toBe(99);
    expect(child.readSync(at(4), PAGE)).toEqual(pattern(7, PAGE));
    expect(mm.readSync(at(2) + 8, 1)[0]).toBe(6);
  });

  test("a page that another address space maps as well is left to it", () => {
    const made = shared();
    const other = made.machine.createMm();
    show(other, made.file);
    other.munmapSync(...pages(6, 8));
    made.mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(strip(made.mm)).toBe("wwwwww__");
  });

  test("where swap is full the rest stays; without swap all of it", () => {
    const few = shared({ slots: 3 });
    few.mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(strip(few.mm)).toBe("___wwwww");
    expect(few.mm.readSync(at(0), BYTES)).toEqual(pattern(0, BYTES));
    const { mm, machine } = boot("");
    const file = machine.createFile({ size: BYTES });
    show(mm, file);
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(strip(mm)).toBe(IN);
  });

  test("who holds a page is told once, before it goes; a refusal leaves it all", async () => {
    const made = shared();
    const holder = hold(made);
    await holder.subscriber.export(made.mm, at(2));
    await made.mm.madvise(...ALL, MADV_PAGEOUT);
    expect(holder.diary).toEqual(["evict pfn some", "end done"]);
    expect([strip(made.mm), holder.subscriber.exportedCount]).toEqual([OUT, 0]);
    made.mm.readSync(at(0), BYTES);
    const stubborn = made.register({ invalidatePage: () => Promise.reject(new Error("mine")) });
    await stubborn.export(made.mm, at(5));
    await errorOf(made.mm.madvise(...ALL, MADV_PAGEOUT));
    expect(strip(made.mm)).toBe("wwwwwWww");
  });

  test("while swap is being taken away nobody is told of a page that stays", async () => {
    const made = shared({ isSlow: true });
    const { mm, machine, store } = made;
    mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
    await store.answer();
    const holder = hold(made);
    await holder.subscriber.export(mm, at(2));
    mm.mmapSync(...pages(8, 9), READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    mm.writeSync(at(8), Uint8Array.of(1));
    await holder.subscriber.export(mm, at(8));
    const off = machine.swapOff();
    await settle();
    await mm.madvise(...pages(0, 9), MADV_PAGEOUT);
    for (let pass = 0; pass < 4; pass++) await machine.reclaim({ pages: COUNT });
    expect([strip(mm, 9), holder.diary]).toEqual(["_wWwwwwwW", []]);
    await store.answer();
    await off;
  });

  /** Two address spaces show the file; `mm` alone its first three pages, and soon all of it. */
  function soonAlone() {
    const made = shared();
    const other = made.machine.createMm();
    show(other, made.file);
    other.munmapSync(...pages(0, 3));
    const asked = gate();
    const { subscriber, diary } = hold(made, { answer: () => asked.promise });
    return { ...made, other, asked, subscriber, diary };
  }

  test("a page that could go only after others were told of stays with who holds it", async () => {
    const { mm, other, asked, subscriber, diary } = soonAlone();
    for (const page of [2, 5]) await subscriber.export(mm, at(page));
    const out = mm.madvise(...ALL, MADV_PAGEOUT);
    await settle();
    other.munmapSync(...pages(3, 8));
    asked.open();
    await out;
    expect([strip(mm), subscriber.exportedCount]).toEqual(["_____W__", 1]);
    await mm.madvise(...ALL, MADV_PAGEOUT);
    expect([strip(mm), subscriber.exportedCount]).toEqual([OUT, 0]);
    expect(diary.filter((line) => line === "evict pfn some")).toHaveLength(2);
  });

  test("who watches hears of each page that goes", async () => {
    const { mm, other, asked, subscriber, diary } = soonAlone();
    subscriber.watch(mm);
    const out = mm.madvise(...ALL, MADV_PAGEOUT);
    await settle();
    other.munmapSync(...pages(3, 8));
    asked.open();
    await out;
    expect(strip(mm)).toBe("___wwwww");
    await mm.madvise(...ALL, MADV_PAGEOUT);
    expect(strip(mm)).toBe(OUT);
    expect(diary.filter((line) => line === "evict pfn some")).toHaveLength(COUNT);
  });
});

/** What Linux 6.18 says of the same steps: mincore, pagemap, and Swap of smaps in pages. */
describe("as a kernel has it, with pages still in swap's cache", () => {
  const look = (mm: Mm) => {
    const core = [...mm.mincoreSync(...ALL)].join("");
    return `${core} ${strip(mm).replace(/[rw]/g, "P")} ${swapOf({ mm })}`;
  };

  test("what was only read is dropped, what was written goes to swap", () => {
    const { mm } = boot("", { swap: { pages: 64, backing: storeOf(true) } });
    mm.mmapSync(...ALL, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    mm.writeSync(at(0), pattern(0, 4 * PAGE));
    mm.readSync(at(4), 4 * PAGE);
    expect(look(mm)).toBe("11111111 PPPPPPPP 0");
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(look(mm)).toBe("11110000 ________ 4");
    mm.readSync(at(0), 1);
    expect(look(mm)).toBe("11110000 P_______ 3");
  });

  test("calls bring in their pages, and a cut the one that it cuts", () => {
    const { mm, file, machine } = shared({ isSlow: true });
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(look(mm)).toBe("11111111 ________ 8");
    file.readSync(PAGE, 1);
    expect(look(mm)).toBe("11111111 ________ 7");
    file.writeSync(5 * PAGE, Uint8Array.of(1));
    expect(look(mm)).toBe("11111111 ________ 6");
    file.truncateSync(3 * PAGE + 5);
    file.truncateSync(BYTES);
    expect(look(mm)).toBe("11110000 ________ 2");
    const other = machine.createMm();
    other.mmapSync(...ALL, READ_WRITE, MAP_PRIVATE | MAP_FIXED, file);
    expect(look(other)).toBe("11110000 ________ 2");
    other.readSync(at(0), 1);
    expect(look(other)).toBe("11110000 PP_P____ 1");
  });

  test("what was never written needs no swap to go, nor to come back", () => {
    const { mm, machine } = boot("");
    mm.mmapSync(...ALL, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    mm.readSync(at(0), BYTES);
    mm.writeSync(at(2), Uint8Array.of(0));
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(strip(mm)).toBe("__w_____");
    expect(machine.vmstat().nr_file_pages).toBe(1);
    expect(mm.readSync(at(0), BYTES)).toEqual(new Uint8Array(BYTES));
  });
});

describe("MADV_PAGEOUT of a file on a disk", () => {
  test("what is clean goes, and is read again; what is dirty stays", async () => {
    const { mm, machine } = boot("");
    const backing = memoryBacking();
    backing.write(0, pattern(0, BYTES));
    const file = await machine.openFile({ backing });
    await mm.mmap(BASE, BYTES, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    await mm.read(at(0), BYTES);
    await mm.write(at(3), Uint8Array.of(33));
    await file.write(5 * PAGE, Uint8Array.of(55));
    await mm.madvise(...ALL, MADV_PAGEOUT);
    expect(strip(mm)).toBe("___w_r__");
    expect(machine.vmstat().nr_file_pages).toBe(2);
    await file.sync();
    await mm.madvise(...ALL, MADV_PAGEOUT);
    expect(machine.vmstat().nr_file_pages).toBe(0);
    const want = pattern(0, BYTES);
    want[3 * PAGE] = 33;
    want[5 * PAGE] = 55;
    expect(await mm.read(at(0), BYTES)).toEqual(want);
  });

  test("without a backing the cache is its contents: it stays, clean or dirty", () => {
    const { mm, machine } = boot("", { swap: { pages: 16 } });
    const file = machine.createFile({ kind: "disk", size: BYTES });
    file.writeSync(0, pattern(0, BYTES));
    show(mm, file);
    mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(machine.reclaimSync({ pages: COUNT })).toMatchObject({ reclaimed: 0 });
    expect(mm.readSync(at(0), BYTES)).toEqual(pattern(0, BYTES));
    expect(strip(mm)).toBe(IN);
  });
});
