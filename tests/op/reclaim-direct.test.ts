// What a call does that lacks memory, of the machine or of its group.

import { describe, expect, test } from "vitest";
import { MADV_POPULATE_WRITE, MAP_ANONYMOUS, MAP_PRIVATE } from "../../src/constants.ts";
import { at, boot, draw, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { DRAWING, expectWhole, fillMemory, out, SWAP, swapping } from "../support/crowded.ts";
import { hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";
import { storeOf } from "../support/store.ts";

describe("a call that lacks memory", () => {
  test("takes it from what is not used, and loses nothing", () => {
    const booted = swapping();
    const { base, count } = fillMemory(booted);
    for (let page = 0; page < count; page++) {
      expect(booted.mm.readSync(base + page * PAGE, 1)[0]).toBe(page % 256);
    }
    expectWhole(booted);
    expect(booted.machine.vmstat().pgsteal_direct).toBeGreaterThan(0);
  });

  test("populating goes on where it stopped, fork and mmap find their tables", async () => {
    const booted = swapping();
    const { mm, machine } = booted;
    fillMemory(booted);
    const length = 300 * PAGE;
    const base = mm.mmapSync(0, length, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    mm.madviseSync(base, length, MADV_POPULATE_WRITE);
    const child = mm.forkSync();
    const another = machine.createMm();
    draw(another, "ww");
    expect(child.readSync(at(7), 1)[0]).toBe(8);
    expect(machine.check()).toBe(0);
  });

  test("waits for what is being written; without waiting it is EAGAIN", async () => {
    const store = storeOf(true);
    const booted = swapping({ swap: { ...SWAP, backing: store } });
    expect(() => fillMemory(booted)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    const more = booted.mm.mmapSync(0, 100 * PAGE, READ_WRITE, PRIVATE);
    const writing = booted.mm.write(more, new Uint8Array(100 * PAGE).fill(7));
    await settle();
    for (let turn = 0; turn < 50; turn++) await store.answer();
    await writing;
    expect(booted.machine.check()).toBe(0);
  });

  test("what is never written is waited for until the deadline", async () => {
    const store = storeOf(true);
    const booted = swapping({ swap: { ...SWAP, backing: store } });
    expect(() => fillMemory(booted)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    const more = booted.mm.mmapSync(0, 100 * PAGE, READ_WRITE, PRIVATE);
    const writing = booted.mm.write(more, new Uint8Array(100 * PAGE));
    const refused = expect(writing).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await booted.clock.advance(10_000);
    await refused;
  });

  test("ENOMEM where swap is full, and the machine goes on", () => {
    const booted = swapping({ swap: { pages: 20 } });
    expect(() => fillMemory(booted)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    const [drawn, filled] = booted.mm.areas();
    booted.mm.munmapSync(filled?.start ?? 0, 100 * PAGE);
    expect(drawn?.start).toBe(at(0));
    expectWhole(booted);
    expect(booted.machine.check()).toBe(0);
  });

  test("waits for holders where it may, and holds no freeze meanwhile", async () => {
    const booted = swapping();
    const { mm, machine } = booted;
    const count = machine.frames.free - machine.watermarks.high;
    const base = mm.mmapSync(0, 2 * count * PAGE, READ_WRITE, PRIVATE);
    mm.writeSync(base, new Uint8Array(count * PAGE).fill(3));
    const door = gate();
    const holder = hold(booted, { answer: () => door.promise });
    await holder.subscriber.exportRange(mm, at(0), at(8));
    await holder.subscriber.exportRange(mm, base, base + count * PAGE);
    // Nobody has a page that is not held: without waiting there is none.
    const more = new Uint8Array(count * PAGE).fill(4);
    expect(() => mm.writeSync(base + count * PAGE, more)).toThrow(
      expect.objectContaining({ code: "ENOMEM" }),
    );
    expect(holder.diary).toEqual([]);
    const writing = watchPromise(mm.write(base + count * PAGE, more));
    await settle();
    expect(writing.state).toBe("pending");
    expect(holder.diary.length).toBeGreaterThan(0);
    expect(new Set(holder.diary)).toEqual(new Set(["evict pfn some"]));
    // It waits, and freezes nothing of its own: what is there is read, what is beside it changes.
    expect(machine.load.brackets).toBe(holder.diary.length);
    expect(mm.readSync(base, 1)[0]).toBe(3);
    mm.mprotectSync(base + count * PAGE, count * PAGE, READ_WRITE);
    door.open();
    for (let turn = 0; turn < 200 && writing.state === "pending"; turn++) await settle();
    expect(writing.state).toBe("done");
    expect(machine.load).toEqual({ brackets: 0, waiting: 0 });
    expectWhole(booted);
  });

  test("a call out of a callback has the reserve, and reclaims nothing", async () => {
    const booted = swapping({ swap: { pages: 20 } });
    const holder = hold(booted, {
      async answer(why) {
        const copy = await why.machine.createMm().mmap(0, PAGE, READ_WRITE, PRIVATE);
        const [within] = booted.machine.mms.slice(-1);
        await why.machine.within(within as typeof booted.mm).write(copy, Uint8Array.of(9));
      },
    });
    await holder.subscriber.export(booted.mm, at(2));
    expect(() => fillMemory(booted)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    const { pgscan_direct } = booted.machine.vmstat();
    await booted.mm.munmap(...pages(2, 3));
    expect(booted.machine.vmstat().pgscan_direct).toBe(pgscan_direct);
    expect(booted.machine.check()).toBe(0);
  });
});

describe("groups", () => {
  test("a limit is the group's alone: over it, its own pages go", () => {
    const booted = swapping();
    const group = booted.machine.createGroup({ memory: 10 * PAGE });
    const mm = booted.machine.createMm({ group });
    const base = mm.mmapSync(0, 40 * PAGE, READ_WRITE, PRIVATE);
    for (let page = 0; page < 40; page++) mm.writeSync(base + page * PAGE, Uint8Array.of(page + 1));
    expect(group.used).toBeLessThanOrEqual(group.memory);
    expect(out(booted)).toBe(DRAWING);
    for (let page = 0; page < 40; page++) {
      expect(mm.readSync(base + page * PAGE, 1)[0]).toBe(page + 1);
    }
    expect(group.used).toBeLessThanOrEqual(group.memory);
    expect(booted.machine.check()).toBe(0);
  });

  test("children are in it; it ends when nobody is", () => {
    const { machine } = swapping();
    const group = machine.createGroup({ memory: 100 * PAGE });
    const mm = machine.createMm({ group });
    draw(mm, DRAWING);
    const child = mm.forkSync();
    child.writeSync(at(0), Uint8Array.of(1));
    expect(group.used).toBe(9 * PAGE);
    mm.exitSync();
    expect(() => group.release()).toThrow(expect.objectContaining({ code: "EBUSY" }));
    child.exitSync();
    expect(group.used).toBe(0);
    group.release();
    group.release();
    expect(() => machine.createMm({ group })).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  test("without swap it is ENOMEM for the group, and nobody else", () => {
    const { machine, mm } = boot(DRAWING, { reclaim: true });
    const group = machine.createGroup({ memory: 4 * PAGE });
    const small = machine.createMm({ group });
    small.mmapSync(at(0), 8 * PAGE, READ_WRITE, PRIVATE);
    const write = () => small.writeSync(at(0), new Uint8Array(8 * PAGE));
    expect(() => small.writeSync(small.areas()[0]?.start ?? 0, new Uint8Array(8 * PAGE))).toThrow(
      expect.objectContaining({ code: "ENOMEM", done: 4 * PAGE }),
    );
    expect(write).toThrow();
    mm.writeSync(at(0), Uint8Array.of(1));
    expect(machine.check()).toBe(0);
  });

  test("a limit that is lowered is met by reclaiming the group", async () => {
    const { machine } = swapping();
    const group = machine.createGroup({ memory: 100 * PAGE });
    const mm = machine.createMm({ group });
    draw(mm, DRAWING);
    group.setMemory(3 * PAGE);
    expect((await machine.reclaim({ group })).reclaimed).toBe(5);
    expect(group.used).toBe(3 * PAGE);
    expect(mm.readSync(at(7), 1)[0]).toBe(8);
  });
});
