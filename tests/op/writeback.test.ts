// Is whoever may write a page from outside told before the page is made clean, and nobody else; and
// does what Linux says of msync hold?

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import {
  at,
  BASE,
  type BootOptions,
  boot,
  PAGE,
  pages,
  READ_WRITE,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, type Manners, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

/** A file on a disk of eight pages, shown by `mm` and `other`, all of it clean. */
function share(options: BootOptions = {}, isBacked = false) {
  const booted = boot("", options);
  const { machine, mm } = booted;
  const file = isBacked
    ? machine.openFileSync({ backing: memoryBacking() })
    : machine.createFile({ kind: "disk" });
  file.truncateSync(8 * PAGE);
  const other = machine.createMm();
  for (const space of [mm, other]) show(space);
  function show(space: Mm): void {
    space.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    space.readSync(BASE, 8 * PAGE);
  }
  return { ...booted, file, other };
}

type Scene = ReturnType<typeof share>;

/** Writes pages through `mm`, so that they are dirty. */
function dirty({ mm }: Scene, ...indexes: number[]): void {
  for (const index of indexes) mm.writeSync(at(index), Uint8Array.of(100 + index));
}

/** A holder that keeps the places it was told of: "2 in 1" is page 2 in one address space. */
function watcher(scene: Scene, manners: Manners = {}) {
  const places: string[] = [];
  const holder = hold(scene, {
    ...manners,
    invalidatePage(_page, why) {
      const index = ((why.places[0]?.address ?? BASE) - BASE) / PAGE;
      places.push(`${why.reason} ${index} in ${why.places.length}, ${why.demand}`);
      const go = () => {
        if (manners.letsGo === false) return;
        for (const { mm, address } of why.places) {
          holder.subscriber.lower(mm, address, address + PAGE);
        }
      };
      const pending = manners.answer?.(why);
      return pending === undefined ? go() : pending.then(go);
    },
  });
  return { ...holder, places };
}

describe("who is told", () => {
  test("who may write a dirty page, once, with all shared places; he reads on", async () => {
    const scene = share();
    dirty(scene, 2);
    const { subscriber, places } = watcher(scene);
    const page = await subscriber.export(scene.mm, at(2), { write: true });
    await scene.file.sync();
    expect(places).toEqual(["writeback 2 in 2, writers"]);
    expect([page.isRevoked, page.canWrite, subscriber.exportedCount]).toEqual([false, false, 1]);
    expect(strip(scene.mm)).toBe("rrRrrrrr");
  });

  test("who may only read hears of it, and keeps what he has", async () => {
    const scene = share();
    dirty(scene, 2);
    const { subscriber, places } = watcher(scene, { letsGo: false });
    await subscriber.export(scene.other, at(2));
    await scene.file.sync();
    expect([places, subscriber.exportedCount]).toEqual([["writeback 2 in 2, writers"], 1]);
  });

  test("nobody of a clean page, of one beside the range, of a private place", async () => {
    const scene = share();
    const own = scene.machine.createMm();
    own.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_FIXED, scene.file);
    own.readSync(BASE, 8 * PAGE);
    dirty(scene, 2, 5);
    const { subscriber, places } = watcher(scene);
    await subscriber.exportRange(own, at(0), at(8));
    await subscriber.export(scene.mm, at(3));
    await subscriber.export(scene.mm, at(5), { write: true });
    await scene.mm.msync(...pages(0, 4), MS_SYNC);
    expect([places, subscriber.exportedCount]).toEqual([[], 10]);
    expect(strip(scene.mm)).toBe("rrrRrWrr");
  });

  test("a watcher hears of each page that is written back in what it watches", async () => {
    const scene = share();
    dirty(scene, 1, 2, 6);
    const { subscriber, places, diary } = watcher(scene);
    subscriber.watch(scene.other);
    await scene.file.sync();
    expect(places.map((place) => place.slice(0, 11))).toEqual([
      "writeback 1",
      "writeback 2",
      "writeback 6",
    ]);
    expect(diary).toEqual(["end done"]);
  });

  test("of many pages in batches, each page once", async () => {
    const booted = boot("", { memory: 8 * 1024 * 1024 });
    const file = booted.machine.createFile({ kind: "disk", size: 150 * PAGE });
    booted.mm.mmapSync(BASE, 150 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    booted.mm.writeSync(BASE, new Uint8Array(150 * PAGE).fill(1));
    const { subscriber, diary } = hold(booted);
    await subscriber.exportRange(booted.mm, at(0), at(150), { write: true });
    await file.sync();
    expect(diary.filter((line) => line === "writeback pfn some").length).toBe(150);
    expect(diary.filter((line) => line === "end done").length).toBe(3);
    expect(booted.machine.vmstat().nr_dirty).toBe(0);
  });

  test("nobody at all where no page is held: one call", async () => {
    const scene = share();
    dirty(scene, 2);
    const { diary } = hold(scene);
    scene.file.syncSync();
    expect([diary, scene.machine.vmstat().nr_dirty]).toEqual([[], 0]);
  });
});

describe("what a holder answers", () => {
  test("EBUSY names who may still write, and the page is as it was", async () => {
    const scene = share();
    dirty(scene, 2);
    const { subscriber, diary } = watcher(scene, { name: "camera", letsGo: false });
    await subscriber.export(scene.mm, at(2), { write: true });
    const error = await errorOf(scene.file.sync());
    expect(error).toMatchObject({ code: "EBUSY", holder: "camera", op: "fsync", address: at(2) });
    expect([strip(scene.mm), scene.machine.vmstat().nr_dirty]).toEqual(["rrWrrrrr", 1]);
    expect(diary).toEqual(["end aborted"]);
  });

  test("a refusal leaves everything dirty", async () => {
    const scene = share({}, true);
    dirty(scene, 2);
    const { subscriber } = watcher(scene, {
      answer: () => {
        throw new Error("not now");
      },
    });
    await subscriber.export(scene.mm, at(2), { write: true });
    expect((await errorOf(scene.mm.msync(...pages(0, 8), MS_SYNC))).message).toContain("not now");
    expect(scene.machine.vmstat()).toMatchObject({ nr_dirty: 1, nr_writeback: 0 });
    await subscriber.release();
    await scene.file.sync();
    expect(scene.machine.vmstat().nr_dirty).toBe(0);
  });

  test("a page that a device has written goes out with what it wrote", async () => {
    const scene = share({}, true);
    dirty(scene, 2);
    const { subscriber } = watcher(scene, {
      answer: () => {
        page.bytes[8] = 222;
        subscriber.setDirty(scene.mm, at(2));
      },
    });
    const page = await subscriber.export(scene.mm, at(2), { write: true });
    await scene.file.sync();
    expect(scene.file.readSync(2 * PAGE + 8, 1)[0]).toBe(222);
    expect(scene.machine.vmstat().nr_dirty).toBe(0);
  });

  test("while it is asked, writes of the page wait, reads and other pages go on", async () => {
    const scene = share();
    dirty(scene, 2, 5);
    const slow = gate();
    const { subscriber } = watcher(scene, { answer: () => slow.promise });
    await subscriber.export(scene.mm, at(2), { write: true });
    const syncing = watchPromise(scene.file.sync());
    const writing = watchPromise(scene.mm.write(at(2), Uint8Array.of(7)));
    const byFile = watchPromise(scene.file.write(2 * PAGE, Uint8Array.of(8)));
    const cut = watchPromise(scene.file.truncate(PAGE));
    await settle();
    expect(() => scene.other.writeSync(at(2), Uint8Array.of(7))).toThrow(/EAGAIN/);
    expect(scene.mm.readSync(at(2), 1)[0]).toBe(102);
    scene.mm.writeSync(at(6), Uint8Array.of(1));
    expect([syncing, writing, byFile, cut].map(({ state }) => state)).toEqual(
      new Array(4).fill("pending"),
    );
    slow.open();
    await settle();
    expect([syncing.state, byFile.state, cut.state]).toEqual(["done", "done", "done"]);
    expect(scene.machine.check()).toBe(0);
  });

  test("a sync call reaches declared subscribers only", async () => {
    const scene = share();
    dirty(scene, 2);
    const { subscriber } = watcher(scene);
    await subscriber.export(scene.mm, at(2), { write: true });
    expect(() => scene.file.syncSync()).toThrow(/EAGAIN.*not declared sync/);
    const quick = share();
    dirty(quick, 2);
    const declared = watcher(quick, { sync: true });
    await declared.subscriber.export(quick.mm, at(2), { write: true });
    quick.mm.msyncSync(...pages(0, 8), MS_SYNC);
    expect(declared.places.length).toBe(1);
  });

  test("an address space that exits meanwhile does not end the sync", async () => {
    const scene = share();
    dirty(scene, 2);
    scene.other.writeSync(at(2), Uint8Array.of(5));
    const slow = gate();
    let asked = 0;
    const { subscriber } = watcher(scene, {
      answer: () => (asked++ === 0 ? slow.promise : undefined),
    });
    await subscriber.export(scene.mm, at(2), { write: true });
    const syncing = watchPromise(scene.file.sync());
    await settle();
    const exiting = watchPromise(scene.other.exit());
    await settle();
    slow.open();
    await settle();
    expect([exiting.state, syncing.state]).toEqual(["done", "done"]);
    expect([asked, scene.machine.vmstat().nr_dirty]).toEqual([2, 0]);
  });
});

describe("msync", () => {
  test("MS_SYNC takes the right to write from every place; a write after it is dirty again", () => {
    const scene = share();
    dirty(scene, 2);
    scene.other.writeSync(at(2), Uint8Array.of(1));
    expect([strip(scene.mm), strip(scene.other)]).toEqual(["rrwrrrrr", "rrwrrrrr"]);
    scene.mm.msyncSync(...pages(2, 3), MS_SYNC);
    expect([strip(scene.mm), strip(scene.other)]).toEqual(["rrrrrrrr", "rrrrrrrr"]);
    dirty(scene, 2);
    expect(scene.machine.vmstat()).toMatchObject({ nr_dirty: 1, nr_written: 1 });
  });

  test("MS_ASYNC, memory, private and read-only mappings write nothing", async () => {
    const scene = share();
    dirty(scene, 2);
    const { mm, machine, file } = scene;
    mm.msyncSync(...pages(0, 8), MS_ASYNC);
    const own = machine.createMm();
    own.mmapSync(BASE, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file);
    own.msyncSync(...pages(0, 8), MS_SYNC);
    const memory = machine.createFile({ size: 8 * PAGE });
    own.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, memory);
    own.writeSync(at(0), Uint8Array.of(1));
    own.msyncSync(...pages(0, 8), MS_SYNC);
    await memory.sync();
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 1, nr_written: 0 });
    expect(strip(own, 1)).toBe("w");
  });

  test("over a hole: ENOMEM after the rest; EBUSY where it is locked, after what is before", () => {
    const scene = share();
    const { mm, machine } = scene;
    dirty(scene, 1, 6);
    mm.munmapSync(...pages(3, 5));
    expect(() => mm.msyncSync(...pages(0, 8), MS_SYNC)).toThrow(/msync: ENOMEM/);
    expect(machine.vmstat().nr_dirty).toBe(0);
    dirty(scene, 1, 6);
    mm.mlockSync(...pages(5, 8));
    expect(() => mm.msyncSync(...pages(0, 8), MS_SYNC | MS_INVALIDATE)).toThrow(/msync: EBUSY/);
    expect(machine.vmstat().nr_dirty).toBe(1);
    expect(() => mm.msyncSync(...pages(3, 5), MS_SYNC)).toThrow(/ENOMEM/);
    expect(() => mm.msyncSync(at(0) + 1, PAGE, MS_SYNC)).toThrow(/EINVAL/);
    expect(() => mm.msyncSync(...pages(0, 1), MS_SYNC | MS_ASYNC)).toThrow(/EINVAL/);
  });

  test("after exit it is ESRCH", async () => {
    const { mm } = share();
    mm.exitSync();
    expect(await errorOf(mm.msync(...pages(0, 8), MS_SYNC))).toMatchObject({ code: "ESRCH" });
  });
});
