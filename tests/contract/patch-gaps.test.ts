// More of what the export notifier of 2008 got wrong: calls that lack or confuse something, lists
// that nobody protects, aging, and what it did not cover at all.

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { MADV_REMOVE, MAP_FIXED, MAP_SHARED, PROT_READ } from "../../src/constants.ts";
import { at, BASE, boot, PAGE, PRIVATE, pages, READ_WRITE, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { swapping } from "../support/crowded.ts";
import { driver, show } from "../support/driver.ts";
import { hold, watchPromise } from "../support/holder.ts";
import { bootHuge, HUGE, HUGE_SHARED, huge, hugePages, mapHuge, put } from "../support/huge.ts";
import { FILE_PAGES, holdFile, shareFile, show as showFile } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const PARTS = HUGE / PAGE;

describe("patch: calls that lack or confuse something", () => {
  test('"vma->vm_vm->flags", and no mm: mm, start, end, widened to huge pages', async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 2);
    put(booted.mm, 0, 5);
    const { subscriber, diary, whys } = hold(booted);
    await subscriber.export(booted.mm, huge(0, 9 * PAGE));
    await booted.mm.munmap(huge(0), PAGE).catch(() => {});
    expect(diary).toEqual([]);
    await booted.mm.munmap(...hugePages(0, 1));
    expect(diary).toEqual([`unmap 0-${PARTS}`, "end done"]);
    expect(whys[0]?.mm?.id).toBe(booted.mm.id);
  });

  test('"holebegin, holelen": never a length, to the end of the file is 2 ** 63', async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(scene.mm, ...range(0, FILE_PAGES));
    await scene.file.punch(2 * PAGE, 3 * PAGE);
    await scene.file.truncate(6 * PAGE);
    expect(diary).toEqual(["punch 2-5 in 2", "end done", "truncate 6-end in 2", "end done"]);
    expect(subscriber.exportedCount).toBe(3);
  });

  test('"even_cows" is not told: truncation and a hole say which they are', async () => {
    const scene = shareFile();
    const owner = scene.machine.createMm();
    showFile(owner, scene.file, "private", FILE_PAGES);
    const { subscriber, whys } = holdFile(scene);
    await subscriber.exportRange(owner, ...range(0, 4));
    await scene.file.punch(PAGE, PAGE);
    expect([whys[0]?.reason, whys[0]?.demand, subscriber.exportedCount]).toEqual([
      "punch",
      "file pages",
      4,
    ]);
    await scene.file.truncate(PAGE);
    expect([whys[1]?.reason, whys[1]?.demand, subscriber.exportedCount]).toEqual([
      "truncate",
      "all",
      1,
    ]);
  });

  test('page_mkclean "needs only write access": a read-only holder keeps its page', async () => {
    const booted = boot();
    const file = booted.machine.openFileSync({ backing: memoryBacking() });
    file.truncateSync(PAGE);
    booted.mm.mmapSync(BASE, PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    booted.mm.writeSync(BASE, Uint8Array.of(1));
    const reader = booted.register({ name: "reader", invalidatePage: () => {} });
    const page = await reader.export(booted.mm, BASE);
    await file.sync();
    expect([page.isRevoked, reader.exportedCount, strip(booted.mm, 1)]).toEqual([false, 1, "R"]);
  });

  test('"apply_to_page_range must not notify by itself", remap only over what is present', () => {
    const booted = driver();
    const { subscriber, diary } = hold(booted, { sync: true });
    subscriber.watch(booted.mm);
    booted.mm.applyToPageRangeSync(...pages(8, 9), () => ({ pfn: booted.device.pfn }));
    booted.mm.applyToPageRangeSync(...pages(8, 9), () => ({ pfn: booted.device.pfn + 1 }));
    expect(diary).toEqual([]);
    show(booted);
    expect(diary).toEqual(["unmap 8-12", "end done"]);
  });
});

describe("patch: the list of subscribers", () => {
  test('"unregister during a sleeping callback is a use after free": it drains', async () => {
    const booted = boot("w");
    const reply = gate();
    const { subscriber, diary } = hold(booted, { answer: () => reply.promise });
    await subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const left = watchPromise(booted.machine.exportNotifiers.unregister(subscriber));
    await settle();
    expect([unmap.state, left.state]).toEqual(["pending", "pending"]);
    reply.open();
    await settle();
    expect([unmap.state, left.state, subscriber.state]).toEqual(["done", "done", "gone"]);
    expect(diary).toEqual(["unmap 0-1", "end done"]);
  });

  test('"registered in the middle of an operation is never told": nor could hold', async () => {
    const booted = boot("ww");
    const reply = gate();
    const first = hold(booted, { name: "first", answer: () => reply.promise });
    await first.subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.munmap(...pages(0, 1));
    const late = hold(booted, { name: "late", sync: true });
    expect(() => late.subscriber.exportSync(booted.mm, at(0))).toThrow(/EAGAIN/);
    late.subscriber.exportSync(booted.mm, at(1));
    reply.open();
    await unmap;
    expect(late.diary).toEqual([]);
    await booted.mm.munmap(...pages(1, 2));
    expect(late.diary).toEqual(["unmap 1-2", "end done"]);
  });

  test('"list_add", last registered first: here in order of registration', async () => {
    const booted = boot("w");
    const diary: string[] = [];
    for (const name of ["a", "b", "c"]) {
      await hold(booted, { name }, diary).subscriber.export(booted.mm, at(0));
    }
    await booted.mm.munmap(...pages(0, 1));
    expect(diary.filter((line) => line.includes("unmap"))).toEqual([
      "a unmap 0-1",
      "b unmap 0-1",
      "c unmap 0-1",
    ]);
  });

  test('"the flag is lost in migration": the new frame can be held', async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const old = await subscriber.export(booted.mm, at(0));
    const moved = await booted.machine.migrate(old.pfn);
    expect([booted.mm.page(at(0))?.exported, old.isRevoked]).toEqual([false, true]);
    const again = await subscriber.export(booted.mm, at(0));
    expect([again.pfn, booted.mm.page(at(0))?.exported]).toEqual([moved, true]);
    expect(booted.machine.check()).toBe(0);
  });
});

describe("patch: aging", () => {
  /** Counts what it used, and forgets it when it is asked to. */
  function counting() {
    const booted = swapping();
    const used = new Set<number>();
    const asked: (readonly [pages: number, clear: boolean])[] = [];
    const holder = hold(booted, {
      sync: true,
      determineReferences(held, { clear }) {
        asked.push([held.length, clear]);
        const counts = held.map(({ pfn }) => Number(used.has(pfn)));
        if (clear) for (const { pfn } of held) used.delete(pfn);
        return counts;
      },
    });
    holder.subscriber.exportRangeSync(booted.mm, ...range(0, 8));
    const touch = (page: number) => used.add(booted.mm.page(at(page))?.pfn ?? 0);
    return { ...booted, ...holder, used, asked, touch };
  }

  test('"counts but never clears": what was used once is kept once', async () => {
    const { machine, mm, touch, used } = counting();
    touch(0);
    expect((await machine.reclaim({ pages: 7 })).reclaimed).toBe(7);
    expect([strip(mm, 1), used.size]).toEqual(["W", 0]);
    await machine.reclaim({ pages: 8 });
    expect(strip(mm, 1)).toBe("_");
  });

  test('"asks only for file pages": anonymous ones too, in batches', async () => {
    const { machine, asked } = counting();
    await machine.reclaim({ pages: 8 });
    expect(asked[0]).toEqual([8, true]);
  });

  test('"clears the mark even when the unmap then fails": age first, tell who goes', async () => {
    const { machine, mm, touch, diary, subscriber } = counting();
    for (const page of [0, 1, 2, 4, 5, 6, 7]) touch(page);
    await machine.reclaim({ pages: 1 });
    expect(diary).toEqual(["evict pfn some", "end done"]);
    expect([strip(mm), subscriber.exportedCount]).toEqual(["WWW_WWWW", 7]);
  });
});

describe("patch: not covered at all in 2008, more", () => {
  test("remap_file_pages, as Linux now does it: MAP_FIXED over what was there", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    await subscriber.export(scene.mm, at(1), { write: true });
    const flags = MAP_SHARED | MAP_FIXED;
    await scene.mm.mmap(at(1), PAGE, READ_WRITE, flags, scene.file, 5 * PAGE);
    expect(diary).toEqual(["unmap 1-2", "end done"]);
    expect(scene.mm.readSync(at(1), 1)[0]).toBe(6);
  });

  test("hugetlb truncate: a hole in shared huge pages", async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 2, HUGE_SHARED);
    put(booted.mm, 1, 5);
    const { subscriber, diary } = hold(booted, {
      answer: () => void subscriber.unexportRange(booted.mm, huge(1), huge(2)),
    });
    subscriber.exportSync(booted.mm, huge(1, 5 * PAGE));
    await booted.mm.madvise(...hugePages(1, 2), MADV_REMOVE);
    expect(diary).toEqual([`punch ${PARTS}-${2 * PARTS}`, "end done"]);
  });

  test("soft-dirty clearing: everything, who writes is asked to stop", async () => {
    const booted = boot("ww");
    const { subscriber, whys } = hold(booted);
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    await booted.mm.clearSoftDirty();
    expect(whys[0]).toMatchObject({ reason: "protect", demand: "writers" });
    expect([page.isRevoked, page.canWrite]).toEqual([false, false]);
  });

  test("brk that shrinks; MAP_FIXED over nothing is told to nobody", async () => {
    const booted = boot();
    const { subscriber, whys } = hold(booted);
    subscriber.watch(booted.mm);
    const start = booted.mm.brkSync(0);
    booted.mm.brkSync(start + 2 * PAGE);
    booted.mm.writeSync(start, new Uint8Array(2 * PAGE));
    await booted.mm.brk(start);
    await booted.mm.mmap(at(0), PAGE, PROT_READ, PRIVATE | MAP_FIXED);
    expect(whys.map(({ reason }) => reason)).toEqual(["unmap"]);
  });
});
