// Do bytes come back from swap as they went, whoever is told, whatever the backing does meanwhile?

import { describe, expect, test } from "vitest";
import {
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MAP_FIXED,
  PROT_NONE,
} from "../../src/constants.ts";
import { SWAP_PAGES_MAX } from "../../src/swap.ts";
import {
  at,
  boot,
  PAGE,
  PRIVATE,
  pages,
  pattern,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { type Swapping, swapping } from "../support/swapping.ts";

describe("out and in", () => {
  test("bytes survive, frames come free, counters count", async () => {
    const { mm, machine, stat } = swapping();
    const { free } = machine.frames;
    mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
    expect(strip(mm, 4)).toBe("____");
    expect([...mm.pagemap()].map(({ present, pfn }) => [present, pfn])).toEqual(
      Array.from({ length: 4 }, () => [false, 0]),
    );
    expect(machine.frames.free).toBe(free + 4);
    expect(stat()).toEqual({ in: 0, out: 4, slots: 4 });
    expect(mm.readSync(at(0), 4 * PAGE)).toEqual(pattern(0, 4 * PAGE));
    expect(strip(mm, 4)).toBe("wwww");
    expect(stat()).toEqual({ in: 4, out: 4, slots: 0 });
    expect(machine.check()).toBe(0);
  });

  test("the same with a backing that takes its time", async () => {
    const { mm, machine, store, out, stat } = swapping({ isSlow: true });
    await out(0, 4);
    const reading = mm.read(at(0), 4 * PAGE);
    await settle();
    const slots = [0, 1, 2, 3];
    const reads = slots.map((slot) => `read ${slot}`);
    expect(store.diary).toEqual([...slots.map((slot) => `write ${slot}`), ...reads]);
    await store.answer();
    expect(await reading).toEqual(pattern(0, 4 * PAGE));
    expect(stat()).toEqual({ in: 4, out: 4, slots: 0 });
    expect(machine.check()).toBe(0);
  });

  test("without a backing of its own, a machine swaps to the host's memory", () => {
    const { mm, machine } = boot("ww", { swap: { pages: 2 } });
    mm.madviseSync(...pages(0, 2), MADV_PAGEOUT);
    expect(strip(mm, 2)).toBe("__");
    expect(mm.readSync(at(0), 2 * PAGE)).toEqual(pattern(0, 2 * PAGE));
    expect(machine.vmstat().pswpin).toBe(2);
  });

  test("without swap, and without a slot left, pages stay", () => {
    const none = boot("ww");
    none.mm.madviseSync(...pages(0, 2), MADV_PAGEOUT);
    expect(strip(none.mm, 2)).toBe("ww");
    const one = boot("ww", { swap: { pages: 1 } });
    one.mm.madviseSync(...pages(0, 2), MADV_PAGEOUT);
    expect(strip(one.mm, 2)).toBe("_w");
  });

  test("over a hole it is ENOMEM, and what is mapped has gone out", async () => {
    const { mm, store } = swapping({ drawing: "ww.w" });
    const error = await errorOf(mm.madvise(...pages(0, 4), MADV_PAGEOUT));
    expect(error.code).toBe("ENOMEM");
    expect(strip(mm, 4)).toBe("__._");
    expect(store.diary.length).toBe(3);
  });

  test("parent and child share a slot; a write of one is not the other's", async () => {
    const { mm, machine, store, out } = swapping({ isSlow: true });
    await out(0, 1);
    const child = await mm.fork();
    const both = Promise.all([child.write(at(0), Uint8Array.of(99)), mm.read(at(0), 1)]);
    await store.answer();
    expect((await both)[1]).toEqual(pattern(0, 1));
    expect((await child.read(at(0), 2)).join()).toBe(`99,${pattern(0, 1)[0]}`);
    expect(store.diary).toEqual(["write 0", "read 0"]);
    expect(machine.check()).toBe(0);
  });

  test.each<[string, (booted: Swapping) => Promise<unknown>]>([
    ["mlock", (b) => b.mm.mlock(...pages(0, 4))],
    ["MADV_POPULATE_READ", (b) => b.mm.madvise(...pages(0, 4), MADV_POPULATE_READ)],
    ["MADV_POPULATE_WRITE", (b) => b.mm.madvise(...pages(0, 4), MADV_POPULATE_WRITE)],
    ["fault", (b) => Promise.all([0, 1, 2, 3].map((page) => b.mm.fault(at(page))))],
  ])("%s brings every page in", async (_name, bring) => {
    const booted = swapping({ isSlow: true });
    await booted.out(0, 4);
    const done = bring(booted);
    await settle();
    await booted.store.answer();
    await done;
    expect(strip(booted.mm, 4)).toBe("wwww");
    expect(booted.stat().in).toBe(4);
  });

  test("an export brings its page in", async () => {
    const booted = swapping({ isSlow: true });
    const { subscriber } = hold(booted);
    await booted.out(1, 2);
    const exporting = subscriber.export(booted.mm, at(1), { write: true });
    await settle();
    await booted.store.answer();
    expect((await exporting).read(0, 1)).toEqual(pattern(1, 1));
    expect(strip(booted.mm, 4)).toBe("wWww");
  });
});

describe("who waits, and who does not", () => {
  test("a sync call is EAGAIN while the page is on its way, and finds it afterwards", async () => {
    const { mm, store, out } = swapping({ isSlow: true });
    await out(0, 1);
    const again = expect.objectContaining({ code: "EAGAIN", address: at(0) });
    expect(() => mm.readSync(at(0), 1)).toThrow(again);
    expect(() => mm.faultSync(at(0))).toThrow(again);
    expect(store.diary).toEqual(["write 0", "read 0"]);
    await store.answer();
    expect(mm.readSync(at(0), 1)).toEqual(pattern(0, 1));
    expect(store.diary).toEqual(["write 0", "read 0"]);
  });

  test("B1: two that want one slot read it once", async () => {
    const { mm, store, out, stat } = swapping({ isSlow: true });
    await out(0, 1);
    const both = Promise.all([mm.read(at(0), 1), mm.read(at(0) + 7, 1)]);
    await store.answer();
    expect(await both).toEqual([pattern(0, 1), pattern(0, 1)]);
    expect(store.diary).toEqual(["write 0", "read 0"]);
    expect(stat()).toEqual({ in: 1, out: 1, slots: 0 });
  });

  test("who waits for a read holds no freeze: the page can be unmapped", async () => {
    const { mm, machine, store, out, stat } = swapping({ isSlow: true });
    await out(0, 1);
    const reading = watchPromise(mm.read(at(0), 1));
    mm.munmapSync(...pages(0, 1));
    await store.answer();
    expect(reading.state).toBe("SIGSEGV");
    expect(stat().slots).toBe(0);
    expect(machine.check()).toBe(0);
  });

  test("a read that hangs is ETIMEDOUT, and the next finds the page once it ended", async () => {
    const { mm, clock, store, out } = swapping({ isSlow: true });
    await out(0, 1);
    const reading = watchPromise(mm.read(at(0), 1, { deadline: 50 }));
    await clock.advance(50);
    expect(reading.state).toBe("ETIMEDOUT");
    expect(clock.armed).toBe(0);
    await store.answer();
    expect(mm.readSync(at(0), 1)).toEqual(pattern(0, 1));
  });

  test("a caller that gives up leaves the read to the others", async () => {
    const { mm, clock, store, out } = swapping({ isSlow: true });
    await out(0, 1);
    const off = new AbortController();
    const first = errorOf(mm.read(at(0), 1, { signal: off.signal }));
    const second = mm.read(at(0), 1);
    off.abort(new Error("no longer"));
    expect((await first).message).toBe("no longer");
    await store.answer();
    expect(await second).toEqual(pattern(0, 1));
    expect(clock.armed).toBe(0);
  });

  test("pages side by side in swap are written in one call, 64 at most", async () => {
    const { mm, store, out, stat } = swapping({ isSlow: true, drawing: "w".repeat(100) });
    await mm.madvise(...pages(0, 100), MADV_PAGEOUT);
    expect(store.open.length).toBe(2);
    await out(0, 100);
    expect(stat().out).toBe(100);
    expect(new Set(store.diary).size).toBe(100);
  });
});

describe("pages on their way", () => {
  test("a page that is wanted while it is written never left", async () => {
    const { mm, machine, store, stat } = swapping({ isSlow: true });
    await mm.madvise(...pages(0, 1), MADV_PAGEOUT);
    expect(mm.readSync(at(0), 1)).toEqual(pattern(0, 1));
    await store.answer();
    expect(stat()).toEqual({ in: 0, out: 1, slots: 0 });
    expect(strip(mm, 1)).toBe("w");
    expect(machine.check()).toBe(0);
  });

  test("B3: what is being written does not change with the page", async () => {
    const kept: Uint8Array[] = [];
    const backing = {
      read: () => PAGE,
      write: async (_: number, from: Uint8Array) => void kept.push(from),
    };
    const { mm } = boot("w", { swap: { pages: 1, backing } });
    await mm.madvise(...pages(0, 1), MADV_PAGEOUT);
    mm.writeSync(at(0), new Uint8Array(PAGE).fill(77));
    expect(kept).toEqual([pattern(0, PAGE)]);
  });

  test.each(["write", "read"])("exit while a %s is at work leaves nothing behind", async (what) => {
    const { mm, machine, store, out, stat } = swapping({ isSlow: true, drawing: "" });
    const { free } = machine.frames;
    mm.mmapSync(at(0), 4 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
    mm.writeSync(at(0), pattern(0, 4 * PAGE));
    if (what === "read") await out(0, 4);
    else await mm.madvise(...pages(0, 4), MADV_PAGEOUT);
    const reading = what === "read" ? watchPromise(mm.read(at(0), 1)) : { state: "ESRCH" };
    expect(await mm.exit()).toEqual({ quarantined: 0 });
    expect(stat().slots).toBe(4);
    await store.answer();
    expect(reading.state).toBe("ESRCH");
    expect(stat().slots).toBe(0);
    expect(machine.frames.free + machine.vmstat().nr_slab).toBeGreaterThanOrEqual(free);
    expect(machine.check()).toBe(0);
  });
});

describe("who is told", () => {
  test("a holder, before the page goes: invalidatePage, evict, every place", async () => {
    const booted = swapping();
    const { mm, store } = booted;
    const seen: unknown[] = [];
    const { subscriber, diary } = hold(booted, {
      answer: (why) => {
        seen.push([why.reason, why.demand, [...why.places], strip(mm, 4), [...store.diary]]);
      },
    });
    await subscriber.exportRange(mm, ...range(1, 3), { write: true });
    await mm.madvise(...pages(0, 4), MADV_PAGEOUT);
    expect(seen).toEqual([
      ["evict", "all", [{ mm, address: at(1) }], "wWWw", []],
      ["evict", "all", [{ mm, address: at(2) }], "wwWw", []],
    ]);
    expect(diary).toEqual(["evict pfn some", "evict pfn some", "end done"]);
    expect(strip(mm, 4)).toBe("____");
  });

  test("who keeps the page is named by EBUSY, and everything stays", async () => {
    const booted = swapping();
    const { mm, store, machine } = booted;
    const { subscriber, diary } = hold(booted, { letsGo: false });
    await subscriber.export(mm, at(1), { write: true });
    const error = await errorOf(mm.madvise(...pages(0, 4), MADV_PAGEOUT));
    expect(error).toMatchObject({ code: "EBUSY", holder: "holder", address: at(1) });
    expect(strip(mm, 4)).toBe("wWww");
    expect(diary).toEqual(["evict pfn some", "end aborted"]);
    expect(store.diary).toEqual([]);
    expect(machine.check()).toBe(0);
  });

  test("who watches the address space hears of pages that nobody can hold", async () => {
    const booted = swapping();
    const { mm } = booted;
    const { subscriber, diary } = hold(booted);
    subscriber.watch(mm);
    await mm.mprotect(...pages(1, 2), PROT_NONE);
    diary.length = 0;
    await mm.madvise(...pages(1, 2), MADV_PAGEOUT);
    expect(diary).toEqual(["evict pfn some", "end done"]);
  });
});

describe("what it is made with", () => {
  test.each([0, SWAP_PAGES_MAX + 1, -1])("%s pages is a RangeError", (count) => {
    expect(() => boot("", { swap: { pages: count } })).toThrow(RangeError);
  });

  test("more slots than the machine can describe is ENOMEM", () => {
    const swap = { pages: SWAP_PAGES_MAX };
    expect(() => boot("", { swap })).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  });

  test.each([
    ["no number", { pages: "4" }],
    ["a backing that cannot write", { pages: 4, backing: { read() {} } }],
    ["a backing that is none", { pages: 4, backing: 7 }],
    ["nothing", null],
  ])("%s is a TypeError", (_name, swap) => {
    expect(() => boot("", { swap: swap as never })).toThrow(TypeError);
  });
});

test(`a random history reads what was written last, SEED=${SEED}`, async () => {
  const random = prng(SEED);
  const { mm, machine, store, stat } = swapping({ isSlow: true, drawing: "w".repeat(16) });
  const bytes = Array.from({ length: 16 }, (_, page) => page + 1);
  const step = async (page: number) => {
    const kind = random.below(4);
    if (kind === 0) return mm.madvise(...pages(page, 16), MADV_PAGEOUT);
    if (kind === 1) {
      bytes[page] = random.below(256);
      return mm.write(at(page), Uint8Array.of(bytes[page]));
    }
    const expected = bytes[page];
    expect((await mm.read(at(page), 1))[0]).toBe(expected);
  };
  for (let turn = 0; turn < 400; turn++) {
    const steps = [step(random.below(8)), step(8 + random.below(8))];
    await settle();
    if (random.oneIn(3)) store.open.reverse();
    if (random.oneIn(2)) store.open.shift()?.open();
    steps.push(step(random.below(8)));
    await settle();
    await store.answer();
    await Promise.all(steps);
    expect(machine.check()).toBe(0);
  }
  expect(stat().in).toBeGreaterThan(0);
});
