// Subscribers that answer with what no honest one would: the machine goes on, and nothing stays
// frozen, unanswered, or said twice.

import { describe, expect, test } from "vitest";
import { MAP_FIXED, MAP_POPULATE } from "../../src/constants.ts";
import type { Booted } from "../support/boot.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { show } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const thrown = () => {
  throw new Error("gotcha");
};

/** Nothing is open, nobody waits, no timer is left, and the pages can be unmapped. */
async function expectFree(booted: Booted): Promise<void> {
  await settle();
  expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
  expect(booted.clock.armed).toBe(0);
  expect(booted.machine.check()).toBe(0);
}

const THEN = "then";

/** Answers that are thenables of a kind, or fail when they are looked at. */
const TRAPS: Record<string, () => unknown> = {
  "a getter `then` that throws": () => Object.defineProperty({}, THEN, { get: thrown }),
  "a proxy that throws at every look": () => new Proxy({}, { get: thrown, has: thrown }),
  "a `then` that throws": () => ({ [THEN]: thrown }),
  "a promise whose own `then` throws": () => Object.assign(Promise.resolve(), { [THEN]: thrown }),
  "a promise whose constructor throws": () =>
    Object.defineProperty(Promise.resolve(), "constructor", { get: thrown }),
};

/** Causes that cannot be made into text. */
const CAUSES: Record<string, () => unknown> = {
  "an object without a prototype": () => Object.create(null),
  "an object whose toString throws": () => ({ toString: thrown }),
  "an error whose message throws": () =>
    Object.defineProperty(new Error(), "message", { get: thrown }),
  "an error whose message is a symbol": () => Object.assign(new Error(), { message: Symbol("m") }),
  "a proxy": () => new Proxy(new Error("x"), { get: thrown, getPrototypeOf: thrown }),
  undefined: () => undefined,
  null: () => null,
};

describe("an answer that fails when it is looked at is a refusal, or an acceptance", () => {
  test.each(Object.keys(TRAPS))("%s", async (name) => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { invalidateProcessRange: TRAPS[name] as () => undefined });
    await subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await settle();
    expect(unmap.state).toBe("EBUSY");
    await expectFree(booted);
    await booted.machine.exportNotifiers.unregister(subscriber);
    expect(strip(booted.mm, 1)).toBe("w");
  });

  test.each(Object.keys(TRAPS))("in a call that cannot wait: %s", (name) => {
    const booted = boot("w");
    const { subscriber } = hold(booted, {
      sync: true,
      invalidateProcessRange: TRAPS[name] as () => undefined,
    });
    subscriber.exportSync(booted.mm, at(0));
    expect(() => booted.mm.munmapSync(...pages(0, 1))).toThrow(/EAGAIN|EBUSY/);
    expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
  });

  test.each(Object.keys(TRAPS))("at exit it is reported: %s", async (name) => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { release: TRAPS[name] as () => undefined });
    await subscriber.export(booted.mm, at(0));
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
    expect(booted.reports.map(({ where }) => where)).toEqual(["holder.release"]);
  });
});

describe("a refusal with a cause that has no text is still a refusal that names the holder", () => {
  test.each(Object.keys(CAUSES))("thrown: %s", async (name) => {
    const booted = boot("w");
    const { subscriber } = hold(booted, {
      answer() {
        throw CAUSES[name]?.();
      },
    });
    await subscriber.export(booted.mm, at(0));
    const error = await errorOf(booted.mm.munmap(...pages(0, 1)));
    expect(error).toMatchObject({ code: "EBUSY", op: "munmap", holder: "holder", address: at(0) });
    await expectFree(booted);
  });

  test.each(Object.keys(CAUSES))("rejected: %s", async (name) => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { answer: () => Promise.reject(CAUSES[name]?.()) });
    await subscriber.export(booted.mm, at(0));
    const error = await errorOf(booted.mm.munmap(...pages(0, 1)));
    expect(error).toMatchObject({ code: "EBUSY", holder: "holder" });
    expect(subscriber.isOwing).toBe(false);
    await expectFree(booted);
  });
});

describe("a subscriber is what it was when it registered", () => {
  test("a callback that throws when it is looked up later is a refusal", async () => {
    const booted = boot("w");
    let isHonest = true;
    const subscriber = booted.register({
      name: "two-faced",
      get invalidateProcessRange() {
        return isHonest ? () => {} : thrown();
      },
    });
    await subscriber.export(booted.mm, at(0));
    isHonest = false;
    const error = await errorOf(booted.mm.munmap(...pages(0, 1)));
    expect(error).toMatchObject({ code: "EBUSY", holder: "two-faced" });
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
  });
});

describe("a fence out of the subscriber's own callback", () => {
  test("what it answers afterwards is not waited for", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, {
      answer() {
        booted.machine.exportNotifiers.fence(subscriber);
        return gate().promise;
      },
    });
    await subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await settle();
    expect([unmap.state, strip(booted.mm, 1)]).toEqual(["done", "."]);
    await expectFree(booted);
  });

  test("what it throws or rejects with afterwards is not heeded", async () => {
    for (const answer of [thrown, () => Promise.reject(new Error("late"))]) {
      const booted = boot("w");
      const { subscriber } = hold(booted, {
        answer() {
          booted.machine.exportNotifiers.fence(subscriber);
          return answer();
        },
      });
      await subscriber.export(booted.mm, at(0));
      await booted.mm.munmap(...pages(0, 1));
      expect(strip(booted.mm, 1)).toBe(".");
      await expectFree(booted);
    }
  });
});

test("one end, though two callbacks of one bracket are late", async () => {
  const booted = boot("");
  const file = booted.machine.createFile({ size: 8 * PAGE });
  const other = booted.machine.createMm();
  for (const mm of [booted.mm, other]) show(mm, file);
  const sleepers = [gate(), gate()];
  let told = 0;
  const { subscriber, diary } = hold(booted, {
    deadline: 10,
    answer: () => sleepers[told++]?.promise,
  });
  for (const mm of [booted.mm, other]) await subscriber.export(mm, at(0));
  const punch = watchPromise(file.punch(0, PAGE, { parallel: true }));
  await booted.clock.advance(10);
  expect([punch.state, told]).toEqual(["ETIMEDOUT", 2]);
  sleepers[0]?.open();
  await settle();
  expect(diary.filter((line) => line.startsWith("end"))).toEqual([]);
  sleepers[1]?.open();
  await settle();
  expect(diary.filter((line) => line.startsWith("end"))).toEqual(["end aborted"]);
});

test("a page that a callback was told about is not readable after its bracket", async () => {
  const booted = boot("w");
  const seen: { page: { bytes: Uint8Array } | null } = { page: null };
  const { subscriber } = hold(booted, {
    invalidatePage(page) {
      seen.page = page;
      expect(page.bytes[0]).toBe(1);
      subscriber.release();
    },
  });
  await subscriber.export(booted.mm, at(0));
  await booted.machine.migrate(booted.mm.page(at(0))?.pfn ?? 0);
  expect(() => seen.page?.bytes).toThrow(/ESTALE/);
});

describe("the caller gives up", () => {
  test("between its turn and its plan: nothing is told, nothing is done", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    let isSlow = true;
    const controller = new AbortController();
    const { subscriber, diary } = hold(booted, {
      answer: () => (isSlow ? sleeper.promise : undefined),
      // The second is woken right after this returns, and goes on after the microtask.
      end: () => queueMicrotask(() => controller.abort()),
    });
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    const first = booted.mm.munmap(...pages(0, 1));
    const second = errorOf(booted.mm.munmap(...pages(0, 2), { signal: controller.signal }));
    await settle();
    isSlow = false;
    sleeper.open();
    await first;
    expect(await second).toMatchObject({ name: "AbortError" });
    expect(diary).toEqual(["unmap 0-1"]);
    expect(strip(booted.mm, 2)).toBe(".W");
    await expectFree(booted);
  });

  test("before it asks: an access leaves no freeze behind, and copies nothing", async () => {
    const booted = boot("w");
    const child = await booted.mm.fork();
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const signal = AbortSignal.abort();
    const other = booted.register({});
    for (const access of [
      booted.mm.write(at(0), Uint8Array.of(9), { signal }),
      other.export(booted.mm, at(0), { write: true, signal }),
      other.exportRange(booted.mm, ...range(0, 1), { write: true, signal }),
      booted.mm.read(at(0), 1, { signal }),
    ]) {
      expect(await errorOf(access)).toMatchObject({ name: "AbortError" });
    }
    expect([diary, other.exportedCount]).toEqual([[], 0]);
    await expectFree(booted);
    await booted.mm.munmap(...pages(0, 1));
    expect((await child.read(at(0), 1))[0]).toBe(1);
  });

  test("when it is committed: it is done, and says so", async () => {
    const booted = boot("w");
    const controller = new AbortController();
    const { signal } = controller;
    const { subscriber } = hold(booted, { end: () => controller.abort() });
    await subscriber.export(booted.mm, at(0));
    const flags = PRIVATE | MAP_FIXED | MAP_POPULATE;
    const made = booted.mm.mmap(at(0), PAGE, READ_WRITE, flags, null, 0, { signal });
    expect(await made).toBe(at(0));
    expect(booted.mm.areas()).toHaveLength(1);
    await expectFree(booted);
  });

  test("with a reason that is null", async () => {
    const booted = boot("w");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const controller = new AbortController();
    const unmap = errorOf(booted.mm.munmap(...pages(0, 1), { signal: controller.signal }));
    controller.abort(null);
    sleeper.open();
    expect(await unmap).toMatchObject({ name: "AbortError" });
    expect(strip(booted.mm, 1)).toBe("w");
    await expectFree(booted);
  });
});

test("a listener of onIdle that throws is reported, and the others hear", async () => {
  const booted = boot("w");
  const { subscriber } = hold(booted);
  const heard: string[] = [];
  subscriber.onIdle(thrown);
  subscriber.onIdle(() => heard.push("idle"));
  await subscriber.export(booted.mm, at(0));
  await booted.mm.munmap(...pages(0, 1));
  expect([strip(booted.mm, 1), heard]).toEqual([".", ["idle"]]);
  expect(booted.reports.map(({ where }) => where)).toEqual(["holder.onIdle"]);
});
