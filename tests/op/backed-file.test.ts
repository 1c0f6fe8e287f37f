// Does a file whose bytes a backing has read and write as any other, by call and by mapping, and
// does the backing end up with what it says?

import { describe, expect, test } from "vitest";
import type { DirectBacking } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MADV_POPULATE_READ,
  MADV_WILLNEED,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_SYNC,
} from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import {
  at,
  BASE,
  type BootOptions,
  boot,
  PAGE,
  pages,
  pattern,
  READ_WRITE,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { recordingBacking } from "../support/power-cut.ts";
import { prng } from "../support/prng.ts";
import { Dormitory } from "../support/sleeper.ts";

/** A file of `count` pages, each of other bytes, opened from memory and mapped at `BASE`. */
function open(count = 8, options: BootOptions = {}) {
  const backing = memoryBacking();
  backing.write(0, pattern(0, count * PAGE));
  const booted = boot("", options);
  const file = booted.machine.openFileSync({ backing, name: "data" });
  booted.mm.mmapSync(BASE, count * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  return { ...booted, backing, file };
}

/** The same with a backing whose calls wait, and say what they were. */
async function openSlow(count = 8) {
  const waiting = new Dormitory(prng(1));
  const stored = pattern(0, count * PAGE);
  const backing = recordingBacking({ stored, wait: () => waiting.sleep() });
  const booted = boot("");
  const file = await booted.machine.openFile({ backing });
  booted.mm.mmapSync(BASE, count * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  const diary = () => backing.diary.map(({ kind, position }) => `${kind} ${position / PAGE}`);
  return { ...booted, backing, file, waiting, diary };
}

function stored(backing: DirectBacking): Uint8Array {
  const bytes = new Uint8Array(backing.size());
  backing.read(0, bytes);
  return bytes;
}

function read(file: File): Uint8Array {
  return file.readSync(0, file.size);
}

describe("bytes come in", () => {
  test("by call and by mapping, and it is the same page", () => {
    const { mm, file, machine } = open();
    expect([file.size, file.kind, file.name]).toEqual([8 * PAGE, "disk", "data"]);
    expect(mm.readSync(at(1), 2 * PAGE)).toEqual(pattern(1, 2 * PAGE));
    expect(file.readSync(PAGE - 1, 2)).toEqual(Uint8Array.of(1, 2));
    file.writeSync(3 * PAGE + 5, Uint8Array.of(99));
    expect(mm.readSync(at(3) + 4, 3)).toEqual(Uint8Array.of(4, 99, 4));
    mm.writeSync(at(5), Uint8Array.of(77));
    expect(file.readSync(5 * PAGE, 2)).toEqual(Uint8Array.of(77, 6));
    expect(machine.check()).toBe(0);
  });

  test("in one read for pages side by side, a longer one each time", async () => {
    const { mm, backing, waiting } = await openSlow(64);
    const reading = mm.read(BASE, 64 * PAGE);
    await waiting.wakeAll();
    expect(await reading).toEqual(pattern(0, 64 * PAGE));
    const reads = backing.diary.map(({ bytes }) => bytes / PAGE);
    expect(reads).toEqual([4, 8, 16, 32, 4]);
  });

  test("a major fault is counted once for a read, none for what came with it", () => {
    const { mm, machine } = open();
    mm.readSync(at(0), 1);
    mm.readSync(at(1), 1);
    expect(machine.vmstat().pgmajfault).toBe(1);
    mm.writeSync(at(7), Uint8Array.of(1));
    expect(machine.vmstat().pgmajfault).toBe(2);
  });

  test("zeros beyond what is stored, SIGBUS beyond the file", () => {
    const { mm, file, backing } = open(2);
    mm.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    file.truncateSync(4 * PAGE + 1);
    expect(mm.readSync(at(3), PAGE)).toEqual(new Uint8Array(PAGE));
    expect(mm.readSync(at(4), 2)).toEqual(new Uint8Array(2));
    expect(() => mm.readSync(at(5), 1)).toThrow(/SIGBUS \(BUS_ADRERR\)/);
    expect(backing.size()).toBe(2 * PAGE);
  });

  test("a private mapping copies what it writes, and the file does not see it", () => {
    const { machine, file } = open();
    const own = machine.createMm();
    own.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_FIXED, file);
    own.writeSync(at(2), Uint8Array.of(200));
    expect([...own.readSync(at(2), 2)]).toEqual([200, 3]);
    expect([...file.readSync(2 * PAGE, 2)]).toEqual([3, 3]);
  });

  test("who wants a page that is being read waits for it; a sync call is EAGAIN", async () => {
    const { mm, file, waiting, diary, machine } = await openSlow();
    const both = Promise.all([mm.read(at(0), 1), file.read(0, 1), file.read(PAGE, 1)]);
    expect(() => mm.readSync(at(1), 1)).toThrow(/EAGAIN/);
    await settle();
    expect(diary()).toEqual(["read 0"]);
    await waiting.wakeAll();
    expect((await both).map((bytes) => bytes[0])).toEqual([1, 1, 2]);
    expect(mm.readSync(at(1), 1)[0]).toBe(2);
    expect(machine.check()).toBe(0);
  });

  test.each<[string, (b: ReturnType<typeof open>) => Promise<unknown>]>([
    ["MADV_WILLNEED", ({ mm }) => mm.madvise(...pages(0, 8), MADV_WILLNEED)],
    ["MADV_POPULATE_READ", ({ mm }) => mm.madvise(...pages(0, 8), MADV_POPULATE_READ)],
    ["mlock", ({ mm }) => mm.mlock(...pages(0, 8))],
  ])("%s reads ahead", async (_name, work) => {
    const booted = open();
    await work(booted);
    expect([...(await booted.mm.mincore(...pages(0, 8)))].join("")).toBe("11111111");
  });

  test("a page that is overwritten as a whole is not read", async () => {
    const { file, diary, waiting } = await openSlow();
    await file.write(2 * PAGE, new Uint8Array(2 * PAGE).fill(9));
    expect(diary()).toEqual([]);
    const partly = watchPromise(file.write(5 * PAGE, Uint8Array.of(9)));
    await waiting.wakeAll();
    expect([partly.state, diary()]).toEqual(["done", ["read 5"]]);
    expect([...file.readSync(5 * PAGE, 2)]).toEqual([9, 6]);
  });
});

describe("bytes go out", () => {
  test("nothing before a sync; then what is dirty, and no more", async () => {
    const { mm, file, backing, machine } = open();
    mm.writeSync(at(1), Uint8Array.of(71));
    file.writeSync(6 * PAGE, Uint8Array.of(76));
    expect(stored(backing)).toEqual(pattern(0, 8 * PAGE));
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 2, nr_writeback: 0 });
    await file.sync();
    expect(stored(backing)).toEqual(read(file));
    expect(stored(backing)[PAGE]).toBe(71);
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 0, nr_dirtied: 2, nr_written: 2 });
  });

  test("a write after a sync is seen: the next sync has it", async () => {
    const { mm, file, backing } = open();
    for (const byte of [50, 60, 70]) {
      mm.writeSync(at(4), Uint8Array.of(byte));
      await file.sync();
      expect(stored(backing)[4 * PAGE]).toBe(byte);
    }
  });

  test("growing: the last page as long as the file, gaps are zeros", async () => {
    const { file, backing } = open(2);
    file.writeSync(5 * PAGE + 10, Uint8Array.of(1, 2, 3));
    file.syncSync();
    expect(backing.size()).toBe(5 * PAGE + 13);
    expect(stored(backing)).toEqual(read(file));
    file.truncateSync(9 * PAGE);
    file.syncSync();
    expect(backing.size()).toBe(9 * PAGE);
  });

  test("what was cut off never comes back", async () => {
    const { file, mm, backing } = open();
    file.truncateSync(PAGE + 10);
    file.truncateSync(8 * PAGE);
    const expected = new Uint8Array(8 * PAGE);
    expected.set(pattern(0, PAGE + 10));
    expect(mm.readSync(BASE, 8 * PAGE)).toEqual(expected);
    file.writeSync(6 * PAGE, Uint8Array.of(9));
    expected[6 * PAGE] = 9;
    await file.sync();
    expect(stored(backing)).toEqual(expected);
  });

  test("a hole reads as zeros at once, and is stored with the next sync", async () => {
    const { file, mm, backing } = open();
    mm.readSync(BASE, 8 * PAGE);
    file.punchSync(PAGE + 1, 5 * PAGE);
    file.writeSync(3 * PAGE, Uint8Array.of(8));
    const expected = pattern(0, 8 * PAGE);
    expected.fill(0, PAGE + 1, 6 * PAGE + 1);
    expected[3 * PAGE] = 8;
    expect(read(file)).toEqual(expected);
    await file.sync();
    expect(stored(backing)).toEqual(expected);
  });

  test("a hole that ends beyond the file, in its last page", async () => {
    const { machine } = boot("");
    const backing = memoryBacking();
    backing.write(0, pattern(0, 2 * PAGE + 100));
    const file = await machine.openFile({ backing });
    file.punchSync(PAGE, 2 * PAGE - 10);
    const expected = pattern(0, 2 * PAGE + 100);
    expected.fill(0, PAGE);
    expect(read(file)).toEqual(expected);
    await file.sync();
    expect(stored(backing)).toEqual(expected);
  });

  test("msync writes the pages of its range alone", async () => {
    const { mm, backing } = open();
    mm.writeSync(at(1), Uint8Array.of(71));
    mm.writeSync(at(6), Uint8Array.of(76));
    await mm.msync(at(1), 2 * PAGE, MS_ASYNC);
    expect(stored(backing)[PAGE]).toBe(2);
    await mm.msync(at(1), 2 * PAGE, MS_SYNC);
    expect([stored(backing)[PAGE], stored(backing)[6 * PAGE]]).toEqual([71, 7]);
  });

  test("a sync waits for all that is stored; a sync call begins it and is EAGAIN", async () => {
    const { mm, file, waiting, diary, machine, backing } = await openSlow();
    const writing = mm.write(at(0), new Uint8Array(PAGE));
    await waiting.wakeAll();
    await writing;
    expect(() => file.syncSync()).toThrow(/fsync: EAGAIN/);
    const syncing = watchPromise(file.sync());
    await settle();
    expect([syncing.state, machine.vmstat().nr_writeback]).toEqual(["pending", 1]);
    await waiting.wakeAll();
    expect([syncing.state, diary()]).toEqual(["done", ["read 0", "write 0", "sync 0"]]);
    expect(backing.synced(0, new Uint8Array(PAGE))).toBe(true);
  });

  test("written again while it is being stored: the later sync has it", async () => {
    const { file, waiting, backing } = await openSlow();
    await file.write(0, new Uint8Array(PAGE).fill(1));
    const first = watchPromise(file.sync());
    await settle();
    await file.write(0, new Uint8Array(PAGE).fill(2));
    const second = watchPromise(file.sync());
    await waiting.wakeAll();
    expect([first.state, second.state]).toEqual(["done", "done"]);
    expect(backing.synced(0, new Uint8Array(PAGE).fill(2))).toBe(true);
    expect(backing.breaches).toEqual([]);
  });

  test("the background writes the oldest first, as many as it is asked for", async () => {
    const { machine, backing, file } = open();
    const other = machine.createFile({ kind: "disk", size: 4 * PAGE });
    other.writeSync(0, new Uint8Array(2 * PAGE));
    file.writeSync(2 * PAGE, new Uint8Array(3 * PAGE).fill(9));
    expect(await machine.writeback({ pages: 3 })).toBe(3);
    expect(machine.vmstat().nr_dirty).toBe(2);
    expect([...stored(backing)].filter((byte) => byte === 9).length).toBe(PAGE);
    expect(machine.writebackSync()).toBe(2);
    expect(await machine.writeback()).toBe(0);
  });
});

describe("a truncation and what is under way", () => {
  test("it waits for a read of what goes", async () => {
    const { mm, file, waiting, machine } = await openSlow();
    const reading = watchPromise(mm.read(at(6), 1));
    const cut = watchPromise(file.truncate(2 * PAGE));
    await settle();
    expect([reading.state, cut.state, file.size]).toEqual(["pending", "pending", 8 * PAGE]);
    await waiting.wakeAll();
    expect([cut.state, file.size, machine.check()]).toEqual(["done", 2 * PAGE, 0]);
  });

  test("it waits for a write of what goes, which makes nothing longer again", async () => {
    const { file, waiting, backing } = await openSlow();
    await file.write(6 * PAGE, new Uint8Array(PAGE));
    const syncing = watchPromise(file.sync());
    const cut = watchPromise(file.truncate(2 * PAGE));
    await settle();
    expect([cut.state, file.size]).toEqual(["pending", 8 * PAGE]);
    await waiting.wakeAll();
    expect([syncing.state, cut.state]).toEqual(["done", "done"]);
    const last = watchPromise(file.sync());
    await waiting.wakeAll();
    expect([last.state, backing.current.byteLength]).toEqual(["done", 2 * PAGE]);
    expect(backing.breaches).toEqual([]);
  });
});

describe("opening and giving up", () => {
  test("released while it is synced: the sync ends, and then the file is gone", async () => {
    const { machine, mm, file, waiting, backing } = await openSlow();
    await mm.exit();
    await file.write(0, new Uint8Array(PAGE).fill(9));
    const syncing = watchPromise(file.sync());
    await settle();
    file.release();
    await waiting.wakeAll();
    expect([syncing.state, backing.synced(0, new Uint8Array(PAGE).fill(9))]).toEqual([
      "done",
      true,
    ]);
    expect([machine.vmstat().nr_file_pages, machine.check()]).toEqual([0, 0]);
  });

  test("who exports a page that is not there has it read first", async () => {
    const booted = await openSlow();
    const { mm, waiting } = booted;
    const { subscriber } = hold(booted);
    expect(() => subscriber.exportSync(mm, at(3))).toThrow(/EAGAIN/);
    await settle();
    await waiting.wakeAll();
    const exporting = subscriber.export(mm, at(6), { write: true });
    await settle();
    await waiting.wakeAll();
    expect((await exporting).read(0, 1)).toEqual(Uint8Array.of(7));
  });

  test("a released file keeps what is dirty until the machine syncs", async () => {
    const { machine, mm, backing, file } = open();
    file.writeSync(0, Uint8Array.of(42));
    file.release();
    mm.munmapSync(...pages(0, 8));
    expect(stored(backing)[0]).toBe(1);
    await machine.sync();
    expect(stored(backing)[0]).toBe(42);
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 0, nr_file_pages: 0 });
  });

  test("opened again before that, it is the same file, dirty pages and all", async () => {
    const { machine, backing, file } = open();
    file.writeSync(0, Uint8Array.of(42));
    expect(await errorOf(machine.openFile({ backing }))).toMatchObject({ code: "EBUSY" });
    file.release();
    const again = await machine.openFile({ backing, name: "again" });
    expect([again.name, again.readSync(0, 2)]).toEqual(["again", Uint8Array.of(42, 1)]);
    expect(() => file.readSync(0, 1)).toThrow(/EBADF/);
    await again.sync();
    expect(stored(backing)[0]).toBe(42);
  });

  test("a mapping of a released file still reads and writes", async () => {
    const { machine, mm, backing, file } = open();
    file.release();
    mm.writeSync(at(7), Uint8Array.of(33));
    expect(mm.readSync(at(6), 1)[0]).toBe(7);
    await mm.msync(...pages(0, 8), MS_SYNC);
    expect(stored(backing)[7 * PAGE]).toBe(33);
    expect(machine.check()).toBe(0);
  });

  test("wrong arguments", async () => {
    const { machine } = boot("");
    const { size: _size, ...rest } = memoryBacking();
    for (const options of [undefined, null, {}, { backing: rest }, { backing: 7 }]) {
      await expect(machine.openFile(options as never)).rejects.toThrow(TypeError);
      expect(() => machine.openFileSync(options as never)).toThrow(TypeError);
    }
    for (const size of [-1, 0.5, Number.NaN, "8", 2 ** 60, undefined]) {
      const backing = { ...memoryBacking(), size: () => size as number };
      const whole = Object.assign(Object.create(memoryBacking()), backing);
      expect(await errorOf(machine.openFile({ backing: whole }))).toMatchObject({ code: "EIO" });
    }
    await expect(machine.writeback({ pages: -1 })).rejects.toThrow(RangeError);
  });
});
