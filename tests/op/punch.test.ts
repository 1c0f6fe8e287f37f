// Holes in files, by file and by address (MADV_REMOVE).

import { describe, expect, test } from "vitest";
import {
  MADV_REMOVE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
} from "../../src/constants.ts";
import { at, boot, PAGE, pages, READ_WRITE, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { FILE_PAGES, holdFile, shareFile, show } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const SHM = MAP_SHARED | MAP_ANONYMOUS;

describe("a hole", () => {
  test("is told once, with every range; whole pages go, the size stays", async () => {
    const scene = shareFile();
    const { file, mm, other } = scene;
    const { subscriber, diary, whys, files } = holdFile(scene);
    await subscriber.exportRange(mm, ...range(0, 8));
    await file.punch(PAGE + 100, 3 * PAGE);
    expect(diary).toEqual(["punch 2-4 in 2", "end done"]);
    expect(whys[0]).toMatchObject({ reason: "punch", demand: "file pages" });
    expect(whys[0]?.ranges).toEqual([
      { mm, start: at(2), end: at(4) },
      { mm: other, start: at(2), end: at(4) },
    ]);
    expect(files).toEqual([file]);
    expect([strip(mm), strip(other)]).toEqual(["WW__WWWW", "ww__wwww"]);
    expect(file.size).toBe(FILE_PAGES * PAGE);
  });

  test("reads as zeros, to the byte", async () => {
    const { file, mm } = shareFile();
    const before = await file.read(0, FILE_PAGES * PAGE);
    const [start, length] = [PAGE + 100, 2 * PAGE + 50];
    await file.punch(start, length);
    const expected = before.fill(0, start, start + length);
    expect(await file.read(0, FILE_PAGES * PAGE)).toEqual(expected);
    expect(await mm.read(at(0), FILE_PAGES * PAGE)).toEqual(expected);
  });

  test("within one page tells nobody: no page goes", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(scene.mm, ...range(0, 8));
    await scene.file.punch(PAGE + 10, 20);
    expect(diary).toEqual([]);
    const expected = [...new Uint8Array(10).fill(2), ...new Uint8Array(20), 2];
    expect([...(await scene.file.read(PAGE, 31))]).toEqual(expected);
  });

  // As Linux's shmem_fallocate, whose last whole page before such a hole is number -1.
  test.each([
    [0, 100, "________"],
    [10, 4086 - 1, "W_______"],
  ])("of bytes %i+%i, within the first page, unmaps the file behind its start", async (...hole) => {
    const [start, length, left] = hole;
    const scene = shareFile();
    const { file, mm, other } = scene;
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(mm, ...range(0, 8));
    const before = await file.read(0, FILE_PAGES * PAGE);
    await file.punch(start, length);
    expect(diary).toHaveLength(2);
    expect([strip(mm), strip(other)]).toEqual([left, left.toLowerCase()]);
    expect(await file.read(0, FILE_PAGES * PAGE)).toEqual(before.fill(0, start, start + length));
    expect(scene.machine.check()).toBe(0);
  });

  // erratum: "It cannot tell truncation (private copies go too) from dropping the page cache."
  test("leaves private copies, and the records of them", async () => {
    const scene = shareFile();
    const owner = scene.machine.createMm();
    show(owner, scene.file, "private", 4);
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(owner, ...range(0, 8));
    await scene.file.punch(2 * PAGE, 4 * PAGE);
    expect(diary).toEqual(["punch 2-6 in 3", "end done"]);
    expect(strip(owner)).toBe("WWWW__RR");
    expect(owner.readSync(at(3), 1)[0]).toBe(203);
    expect(owner.readSync(at(4), 1)[0]).toBe(0);
    expect(scene.machine.check()).toBe(0);
  });

  test("a record of a page of the file that is left is EBUSY", async () => {
    const scene = shareFile();
    const owner = scene.machine.createMm();
    show(owner, scene.file, "private", 4);
    const keeper = holdFile(scene, { name: "keeper", letsGo: false });
    await keeper.subscriber.export(owner, at(3));
    await scene.file.punch(3 * PAGE, PAGE);
    await keeper.subscriber.export(owner, at(4));
    const error = await errorOf(scene.file.punch(3 * PAGE, 2 * PAGE));
    expect(error).toMatchObject({ code: "EBUSY", op: "fallocate", holder: "keeper" });
    expect(error).toMatchObject({ address: at(4) });
    expect(await scene.file.read(4 * PAGE, 1)).toEqual(Uint8Array.of(5));
  });

  test("freezes what it takes, and nothing beside it", async () => {
    const scene = shareFile();
    const sleeper = gate();
    const { subscriber } = holdFile(scene, { answer: () => sleeper.promise });
    await subscriber.export(scene.mm, at(3));
    const hole = watchPromise(scene.file.punch(2 * PAGE, 2 * PAGE));
    const write = watchPromise(scene.file.write(3 * PAGE, Uint8Array.of(99)));
    const beside = watchPromise(scene.file.punch(6 * PAGE, PAGE));
    expect(await scene.file.write(4 * PAGE, Uint8Array.of(1))).toBe(1);
    expect(await scene.file.write(9 * PAGE, Uint8Array.of(1))).toBe(1);
    await settle();
    expect([hole.state, write.state, beside.state]).toEqual(["pending", "pending", "done"]);
    sleeper.open();
    await settle();
    expect([hole.state, write.state]).toEqual(["done", "done"]);
    expect(scene.mm.readSync(at(3), 2)).toEqual(Uint8Array.of(99, 0));
  });

  test("bad arguments: EINVAL, and what lies beyond the end changes nothing", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(scene.mm, ...range(0, 8));
    const before = await scene.file.read(0, FILE_PAGES * PAGE);
    for (const [start, length] of [
      [0, 0],
      [-1, 100],
      [0, -1],
      [2 ** 63, 1],
      [1, 2 ** 63],
      [1e300, 1e300],
    ] as const) {
      expect(() => scene.file.punchSync(start, length)).toThrow(/fallocate: EINVAL/);
      expect(await errorOf(scene.file.punch(start, length))).toMatchObject({ code: "EINVAL" });
    }
    expect(() => scene.file.punchSync(0.5, 1)).toThrow(TypeError);
    await scene.file.punch(FILE_PAGES * PAGE, 10 * PAGE);
    expect(diary).toEqual([]);
    expect(await scene.file.read(0, FILE_PAGES * PAGE)).toEqual(before);
    scene.file.release();
    expect(() => scene.file.punchSync(0, 1)).toThrow(/fallocate: EBADF/);
  });
});

describe("MADV_REMOVE", () => {
  test("punches what a range shows, in everybody's", async () => {
    const scene = shareFile();
    const { subscriber, diary, whys } = holdFile(scene);
    await subscriber.exportRange(scene.other, ...range(0, 8));
    await scene.mm.madvise(...pages(3, 5), MADV_REMOVE);
    expect(diary).toEqual(["punch 3-5 in 2", "end done"]);
    expect(whys[0]?.mm).toBe(null);
    expect([strip(scene.mm), strip(scene.other)]).toEqual(["www__www", "WWW__WWW"]);
    expect([...(await scene.file.read(3 * PAGE, 2))]).toEqual([0, 0]);
  });

  test("over two files tells each of them, in one bracket", async () => {
    const scene = shareFile();
    const second = scene.machine.createFile({ size: 4 * PAGE, name: "second" });
    scene.mm.mmapSync(at(8), 4 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, second);
    scene.mm.writeSync(at(8), new Uint8Array(4 * PAGE).fill(7));
    const { subscriber, diary, files } = holdFile(scene);
    await subscriber.exportRange(scene.mm, ...range(0, 12));
    await scene.mm.madvise(...pages(6, 10), MADV_REMOVE);
    expect(diary).toEqual(["punch 6-8 in 2", "punch 0-2 in 1", "end done"]);
    expect(files).toEqual([scene.file, second]);
    expect(strip(scene.mm, 12)).toBe("WWWWWW____WW");
  });

  test("reaches holders in an address space that the caller is not in", async () => {
    const scene = shareFile();
    const sleeper = gate();
    const { subscriber } = hold(scene, { answer: () => sleeper.promise });
    await subscriber.export(scene.other, at(3));
    const remove = watchPromise(scene.mm.madvise(...pages(3, 4), MADV_REMOVE));
    const exit = watchPromise(scene.other.exit());
    await settle();
    expect([remove.state, exit.state]).toEqual(["pending", "pending"]);
    sleeper.open();
    await settle();
    expect([remove.state, exit.state]).toEqual(["EAGAIN", "done"]);
    expect(strip(scene.mm)).toBe("wwwwwwww");
  });

  test("shared anonymous memory has a file that says what it is and takes no calls", async () => {
    const booted = boot();
    const { mm } = booted;
    mm.mmapSync(at(0), 4 * PAGE, READ_WRITE, SHM | MAP_FIXED);
    mm.writeSync(at(0), new Uint8Array(4 * PAGE).fill(5));
    const { subscriber, diary, files } = holdFile(booted);
    for (const _ of [1, 2]) {
      await subscriber.exportRange(mm, ...range(0, 4));
      await mm.madvise(...pages(1, 2), MADV_REMOVE);
    }
    expect(diary).toEqual(["punch 1-2 in 1", "end done", "punch 1-2 in 1", "end done"]);
    expect(files[0]?.name).toBe("shm");
    expect(files[1]).toBe(files[0]);
    expect(() => files[0]?.size).toThrow(/EBADF/);
    expect(() => mm.mmapSync(0, PAGE, PROT_READ, MAP_SHARED, files[0])).toThrow(/EBADF/);
    expect(mm.readSync(at(1), 1)[0]).toBe(0);
  });

  test("a handle that is used again does not bring an old name back", async () => {
    const booted = boot();
    const { mm, machine } = booted;
    const file = machine.createFile({ size: PAGE, name: "old" });
    mm.mmapSync(at(0), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    file.release();
    const old = mm.areas()[0]?.mapping;
    mm.munmapSync(at(0), PAGE);
    mm.mmapSync(at(0), PAGE, READ_WRITE, SHM | MAP_FIXED);
    expect(mm.areas()[0]).toMatchObject({ mapping: old, name: "/dev/zero (deleted)" });
    const { subscriber, files } = holdFile(booted);
    await subscriber.export(mm, at(0));
    await mm.madvise(at(0), PAGE, MADV_REMOVE);
    expect(files.map(({ name }) => name)).toEqual(["shm"]);
  });

  test("is refused where Linux refuses it, and tells nobody", async () => {
    const scene = shareFile();
    const { mm, file } = scene;
    const { subscriber, diary } = holdFile(scene);
    subscriber.watch(mm);
    mm.mmapSync(at(10), PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    mm.mmapSync(at(12), PAGE, READ_WRITE, MAP_PRIVATE | MAP_FIXED, file);
    mm.mmapSync(at(14), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.mlockSync(at(14), PAGE);
    for (const [page, code] of [
      [10, "EINVAL"],
      [12, "EACCES"],
      [14, "EINVAL"],
      [16, "ENOMEM"],
    ] as const) {
      expect(await errorOf(mm.madvise(at(page), PAGE, MADV_REMOVE))).toMatchObject({ code });
    }
    expect(diary).toEqual([]);
  });
});
