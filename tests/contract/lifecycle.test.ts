// protocol.md, "Answers": registering, leaving, fences, exit, limits.

import { describe, expect, test } from "vitest";
import { SUBSCRIBERS_MAX, TICKETS_MAX } from "../../assembly/abi.ts";
import { WAITERS_MAX } from "../../src/gate.ts";
import { at, boot, MIB, PAGE, pages, range, strip } from "../support/boot.ts";
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

  test("who leaves before it was called is still called, its records gone, then drained", async () => {
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

  test("what waits for it goes on; its late answers are ignored, and it hears nothing more", async () => {
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

describe("exit cannot be refused", () => {
  test("new and queued calls on the mm fail with ESRCH", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const queued = watchPromise(booted.mm.munmap(...pages(0, 2)));
    const exit = watchPromise(booted.mm.exit());
    await settle();
    expect(queued.state).toBe("ESRCH");
    expect(await errorOf(booted.mm.mmap(0, PAGE, 3, 0x22))).toMatchObject({ code: "ESRCH" });
    expect(() => booted.mm.readSync(at(0), 1)).toThrow(/ESRCH/);
    expect(await errorOf(booted.mm.exit())).toMatchObject({ code: "ESRCH" });
    expect(exit.state).toBe("pending");
    sleeper.open();
    await settle();
    expect([open.state, exit.state]).toEqual(["ESRCH", "done"]);
  });

  test("the signals of open brackets abort and they settle or time out", async () => {
    const booted = boot("ww");
    const { subscriber, whys, diary } = hold(booted, {
      deadline: 200,
      invalidateProcessRange: (_mm, _start, _end, why) => {
        whys.push(why);
        return gate().promise;
      },
    });
    await subscriber.export(booted.mm, at(0));
    const open = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const exit = watchPromise(booted.mm.exit());
    expect(whys[0]?.signal.aborted).toBe(true);
    await booted.clock.advance(199);
    expect(exit.state).toBe("pending");
    await booted.clock.advance(1);
    expect(open.state).toMatch(/ETIMEDOUT|ESRCH/);
    await booted.clock.advance(200);
    expect(exit.state).toBe("done");
    expect(diary).toEqual([]);
  });

  test("then release(mm) to who has a record or a watch, before anything is freed, then end", async () => {
    const booted = boot("ww");
    const diary: string[] = [];
    const free = booted.machine.frames.free;
    const frames: number[] = [];
    const answer = async () => {
      await null;
      frames.push(booted.machine.frames.free - free);
    };
    const holder = hold(booted, { name: "holder", answer }, diary);
    const watcher = hold(booted, { name: "watcher", answer }, diary);
    hold(booted, { name: "stranger", answer }, diary);
    await holder.subscriber.export(booted.mm, at(0));
    watcher.subscriber.watch(booted.mm);
    frames.length = 0;
    const before = booted.machine.frames.free;
    expect(await booted.mm.exit()).toEqual({ quarantined: 0 });
    expect(diary).toEqual([
      "holder release",
      "watcher release",
      "watcher end done",
      "holder end done",
    ]);
    expect(frames.every((grown) => grown + free <= before + 1)).toBe(true);
    expect(booted.machine.frames.free).toBeGreaterThan(before + 1);
  });

  test("who throws is reported; who is late is owing; both are quarantined", async () => {
    const booted = boot("www");
    const thrower = hold(booted, {
      name: "thrower",
      release() {
        throw new Error("never");
      },
    });
    const sleeper = gate();
    const late = hold(booted, { name: "late", deadline: 5, release: () => sleeper.promise });
    await thrower.subscriber.export(booted.mm, at(0), { write: true });
    await late.subscriber.exportRange(booted.mm, ...range(1, 3));
    const exit = booted.mm.exit();
    await booted.clock.advance(5);
    expect(await exit).toEqual({ quarantined: 3 });
    expect(booted.reports.map(({ where }) => where)).toEqual(["thrower.release", "late.release"]);
    expect(booted.machine.quarantined).toBe(3);
    expect([...thrower.subscriber.exported()][0]).toMatchObject({ address: at(0), write: true });
    thrower.subscriber.unexport(booted.mm, at(0));
    expect(booted.machine.quarantined).toBe(2);
    booted.machine.exportNotifiers.fence(late.subscriber);
    expect(booted.machine.quarantined).toBe(0);
    expect(booted.machine.check()).toBe(0);
  });

  test("a quarantined frame is out of the allocator, never reused, and comes back when let go", async () => {
    const booted = boot("w", { memory: MIB });
    const { subscriber } = hold(booted, { letsGo: false });
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    await booted.mm.exit();
    page.bytes.fill(0xee);
    const { free } = booted.machine.frames;
    const other = booted.machine.createMm();
    const big = other.mmapSync(0, 1000 * 1024, 3, 0x22);
    const fill = () => {
      for (let offset = 0; offset < 1000 * 1024; offset += PAGE) {
        expect(other.faultSync(big + offset, { write: true })).not.toBe(page.pfn);
      }
    };
    expect(fill).toThrow(/ENOMEM/);
    expect(page.bytes.every((byte) => byte === 0xee)).toBe(true);
    other.exitSync();
    expect(subscriber.release()).toBe(1);
    expect(booted.machine.frames.free).toBeGreaterThan(free);
    expect(booted.machine.check()).toBe(0);
  });

  test("a quarantined frame does not block other mms", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted, { letsGo: false });
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(0));
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
    const told = diary.length;
    await child.write(at(0), Uint8Array.of(1));
    await child.munmap(...pages(0, 1));
    await child.exit();
    expect(diary).toHaveLength(told);
  });

  test("exitSync: EAGAIN, nothing changed, where it would have to wait", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    expect(() => booted.mm.exitSync()).toThrow(/EAGAIN/);
    expect([booted.mm.isAlive, strip(booted.mm, 1)]).toEqual([true, "W"]);
    subscriber.release();
    expect(booted.mm.exitSync()).toEqual({ quarantined: 0 });
    expect(booted.mm.isAlive).toBe(false);
    expect(() => booted.mm.maps()).toThrow(/ESRCH/);
  });

  test("a child starts without records, without watches", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await subscriber.export(booted.mm, at(0));
    const child = await booted.mm.fork();
    diary.length = 0;
    expect(strip(child, 1)).toBe("r");
    await child.munmap(...pages(0, 1));
    await child.exit();
    expect(diary).toEqual([]);
  });
});

describe("everything has a limit with an error of its own", () => {
  test("subscribers: EUSERS", () => {
    const booted = boot();
    for (let index = 0; index < SUBSCRIBERS_MAX; index++) booted.register({ name: `s${index}` });
    expect(() => booted.register({ name: "more" })).toThrow(/register: EUSERS/);
    booted.machine.exportNotifiers.unregisterSync(
      booted.machine.exportNotifiers.subscribers[7] as never,
    );
    booted.register({ name: "room again" });
  });

  test("open plans: ENFILE, nothing changed", async () => {
    const count = TICKETS_MAX + 1;
    const booted = boot("", { memory: 32 * MIB, build: "release" });
    const start = booted.mm.mmapSync(0, count * PAGE, 3, 0x22);
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.exportRange(booted.mm, start, start + count * PAGE);
    const opened = Array.from({ length: TICKETS_MAX }, (_, index) =>
      booted.mm.munmap(start + index * PAGE, PAGE),
    );
    const last = start + TICKETS_MAX * PAGE;
    expect(await errorOf(booted.mm.munmap(last, PAGE))).toMatchObject({ code: "ENFILE" });
    sleeper.open();
    await Promise.all(opened);
    await booted.mm.munmap(last, PAGE);
  });

  test("waiters: EOVERFLOW", async () => {
    const booted = boot("ww", { build: "release" });
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = booted.mm.munmap(...pages(0, 1));
    const waiting = Array.from({ length: WAITERS_MAX }, () => booted.mm.munmap(...pages(0, 1)));
    expect(await errorOf(booted.mm.munmap(...pages(0, 1)))).toMatchObject({ code: "EOVERFLOW" });
    sleeper.open();
    await Promise.all([open, ...waiting]);
  });

  test("records: ENOMEM before their own limit where memory is small, nothing leaked", async () => {
    const booted = boot("", { memory: MIB, build: "release" });
    const { subscriber } = hold(booted);
    const start = booted.mm.mmapSync(0, 200 * PAGE, 1, 0x22);
    const subscribers = Array.from({ length: 200 }, (_, index) =>
      booted.register({ name: `${index}` }),
    );
    const exportAll = () => {
      for (const each of subscribers) each.exportRangeSync(booted.mm, start, start + 200 * PAGE);
    };
    expect(exportAll).toThrow(/ENOMEM/);
    expect(booted.machine.check()).toBe(0);
    for (const each of subscribers) each.release();
    subscriber.exportRangeSync(booted.mm, start, start + 200 * PAGE);
    expect(booted.machine.check()).toBe(0);
  });
});
