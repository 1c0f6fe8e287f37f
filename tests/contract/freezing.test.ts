// protocol.md, "Freezing".

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_POPULATE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import {
  at,
  type Booted,
  boot,
  MIB,
  PAGE,
  PRIVATE,
  pages,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

/** A bracket that stays open over some pages until `wake`. */
async function frozen(booted: Booted, first: number, end: number) {
  const sleeper = gate();
  const holder = hold(booted, { name: "sleeper", answer: () => sleeper.promise });
  await holder.subscriber.export(booted.mm, at(first));
  const done = watchPromise(booted.mm.munmap(...pages(first, end)));
  return { ...holder, done, wake: () => sleeper.open() };
}

describe("a plan gets all its keys or waits in FIFO order", () => {
  test("a plan in conflict waits; one beside it goes on", async () => {
    const booted = boot("wwwwwwww");
    const { done, wake } = await frozen(booted, 2, 4);
    const beside = watchPromise(booted.mm.munmap(...pages(4, 5)));
    const meets = watchPromise(booted.mm.mprotect(...pages(3, 6), PROT_READ));
    await settle();
    expect([done.state, beside.state, meets.state]).toEqual(["pending", "done", "pending"]);
    wake();
    await settle();
    expect([done.state, meets.state]).toEqual(["done", "ENOMEM"]);
  });

  //   munmap [0,2)       mprotect [1,6)       madvise [5,6)
  //   open, sleeps       queued               queued behind it, though [5,6) is free
  test("behind queued plans too", async () => {
    const booted = boot("wwwwwwww");
    const { wake } = await frozen(booted, 0, 2);
    const order: string[] = [];
    const second = booted.mm.mprotect(...pages(1, 6), PROT_READ).catch(() => order.push("second"));
    const third = booted.mm.madvise(...pages(5, 6), MADV_DONTNEED).then(() => order.push("third"));
    await settle();
    expect(order).toEqual([]);
    expect(strip(booted.mm)).toBe("Wwwwwwww");
    wake();
    await Promise.all([second, third]);
    expect(order).toEqual(["second", "third"]);
  });

  test("waiters are served first come, first served", async () => {
    const booted = boot("wwww");
    const { wake } = await frozen(booted, 0, 4);
    const order: number[] = [];
    const waiting = [1, 2, 3, 4, 5].map((number) =>
      booted.mm
        .mmap(at(0), 4 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED)
        .then(() => order.push(number)),
    );
    wake();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  test("nobody slips in between waking and running", async () => {
    const booted = boot("wwww");
    const { wake, done } = await frozen(booted, 0, 4);
    const waiting = watchPromise(
      booted.mm.mmap(at(0), PAGE, PROT_READ, PRIVATE | MAP_FIXED).then(() => {}),
    );
    const seen: string[] = [];
    wake();
    while (!seen.some((code) => code !== "EAGAIN")) {
      const before = booted.mm.areas().some(({ start, write }) => start === at(0) && !write);
      try {
        booted.mm.mmapSync(at(0), PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
        seen.push(before ? "after" : "barged");
      } catch (error) {
        seen.push((error as { code: string }).code);
      }
      await null;
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe("after");
    await settle();
    expect([done.state, waiting.state]).toEqual(["done", "done"]);
  });
});

describe("reads and writes of present pages go on", () => {
  test("under an unmap that has not committed", async () => {
    const booted = boot("wwww");
    const { wake } = await frozen(booted, 0, 2);
    expect(booted.mm.readSync(at(1), 1)[0]).toBe(2);
    await booted.mm.write(at(1), Uint8Array.of(99));
    booted.mm.writeSync(at(0), Uint8Array.of(98));
    expect(booted.mm.readSync(at(1), 1)[0]).toBe(99);
    wake();
    await settle();
    expect(strip(booted.mm, 4)).toBe("..ww");
  });

  test("also when only a queued plan stands before them", async () => {
    const booted = boot("wwww");
    const { wake } = await frozen(booted, 0, 1);
    const queued = watchPromise(booted.mm.mprotect(...pages(0, 4), PROT_READ));
    await settle();
    expect(booted.mm.readSync(at(2), 1)[0]).toBe(3);
    booted.mm.writeSync(at(2), Uint8Array.of(42));
    expect(queued.state).toBe("pending");
    wake();
    await settle();
    expect(booted.mm.readSync(at(2), 1)[0]).toBe(42);
  });

  test("except writes to what will be write-protected: they wait as a fault does", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0), { write: true });
    const fork = watchPromise(booted.mm.fork());
    const write = watchPromise(booted.mm.write(at(0), Uint8Array.of(55)));
    expect(() => booted.mm.writeSync(at(1), Uint8Array.of(1))).toThrow(/EAGAIN/);
    expect(booted.mm.readSync(at(0), 1)[0]).toBe(1);
    await settle();
    expect([fork.state, write.state]).toEqual(["pending", "pending"]);
    sleeper.open();
    await settle();
    expect([fork.state, write.state]).toEqual(["done", "done"]);
    expect(booted.mm.readSync(at(0), 1)[0]).toBe(55);
    expect(booted.machine.mms[1]?.readSync(at(0), 1)[0]).toBe(1);
  });

  test("except writes to what is about to be replaced", async () => {
    const booted = boot("w");
    await booted.mm.fork();
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const first = watchPromise(booted.mm.write(at(0), Uint8Array.of(1)));
    const second = watchPromise(booted.mm.write(at(0) + 1, Uint8Array.of(2)));
    await settle();
    expect([first.state, second.state]).toEqual(["pending", "pending"]);
    sleeper.open();
    await settle();
    expect([first.state, second.state]).toEqual(["done", "done"]);
    expect([...booted.mm.readSync(at(0), 2)]).toEqual([1, 2]);
  });
});

describe("a fault, an export or an operation that meets a freeze", () => {
  const attempts: [string, (b: Booted, other: Subscriber) => Promise<unknown>][] = [
    ["a fault", (b) => b.mm.fault(at(1))],
    ["a write of an absent page", (b) => b.mm.write(at(1), Uint8Array.of(1))],
    ["an export", (b, other) => other.export(b.mm, at(0))],
    ["mprotect", (b) => b.mm.mprotect(...pages(0, 1), PROT_NONE)],
    ["fork", (b) => b.mm.fork()],
  ];

  test.each(attempts)("%s waits (async)", async (_name, attempt) => {
    const booted = boot("w_");
    const other = hold(booted, { name: "other" });
    const { wake, done } = await frozen(booted, 0, 2);
    const state = watchPromise(attempt(booted, other.subscriber));
    await settle();
    expect(state.state).toBe("pending");
    wake();
    await settle();
    expect(done.state).toBe("done");
    expect(state.state).not.toBe("pending");
  });

  test("or fails with EAGAIN (sync)", async () => {
    const booted = boot("w_");
    const other = hold(booted, { name: "other", sync: true });
    const { wake, done } = await frozen(booted, 0, 2);
    const before = strip(booted.mm, 2);
    for (const attempt of [
      () => booted.mm.faultSync(at(1)),
      () => booted.mm.writeSync(at(1), Uint8Array.of(1)),
      () => other.subscriber.exportSync(booted.mm, at(0)),
      () => booted.mm.mprotectSync(...pages(0, 1), PROT_NONE),
      () => booted.mm.forkSync(),
      () => booted.mm.exitSync(),
    ]) {
      expect(attempt).toThrow(/EAGAIN/);
    }
    expect(strip(booted.mm, 2)).toBe(before);
    expect(booted.mm.isAlive).toBe(true);
    wake();
    await settle();
    expect(done.state).toBe("done");
  });

  test("an export in a callback never waits: EAGAIN, why.ended settles at the end", async () => {
    const booted = boot("ww");
    const seen: string[] = [];
    const holder = hold(booted, {
      async invalidateProcessRange(mm, start, end, why) {
        holder.subscriber.unexportRange(mm, start, end);
        const error = await errorOf(holder.subscriber.export(mm, start));
        seen.push(error.code ?? "");
        try {
          holder.subscriber.exportSync(mm, start);
        } catch (cause) {
          seen.push((cause as { code: string }).code);
        }
        why.ended.then(async ({ committed }) => {
          seen.push(`ended ${committed}`);
          const gone = await errorOf(holder.subscriber.export(mm, start));
          seen.push(gone.code ?? "");
        });
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    await settle();
    expect(seen).toEqual(["EAGAIN", "EAGAIN", "ended true", "SIGSEGV"]);
  });
});

describe("fork", () => {
  test("is one plan over the parent's whole mm, and no half-built child exists", async () => {
    const booted = boot("wwww");
    const sleeper = gate();
    const { subscriber, diary } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0), { write: true });
    const fork = booted.mm.fork();
    const far = watchPromise(booted.mm.munmap(...pages(3, 4)));
    await settle();
    expect(far.state).toBe("pending");
    expect(booted.machine.mms).toHaveLength(1);
    sleeper.open();
    const child = await fork;
    await settle();
    expect(diary[0]).toMatch(/^protect/);
    expect(strip(child, 4)).toBe("rrrr");
    expect([far.state, strip(booted.mm, 4)]).toEqual(["done", "Rrr."]);
  });

  test("a refused fork leaves the parent writable and no child", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted, {
      answer() {
        throw new Error("not now");
      },
    });
    await subscriber.export(booted.mm, at(0), { write: true });
    expect(await errorOf(booted.mm.fork())).toMatchObject({ code: "EBUSY", op: "fork" });
    expect(booted.machine.mms).toHaveLength(1);
    expect(strip(booted.mm, 2)).toBe("Ww");
    booted.mm.writeSync(at(0), Uint8Array.of(9));
  });
});

test("placement skips frozen gaps", async () => {
  const booted = boot();
  const first = booted.mm.mmapSync(0, PAGE, READ_WRITE, PRIVATE);
  booted.mm.writeSync(first, Uint8Array.of(1));
  const sleeper = gate();
  const { subscriber } = hold(booted, { answer: () => sleeper.promise });
  await subscriber.export(booted.mm, first);
  const unmap = watchPromise(booted.mm.munmap(first - 4 * PAGE, 5 * PAGE));
  const second = booted.mm.mmapSync(0, PAGE, READ_WRITE, PRIVATE);
  expect(second).toBeLessThan(first - 4 * PAGE);
  sleeper.open();
  await settle();
  expect(unmap.state).toBe("done");
});

describe("the plan validates, then notifies", () => {
  test("bad arguments are refused before anybody is told", async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await subscriber.export(booted.mm, at(0));
    const before = booted.mm.maps();
    for (const attempt of [
      booted.mm.munmap(at(0) + 1, PAGE),
      booted.mm.munmap(at(0), 0),
      booted.mm.mprotect(at(0), PAGE, 0x40),
      booted.mm.madvise(at(0), PAGE, 12345),
      booted.mm.mremap(at(0), PAGE, 0),
    ]) {
      expect(await errorOf(attempt)).toMatchObject({ code: "EINVAL" });
    }
    expect(diary).toEqual([]);
    expect(booted.mm.maps()).toBe(before);
  });

  test("an errno from Linux leaves the state that Linux leaves: the prefix is done", async () => {
    const booted = boot("ww.w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    await subscriber.export(booted.mm, at(3), { write: true });
    const error = await errorOf(booted.mm.mprotect(...pages(0, 4), PROT_READ));
    expect(error).toMatchObject({ code: "ENOMEM" });
    expect(strip(booted.mm, 4)).toBe("Rr.W");
    expect(diary).toEqual(["protect 0-2", "end done"]);
  });

  test("a refusal by a subscriber leaves nothing changed", async () => {
    const booted = boot("ww.w");
    const { subscriber } = hold(booted, {
      answer() {
        throw new Error("no");
      },
    });
    await subscriber.export(booted.mm, at(0), { write: true });
    const before = booted.mm.maps();
    const error = await errorOf(booted.mm.mprotect(...pages(0, 4), PROT_READ));
    expect(error).toMatchObject({ code: "EBUSY" });
    expect(booted.mm.maps()).toBe(before);
    expect(strip(booted.mm, 4)).toBe("Ww.w");
  });

  test("want of memory leaves nothing changed and nothing leaked", async () => {
    const booted = boot("", { memory: MIB });
    const { mm, machine } = booted;
    const big = mm.mmapSync(0, 1000 * 1024, READ_WRITE, PRIVATE);
    let touched = 0;
    const fill = () => {
      for (; touched < 250; touched++) mm.faultSync(big + touched * PAGE, { write: true });
    };
    expect(fill).toThrow(/ENOMEM/);
    const { free } = machine.frames;
    expect(() => mm.faultSync(big + touched * PAGE, { write: true })).toThrow(/ENOMEM/);
    expect(machine.frames.free).toBe(free);
    expect(machine.check()).toBe(0);
    mm.munmapSync(big, 1000 * 1024);
    expect(machine.frames.free).toBeGreaterThan(free + 200);
  });

  test("a commit that was planned does not fail for want of memory", async () => {
    const booted = boot("", { memory: MIB });
    const { mm } = booted;
    const big = mm.mmapSync(0, 1000 * 1024, READ_WRITE, PRIVATE);
    mm.faultSync(big, { write: true });
    const child = mm.forkSync();
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(mm, big);
    const write = watchPromise(mm.write(big, Uint8Array.of(7)));
    await settle();
    const fill = () => {
      for (let page = 1; page < 250; page++) mm.faultSync(big + page * PAGE, { write: true });
    };
    expect(fill).toThrow(/ENOMEM/);
    sleeper.open();
    await settle();
    expect(write.state).toBe("done");
    expect(child.readSync(big, 1)[0]).toBe(0);
    expect(mm.readSync(big, 1)[0]).toBe(7);
  });
});

test("populating meets the same freezes: it waits page by page and then goes on", async () => {
  const booted = boot("wwww");
  const child = booted.mm.forkSync();
  const { subscriber, diary } = hold(booted);
  await subscriber.exportRange(booted.mm, ...range(0, 4));
  await booted.mm.mlock(...pages(0, 4));
  expect(diary.filter((line) => line.startsWith("cow"))).toEqual([
    "cow 0-1",
    "cow 1-2",
    "cow 2-3",
    "cow 3-4",
  ]);
  expect(strip(booted.mm, 4)).toBe("wwww");
  expect(strip(child, 4)).toBe("rrrr");
  const more = await booted.mm.mmap(0, 3 * PAGE, READ_WRITE, PRIVATE | MAP_POPULATE);
  expect(booted.mm.page(more + 2 * PAGE)?.present).toBe(true);
});
