// The ten places where the patch of 2008 calls its subscribers, by the name of the function that
// calls, and the header that it adds.

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { MADV_PAGEOUT, MAP_FIXED, MAP_SHARED, PROT_READ } from "../../src/constants.ts";
import { CALLBACKS } from "../../src/notifier/ops.ts";
import {
  at,
  BASE,
  boot,
  engineModule,
  PAGE,
  pages,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { swapping } from "../support/crowded.ts";
import { driver, show } from "../support/driver.ts";
import { errorOf, hold } from "../support/holder.ts";
import { bootHuge, HUGE, huge, mapHuge, put } from "../support/huge.ts";
import { holdFile, shareFile } from "../support/shared-file.ts";

const ONE = Uint8Array.of(1);

/** A file on a disk that `mm` shows, its first page dirty. */
function onDisk() {
  const booted = boot("", { swap: { pages: 16 } });
  const file = booted.machine.openFileSync({ backing: memoryBacking() });
  file.truncateSync(2 * PAGE);
  booted.mm.mmapSync(BASE, 2 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  booted.mm.writeSync(at(0), ONE);
  return { ...booted, file };
}

describe("patch: call sites", () => {
  test("remap_pfn_range: the process range, when it replaces what is present", async () => {
    const booted = driver();
    const { subscriber, diary } = hold(booted);
    booted.mm.writeSync(at(9), ONE);
    await subscriber.export(booted.mm, at(9));
    await booted.mm.remapPfnRange(at(8), booted.device.pfn, 4 * PAGE, PROT_READ);
    expect(diary).toEqual(["unmap 8-12", "end done"]);
  });

  test("apply_to_page_range: none by itself, a subscriber installs its own ptes with it", () => {
    const booted = driver();
    const { subscriber, diary } = hold(booted, { sync: true });
    subscriber.watch(booted.mm);
    booted.mm.applyToPageRangeSync(...pages(8, 12), () => ({ pfn: booted.device.pfn }));
    expect(diary).toEqual([]);
    expect(booted.mm.page(at(8))?.pfn).toBe(booted.device.pfn);
  });

  test("unmap_mapping_range: the mapping range, once, whoever shows it", async () => {
    const scene = shareFile();
    const { subscriber, diary, files } = holdFile(scene);
    await subscriber.export(scene.mm, at(2));
    await subscriber.export(scene.other, at(3));
    await scene.file.truncate(PAGE);
    expect([diary, files]).toEqual([["truncate 1-end in 2", "end done"], [scene.file]]);
  });

  test("sys_mprotect: the process range, before protections change", async () => {
    const booted = boot("ww");
    const seen: string[] = [];
    const { subscriber, diary } = hold(booted, {
      answer: () => void seen.push(strip(booted.mm, 2)),
    });
    await subscriber.exportRange(booted.mm, ...range(0, 2), { write: true });
    await booted.mm.mprotect(...pages(0, 2), PROT_READ);
    expect([diary, seen]).toEqual([["protect 0-2", "end done"], ["WW"]]);
  });

  test("page_referenced_file: determine_references, before a page is taken", async () => {
    const { machine, mm } = onDisk();
    machine.syncSync();
    const asked: number[] = [];
    const subscriber = machine.exportNotifiers.register({
      name: "counts",
      sync: true,
      determineReferences(held) {
        asked.push(...held.map(({ pfn }) => pfn));
        return held.map(() => 1);
      },
    });
    const { pfn } = subscriber.exportSync(mm, at(0));
    await machine.reclaim({ pages: 8 });
    expect(asked).toContain(pfn);
    expect([mm.page(at(0))?.pfn, subscriber.exportedCount]).toEqual([pfn, 1]);
  });

  test("page_mkclean: the page, before it is clean", async () => {
    const { machine, mm, file, ...booted } = onDisk();
    const { subscriber, diary, whys } = hold({ machine, mm, ...booted });
    await subscriber.export(mm, at(0), { write: true });
    await file.sync();
    expect(diary).toEqual(["writeback pfn some", "end done"]);
    expect([whys[0]?.demand, strip(mm, 1)]).toEqual(["writers", "r"]);
  });

  test("try_to_unmap: the page, before it is paged out, and before it migrates", async () => {
    const booted = boot("ww", { swap: { pages: 16 } });
    const { subscriber, diary } = hold(booted);
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    await booted.mm.madvise(...pages(0, 1), MADV_PAGEOUT);
    await booted.machine.migrate(booted.mm.page(at(1))?.pfn ?? 0);
    expect(diary).toEqual(["evict pfn some", "end done", "migrate pfn some", "end done"]);
    expect(strip(booted.mm, 2)).toBe("_w");
  });

  test("unmap_hugepage_range: mm, start and end, whole huge pages", async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 2);
    put(booted.mm, 1, 5);
    const told: unknown[] = [];
    const holder = hold(booted, {
      invalidateProcessRange(mm, start, end) {
        told.push(mm, start, end);
        holder.subscriber.unexportRange(mm, start, end);
      },
    });
    await holder.subscriber.export(booted.mm, huge(1, 7 * PAGE));
    await booted.mm.munmap(huge(1), HUGE);
    expect(told).toEqual([booted.mm, huge(1), huge(2)]);
  });

  test("unmap_region: the process range, holes too", async () => {
    const booted = boot("w..w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(3));
    await booted.mm.munmap(...pages(0, 4));
    expect(diary).toEqual(["unmap 0-4", "end done"]);
  });

  test("exit_mmap: release, of who has a page or watches", async () => {
    const booted = boot("w");
    const diary: string[] = [];
    const holder = hold(booted, { name: "holder" }, diary);
    const watcher = hold(booted, { name: "watcher" }, diary);
    hold(booted, { name: "stranger" }, diary);
    await holder.subscriber.export(booted.mm, at(0));
    watcher.subscriber.watch(booted.mm);
    await booted.mm.exit();
    expect(diary.filter((line) => line.endsWith("release"))).toEqual([
      "holder release",
      "watcher release",
    ]);
  });
});

describe("patch: include/linux/export_notifier.h", () => {
  test("struct export_notifier_ops: five ops, under their names, and end", () => {
    const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect(CALLBACKS.map(snake)).toEqual([
      "invalidate_process_range",
      "invalidate_page",
      "invalidate_mapping_range",
      "release",
      "determine_references",
      "end",
    ]);
  });

  test('"if (__em->ops->function)": every op is optional', async () => {
    const booted = boot("www", { swap: { pages: 16 } });
    const bare = booted.register({ name: "bare" });
    bare.watch(booted.mm);
    const child = await booted.mm.fork();
    await booted.mm.write(at(0), ONE);
    await booted.mm.munmap(...pages(0, 1));
    await booted.machine.reclaim({ pages: 2 });
    await booted.mm.exit();
    await child.exit();
    expect([booted.reports, booted.machine.quarantined]).toEqual([[], 0]);
  });

  test('"extern void export_notifier_release": declared there, defined here', async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted);
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    expect(booted.machine.exportNotifiers.release(subscriber)).toBe(2);
    expect([subscriber.state, subscriber.exportedCount]).toEqual(["active", 0]);
  });
});

describe("patch: config EXPORT_NOTIFIER", () => {
  test('"depends on 64BIT", off: the same exports, and marking says EOPNOTSUPP', async () => {
    const names = (build: "debug" | "debug-plain") =>
      WebAssembly.Module.exports(engineModule(build)).map(({ name }) => name);
    expect(names("debug-plain")).toEqual(names("debug"));
    const booted = boot("ww", { build: "debug-plain" });
    const { subscriber, diary } = hold(booted);
    const off = { code: "EOPNOTSUPP" };
    expect(await errorOf(subscriber.export(booted.mm, at(0)))).toMatchObject(off);
    expect(() => subscriber.exportRangeSync(booted.mm, ...range(0, 2))).toThrow(/EOPNOTSUPP/);
    expect(() => subscriber.watch(booted.mm)).toThrow(/EOPNOTSUPP/);
    expect([subscriber.unexport(booted.mm, at(0)), subscriber.exportedCount]).toEqual([false, 0]);
    await booted.mm.munmap(...pages(0, 1));
    expect(await booted.mm.exit()).toEqual({ quarantined: 0 });
    expect([diary, booted.machine.check()]).toEqual([[], 0]);
  });

  test("off: pages are taken, moved and mapped over all the same", async () => {
    const booted = swapping({ build: "debug-plain" });
    expect((await booted.machine.reclaim({ pages: 2 })).reclaimed).toBe(2);
    await booted.machine.migrate(booted.mm.page(at(7))?.pfn ?? 0);
    show(driver("wwww", { build: "debug-plain" }));
    expect(booted.machine.check()).toBe(0);
  });
});
