// A file that is being cut: what waits until it is done, what goes on, and who calls it off.

import { describe, expect, test } from "vitest";
import { MAP_FIXED, MAP_POPULATE, MAP_SHARED } from "../../src/constants.ts";
import { at, PAGE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, watchPromise } from "../support/holder.ts";
import { FILE_PAGES, holdFile, type SharedFile, shareFile } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

/** A truncation to three pages that stays open until `wake`, told to a holder of page 4. */
async function frozen(scene: SharedFile) {
  const sleeper = gate();
  const holder = holdFile(scene, { name: "sleeper", answer: () => sleeper.promise });
  await holder.subscriber.export(scene.mm, at(4));
  const cut = watchPromise(scene.file.truncate(3 * PAGE));
  return { ...holder, cut, wake: () => sleeper.open() };
}

// protocol: "Truncate changes the size in its commit; growing writes, faults and populating mmaps
// check the mapping's key."
describe("while holders are waited for", () => {
  test("the size is the old one, and changes with the commit", async () => {
    const scene = shareFile();
    const { cut, wake } = await frozen(scene);
    await settle();
    expect([cut.state, scene.file.size]).toEqual(["pending", FILE_PAGES * PAGE]);
    wake();
    await settle();
    expect([cut.state, scene.file.size]).toEqual(["done", 3 * PAGE]);
  });

  const waiting: [string, (scene: SharedFile) => Promise<unknown>, string][] = [
    ["a growing write", ({ file }) => file.write(8 * PAGE, Uint8Array.of(1)), "done"],
    ["a write of a page that goes", ({ file }) => file.write(5 * PAGE, Uint8Array.of(1)), "done"],
    ["a read of a page that goes", ({ file }) => file.read(5 * PAGE, 1), "done"],
    ["a fault", ({ machine, file }) => touchAnew(machine.createMm(), file, 5), "SIGBUS"],
    ["a populating mmap", ({ machine, file }) => populate(machine.createMm(), file), "done"],
    ["another truncation", ({ file }) => file.truncate(PAGE), "done"],
    ["a hole", ({ file }) => file.punch(4 * PAGE, PAGE), "done"],
    ["an unmap of a range that shows it", ({ other }) => other.munmap(...pages(6, 8)), "done"],
    ["an export", (scene) => scene.register({ name: "late" }).export(scene.other, at(5)), "SIGBUS"],
    ["a fork", ({ other }) => other.fork(), "done"],
  ];

  test.each(waiting)("%s waits", async (_name, attempt, expected) => {
    const scene = shareFile();
    const { cut, wake } = await frozen(scene);
    const state = watchPromise(attempt(scene));
    await settle();
    expect([cut.state, state.state]).toEqual(["pending", "pending"]);
    wake();
    await settle();
    expect([cut.state, state.state]).toEqual(["done", expected]);
    expect(scene.machine.load).toEqual({ brackets: 0, waiting: 0 });
    expect(scene.machine.check()).toBe(0);
  });

  test("or fails with EAGAIN, nothing changed, where it cannot wait", async () => {
    const scene = shareFile();
    const { wake } = await frozen(scene);
    const { file, other, machine } = scene;
    const fresh = machine.createMm();
    fresh.mmapSync(at(0), FILE_PAGES * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    for (const attempt of [
      () => file.writeSync(8 * PAGE, Uint8Array.of(1)),
      () => file.writeSync(5 * PAGE, Uint8Array.of(1)),
      () => file.readSync(5 * PAGE, 1),
      () => file.truncateSync(PAGE),
      () => file.truncateSync(9 * PAGE),
      () => file.punchSync(4 * PAGE, PAGE),
      () => fresh.faultSync(at(5)),
      () => other.munmapSync(...pages(6, 8)),
    ]) {
      expect(attempt).toThrow(/EAGAIN/);
    }
    expect(file.size).toBe(FILE_PAGES * PAGE);
    expect(strip(other)).toBe("wwwwwwww");
    wake();
    await settle();
  });

  test("what lies below the cut goes on", async () => {
    const scene = shareFile();
    const { wake } = await frozen(scene);
    scene.file.writeSync(PAGE, Uint8Array.of(77));
    expect(scene.other.readSync(at(1), 1)[0]).toBe(77);
    scene.other.munmapSync(...pages(0, 1));
    const fresh = scene.machine.createMm();
    await touchAnew(fresh, scene.file, 1);
    wake();
    await settle();
  });

  test("reads and writes of present pages go on, as hardware would", async () => {
    const scene = shareFile();
    const { wake } = await frozen(scene);
    scene.mm.writeSync(at(5), Uint8Array.of(55));
    expect(scene.other.readSync(at(5), 1)[0]).toBe(55);
    wake();
    await settle();
  });

  test("nothing frozen is exported, not even in a callback", async () => {
    const scene = shareFile();
    const codes: (string | undefined)[] = [];
    const holder = holdFile(scene, {
      async answer() {
        for (const mm of [scene.mm, scene.other]) {
          codes.push((await errorOf(holder.subscriber.export(mm, at(6)))).code);
        }
      },
    });
    await holder.subscriber.export(scene.mm, at(6));
    await scene.file.truncate(0);
    expect(codes).toEqual(["EAGAIN", "EAGAIN"]);
  });

  test("a call back through why.machine that would wait for itself is EDEADLK", async () => {
    const scene = shareFile();
    const codes: (string | undefined)[] = [];
    const holder = holdFile(scene, {
      async answer(why) {
        const file = why.machine.within(scene.file);
        codes.push((await errorOf(file.truncate(0))).code);
        codes.push((await errorOf(file.write(9 * PAGE, Uint8Array.of(1)))).code);
      },
    });
    await holder.subscriber.export(scene.mm, at(6));
    await scene.file.truncate(PAGE);
    expect(codes).toEqual(["EDEADLK", "EDEADLK"]);
  });

  test("those that wait for one file are served first come, first served", async () => {
    const scene = shareFile();
    const { wake } = await frozen(scene);
    const order: string[] = [];
    const all = [
      scene.file.truncate(6 * PAGE).then(() => order.push("grow")),
      scene.file.punch(2 * PAGE, 2 * PAGE).then(() => order.push("hole")),
      scene.file.truncate(2 * PAGE).then(() => order.push("cut")),
    ];
    const write = scene.file.write(5 * PAGE, Uint8Array.of(1));
    wake();
    await Promise.all(all);
    expect(order).toEqual(["grow", "hole", "cut"]);
    await write;
    expect(scene.file.size).toBe(5 * PAGE + 1);
  });

  test("a file that is released meanwhile is cut all the same", async () => {
    const scene = shareFile();
    const { cut, wake } = await frozen(scene);
    const queued = watchPromise(scene.file.truncate(0));
    const writing = watchPromise(scene.file.write(7 * PAGE, Uint8Array.of(1)));
    scene.file.release();
    wake();
    await settle();
    expect([cut.state, queued.state, writing.state]).toEqual(["done", "EBADF", "EBADF"]);
    expect(strip(scene.mm)).toBe("www_____");
    expect(scene.machine.check()).toBe(0);
  });

  test("an address space that exits calls it off: EAGAIN, nothing changed", async () => {
    const scene = shareFile();
    const { cut, wake, diary } = await frozen(scene);
    const exit = watchPromise(scene.other.exit());
    await settle();
    expect([cut.state, exit.state]).toEqual(["pending", "pending"]);
    wake();
    await settle();
    expect([cut.state, exit.state]).toEqual(["EAGAIN", "done"]);
    expect(diary).toEqual(["truncate 3-end in 2", "end aborted"]);
    expect(scene.file.size).toBe(FILE_PAGES * PAGE);
    await scene.file.truncate(3 * PAGE);
    expect(scene.file.size).toBe(3 * PAGE);
  });

  test("an address space that exits does not call off what it has no part in", async () => {
    const scene = shareFile();
    const { cut, wake } = await frozen(scene);
    const third = scene.machine.createMm();
    await third.exit();
    wake();
    await settle();
    expect(cut.state).toBe("done");
  });
});

type Space = SharedFile["mm"];

async function touchAnew(mm: Space, file: SharedFile["file"], page: number): Promise<void> {
  mm.mmapSync(at(0), FILE_PAGES * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  await mm.fault(at(page));
}

async function populate(mm: Space, file: SharedFile["file"]): Promise<void> {
  const flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  await mm.mmap(at(0), FILE_PAGES * PAGE, READ_WRITE, flags, file);
}
