// protocol.md, "Answers": registering, leaving, fences, exit, limits.

import { describe, expect, test } from "vitest";
import { at, boot, pages, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("registering or unregistering during an operation", () => {
  test("does not change whom that operation tells", async () => {
    const booted = boot("w.w");
    const diary: string[] = [];
    const leaver = hold(booted, { name: "leaver" }, diary);
    const first = hold(
      booted,
      {
        name: "first",
        answer() {
          void booted.machine.exportNotifiers.unregister(leaver.subscriber);
          hold(booted, { name: "newcomer" }, diary).subscriber.watch(booted.mm);
        },
      },
      diary,
    );
    await first.subscriber.export(booted.mm, at(0));
    await leaver.subscriber.export(booted.mm, at(2));
    expect(diary).toEqual([]);
    await booted.mm.munmap(...pages(0, 3));
    expect(diary.filter((line) => line.endsWith("0-3"))).toEqual([
      "leaver unmap 0-3",
      "first unmap 0-3",
    ]);
    expect(diary.some((line) => line.startsWith("newcomer"))).toBe(false);
    expect(leaver.subscriber.state).toBe("gone");
  });

  test("who leaves before its turn is still called, its records gone, then drained", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const diary: string[] = [];
    const first = hold(booted, { name: "first", answer: () => sleeper.promise }, diary);
    const second = hold(booted, { name: "second", letsGo: false }, diary);
    await first.subscriber.export(booted.mm, at(0));
    await second.subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 2)));
    const left = watchPromise(booted.machine.exportNotifiers.unregister(second.subscriber));
    await settle();
    expect([unmap.state, left.state]).toEqual(["pending", "pending"]);
    sleeper.open();
    await settle();
    expect([unmap.state, left.state]).toEqual(["done", "done"]);
    expect(diary).toEqual([
      "first unmap 0-2",
      "second unmap 0-2",
      "second end done",
      "first end done",
    ]);
  });

  test("a new subscriber can not export in a range that is frozen", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.munmap(...pages(0, 1));
    const newcomer = hold(booted, { name: "newcomer" });
    expect(() => newcomer.subscriber.exportSync(booted.mm, at(0))).toThrow(/EAGAIN/);
    const waiting = newcomer.subscriber.export(booted.mm, at(0));
    sleeper.open();
    await unmap;
    expect(await errorOf(waiting)).toMatchObject({ code: "SIGSEGV" });
  });
});

describe("unregistering drains", () => {
  test("it settles when no callback of it runs, and drops its records", async () => {
    const booted = boot("www");
    const sleeper = gate();
    const { subscriber, diary } = hold(booted, { letsGo: false, answer: () => sleeper.promise });
    await subscriber.exportRange(booted.mm, ...range(0, 3));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const left = watchPromise(booted.machine.exportNotifiers.unregister(subscriber));
    await settle();
    expect([left.state, subscriber.state, strip(booted.mm, 3)]).toEqual([
      "pending",
      "leaving",
      "WWW",
    ]);
    sleeper.open();
    await settle();
    expect([unmap.state, left.state, subscriber.state]).toEqual(["done", "done", "gone"]);
    expect(strip(booted.mm, 3)).toBe(".ww");
    expect(diary).toEqual(["unmap 0-1", "end done"]);
    await booted.mm.munmap(...pages(1, 2));
    expect(diary).toHaveLength(2);
  });

  test("from its own callback: after that callback returns", async () => {
    const booted = boot("w");
    let left = { state: "" };
    const holder = hold(booted, {
      letsGo: false,
      answer() {
        left = watchPromise(booted.machine.exportNotifiers.unregister(holder.subscriber));
        expect(holder.subscriber.exportedCount).toBe(1);
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    await settle();
    expect([left.state, strip(booted.mm, 1)]).toEqual(["done", "."]);
    expect(holder.diary).toEqual(["unmap 0-1", "end done"]);
  });

  test("awaiting it from its own callback ends at the deadline instead of never", async () => {
    const booted = boot("w");
    const codes: (string | undefined)[] = [];
    const holder = hold(booted, {
      async answer() {
        const wait = { deadline: 50 };
        const left = booted.machine.exportNotifiers.unregister(holder.subscriber, wait);
        codes.push((await errorOf(left)).code);
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(50);
    expect([codes, unmap.state, holder.subscriber.state]).toEqual([["ETIMEDOUT"], "done", "gone"]);
  });

  test("unregisterSync: EAGAIN, and still registered, while something runs", async () => {
    const booted = boot("w");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.munmap(...pages(0, 1));
    const { exportNotifiers } = booted.machine;
    expect(() => exportNotifiers.unregisterSync(subscriber)).toThrow(/EAGAIN/);
    expect(subscriber.state).toBe("active");
    sleeper.open();
    await unmap;
    exportNotifiers.unregisterSync(subscriber);
    expect(subscriber.state).toBe("gone");
  });

  test("a handle that has unregistered exports nothing; twice is once", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const { exportNotifiers } = booted.machine;
    await exportNotifiers.unregister(subscriber);
    await exportNotifiers.unregister(subscriber);
    expect(await errorOf(subscriber.export(booted.mm, at(0)))).toMatchObject({ code: "ESTALE" });
    expect(() => subscriber.watch(booted.mm)).toThrow(/ESTALE/);
    expect(subscriber.unexport(booted.mm, at(0))).toBe(false);
    expect(exportNotifiers.subscribers).toEqual([]);
  });
});

describe("fence", () => {
  test("its records are dropped and its handle fails with ESTALE for good", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted);
    const page = await subscriber.export(booted.mm, at(0));
    booted.machine.exportNotifiers.fence(subscriber);
    expect(strip(booted.mm, 2)).toBe("ww");
    expect(page.isRevoked).toBe(true);
    const error = await errorOf(subscriber.export(booted.mm, at(1)));
    expect(error).toMatchObject({ code: "ESTALE" });
    expect(error.message).toContain("fenced");
  });

  test("what waits for it goes on; its late answers are ignored; it hears no more", async () => {
    const booted = boot("w");
    const diary: string[] = [];
    const sleeper = gate();
    const polite = hold(booted, { name: "polite" }, diary);
    const dead = hold(booted, { name: "dead", answer: () => sleeper.promise }, diary);
    await polite.subscriber.export(booted.mm, at(0));
    await dead.subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await settle();
    booted.machine.exportNotifiers.fence(dead.subscriber);
    await settle();
    expect([unmap.state, strip(booted.mm, 1)]).toEqual(["done", "."]);
    sleeper.open();
    await settle();
    expect(diary).toEqual(["polite unmap 0-1", "dead unmap 0-1", "polite end done"]);
  });

  test("who waits for an owing one goes on when it is fenced", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted, { deadline: 10, answer: () => gate().promise });
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    const first = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(10);
    const second = watchPromise(booted.mm.munmap(...pages(1, 2), { deadline: 1000 }));
    booted.machine.exportNotifiers.fence(subscriber);
    await settle();
    expect([first.state, second.state]).toEqual(["ETIMEDOUT", "done"]);
  });
});

describe("what is not understood changes nothing", () => {
  test("unregister with a wrong deadline: a TypeError, and still registered", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const { exportNotifiers } = booted.machine;
    for (const options of [null, 5, { deadline: "soon" }, { deadline: Number.NaN }]) {
      const error = await errorOf(exportNotifiers.unregister(subscriber, options as never));
      expect(error).toBeInstanceOf(TypeError);
    }
    expect([subscriber.state, strip(booted.mm, 1)]).toEqual(["active", "W"]);
  });

  test("a handle that is fenced dirties nothing: ESTALE", () => {
    const booted = boot("r");
    const { subscriber } = hold(booted);
    booted.machine.exportNotifiers.fence(subscriber);
    expect(() => subscriber.setDirty(booted.mm, at(0))).toThrow(/ESTALE/);
    expect(booted.mm.page(at(0))?.dirty).toBe(false);
  });
});
