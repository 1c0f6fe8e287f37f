// Shared memory in swap: does it go when it may, and come back with every byte, whoever wants it?

import { describe, expect, test } from "vitest";
import {
  MADV_COLD,
  MADV_PAGEOUT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_SHARED,
} from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, READ_WRITE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { show } from "../support/shared-file.ts";
import {
  ALL,
  BYTES,
  COUNT,
  OUT,
  reclaimAll,
  type Shared,
  shared,
  slots,
  swappedOut,
} from "../support/shared-swap.ts";
import { gate } from "../support/sleeper.ts";

describe("reclaim of shared memory", () => {
  test("takes a page out of every address space that shows it", async () => {
    const made = shared();
    const other = made.machine.createMm();
    show(other, made.file);
    expect(reclaimAll(made)).toBe(COUNT);
    expect([strip(made.mm), strip(other)]).toEqual([OUT, OUT]);
    other.writeSync(at(1), Uint8Array.of(77));
    expect(made.mm.readSync(at(1), 2)).toEqual(Uint8Array.of(77, 2));
    expect(made.mm.readSync(at(2), 6 * PAGE)).toEqual(pattern(2, 6 * PAGE));
  });

  test("a page of a file that nobody maps goes, too", () => {
    const made = shared();
    made.mm.munmapSync(...ALL);
    expect(reclaimAll(made)).toBe(COUNT);
    expect(made.file.readSync(0, BYTES)).toEqual(pattern(0, BYTES));
    expect(slots(made)).toBe(0);
  });

  test("who holds one hears of all its places", async () => {
    const made = shared();
    const other = made.machine.createMm();
    show(other, made.file);
    const holder = hold(made);
    await holder.subscriber.export(made.mm, at(3));
    await holder.subscriber.export(other, at(3));
    for (let pass = 0; pass < 4; pass++) await made.machine.reclaim({ pages: COUNT });
    expect([strip(made.mm), strip(other)]).toEqual([OUT, OUT]);
    expect(holder.diary).toEqual(["evict pfn some", "end done"]);
    expect(holder.whys[0]?.places).toHaveLength(2);
    expect(other.readSync(at(3), PAGE)).toEqual(pattern(3, PAGE));
  });

  test("a private mapping loses the file's page, and keeps its own", () => {
    const made = shared();
    const other = made.machine.createMm();
    show(other, made.file, "private", 2);
    expect(reclaimAll(made)).toBe(COUNT + 2);
    expect(strip(other)).toBe(OUT);
    expect(other.readSync(at(0), 1)[0]).toBe(200);
    expect(made.mm.readSync(at(0), 1)[0]).toBe(1);
    expect(other.readSync(at(4), PAGE)).toEqual(pattern(4, PAGE));
  });

  test("a group's limit holds for what its members have made shared", async () => {
    const { machine } = boot("", { swap: { pages: 256 } });
    const group = machine.createGroup({ memory: 10 * PAGE });
    const mm = machine.createMm({ group });
    const base = await mm.mmap(0, 40 * PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    await mm.write(base, pattern(0, 40 * PAGE));
    expect(group.used).toBeLessThanOrEqual(group.memory);
    expect(await mm.read(base, 40 * PAGE)).toEqual(pattern(0, 40 * PAGE));
    expect(group.used).toBeLessThanOrEqual(group.memory);
  });
});

describe("a group at its limit", () => {
  test("waits for a page that is being read for it, as it has paid for that", async () => {
    const made = swappedOut({ isSlow: true });
    await made.store.answer();
    const mm = made.machine.createMm({ group: made.machine.createGroup({ memory: PAGE }) });
    mm.mmapSync(...pages(0, 1), READ_WRITE, MAP_SHARED | MAP_FIXED, made.file);
    made.file.truncateSync(PAGE);
    const reads = [mm.read(at(0), 1), mm.read(at(0), 1)];
    await settle();
    await made.store.answer();
    expect(await Promise.all(reads)).toEqual([pattern(0, 1), pattern(0, 1)]);
  });
});

describe("a file whose pages are in swap", () => {
  test("is read and written, in part and as a whole, by call", async () => {
    const made = swappedOut();
    const { file, mm } = made;
    expect(await file.read(PAGE + 5, 3)).toEqual(Uint8Array.of(2, 2, 2));
    await file.write(3 * PAGE + 10, Uint8Array.of(50));
    await file.write(5 * PAGE, new Uint8Array(PAGE).fill(60));
    expect(strip(mm)).toBe(OUT);
    const want = pattern(0, BYTES);
    want[3 * PAGE + 10] = 50;
    want.fill(60, 5 * PAGE, 6 * PAGE);
    expect(mm.readSync(at(0), BYTES)).toEqual(want);
    expect(slots(made)).toBe(0);
  });

  test("is cut within a page: what lay behind the cut does not come back", () => {
    const made = swappedOut();
    made.file.truncateSync(2 * PAGE + 100);
    expect(slots(made)).toBe(2);
    made.file.truncateSync(BYTES);
    const want = pattern(0, BYTES).fill(0, 2 * PAGE + 100);
    expect(made.mm.readSync(at(0), BYTES)).toEqual(want);
  });

  test("has holes punched into it, whole pages and parts", () => {
    const made = swappedOut();
    made.file.punchSync(PAGE + 8, 3 * PAGE);
    made.file.punchSync(6 * PAGE + 1, 2);
    const want = pattern(0, BYTES).fill(0, PAGE + 8, 4 * PAGE + 8);
    want.fill(0, 6 * PAGE + 1, 6 * PAGE + 3);
    expect(slots(made)).toBe(COUNT - 5);
    expect(made.file.readSync(0, BYTES)).toEqual(want);
  });

  test("gives its slots back with its last user", () => {
    const made = swappedOut();
    made.file.release();
    expect(slots(made)).toBe(COUNT);
    made.mm.exitSync();
    expect(slots(made)).toBe(0);
  });

  test("grows over the page that it ends in", () => {
    const made = swappedOut();
    made.file.truncateSync(BYTES - 10);
    made.machine.reclaimSync({ pages: COUNT });
    made.file.writeSync(BYTES, Uint8Array.of(9));
    const want = new Uint8Array(BYTES + 1);
    want.set(pattern(0, BYTES - 10));
    want[BYTES] = 9;
    expect(made.file.readSync(0, BYTES + 1)).toEqual(want);
  });

  test("the page that an open cut zeroes stays until that is done", async () => {
    const made = shared();
    const asked = gate();
    const { subscriber } = hold(made, { answer: () => asked.promise });
    await subscriber.export(made.mm, at(5));
    made.mm.madviseSync(...pages(0, 2), MADV_COLD);
    const cut = made.file.truncate(2 * PAGE + 100);
    await settle();
    expect(reclaimAll(made)).toBe(2);
    made.mm.madviseSync(...pages(2, 3), MADV_PAGEOUT);
    expect(strip(made.mm)).toBe("__wwwWww");
    asked.open();
    await cut;
    made.file.truncateSync(BYTES);
    expect(made.file.readSync(0, BYTES)).toEqual(pattern(0, BYTES).fill(0, 2 * PAGE + 100));
  });

  test("also where its holder was asked to give it up before the cut began", async () => {
    const made = shared();
    const [evicting, cutting] = [gate(), gate()];
    const holder = hold(made, { answer: () => evicting.promise });
    const late = hold(made, { answer: () => cutting.promise });
    await made.mm.mlock(...pages(5, 6));
    await holder.subscriber.export(made.mm, at(2));
    await late.subscriber.export(made.mm, at(5));
    made.mm.madviseSync(...pages(2, 3), MADV_COLD);
    const reclaim = made.machine.reclaim({ pages: COUNT });
    await settle();
    const cut = made.file.truncate(2 * PAGE + 100);
    await settle();
    evicting.open();
    await reclaim;
    expect([holder.diary, late.diary]).toEqual([["evict pfn some", "end done"], ["truncate 5-6"]]);
    cutting.open();
    await cut;
    made.file.truncateSync(BYTES);
    expect(made.file.readSync(0, BYTES)).toEqual(pattern(0, BYTES).fill(0, 2 * PAGE + 100));
  });

  test("a hole behind its end takes what was written there, in the page that it ends in", () => {
    for (const advice of [MADV_COLD, MADV_PAGEOUT]) {
      const made = shared();
      made.file.truncateSync(BYTES - 2_000);
      made.mm.writeSync(at(7), pattern(7, PAGE));
      made.mm.madviseSync(...ALL, advice);
      made.file.punchSync(BYTES - 1_000, PAGE);
      made.file.truncateSync(BYTES);
      expect(made.file.readSync(0, BYTES)).toEqual(pattern(0, BYTES).fill(0, BYTES - 1_000));
    }
  });
});

test("a snapshot has what is in swap, and finds it unchanged the next time", async () => {
  const made = swappedOut();
  const whole = await made.mm.snapshot();
  expect(whole.addresses).toHaveLength(COUNT);
  made.mm.madviseSync(...ALL, MADV_PAGEOUT);
  expect((await made.mm.changes(whole)).addresses).toHaveLength(0);
  const there = boot();
  there.machine.applySync(whole, there.mm);
  expect(there.mm.readSync(at(0), BYTES)).toEqual(pattern(0, BYTES));
});

describe("shared memory and a store of swap that is slow, or fails", () => {
  test("wanted while it is written, it is there at once, and its slot is nobody's", async () => {
    const made = shared({ isSlow: true });
    made.mm.madviseSync(...ALL, MADV_PAGEOUT);
    expect(made.mm.mincoreSync(...ALL)).toEqual(new Uint8Array(COUNT).fill(1));
    made.mm.writeSync(at(2), Uint8Array.of(42));
    expect(made.file.readSync(3 * PAGE, 1)[0]).toBe(4);
    expect(made.store.diary.filter((line) => line.startsWith("read"))).toEqual([]);
    expect(slots(made)).toBe(COUNT);
    await made.store.answer();
    expect(slots(made)).toBe(COUNT - 2);
    expect(made.mm.readSync(at(2), 1)[0]).toBe(42);
    expect(made.machine.check()).toBe(0);
  });

  test("cut while it is written or read, nothing of it is left", async () => {
    const made = shared({ isSlow: true });
    made.mm.madviseSync(...ALL, MADV_PAGEOUT);
    made.file.truncateSync(4 * PAGE);
    await made.store.answer();
    expect(slots(made)).toBe(4);
    const reading = errorOf(made.mm.read(at(3), 1));
    await settle();
    made.file.truncateSync(0);
    await made.store.answer();
    expect((await reading).message).toMatch(/SIGBUS/);
    expect(slots(made)).toBe(0);
    expect(made.machine.check()).toBe(0);
  });

  test("a page that could not be written stays, and goes the next time", async () => {
    const made = shared();
    made.store.failure = { on: "write", error: new Error("full") };
    made.mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
    expect(made.reports).toHaveLength(1);
    expect(made.mm.readSync(at(0), PAGE)).toEqual(pattern(0, PAGE));
    made.mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
    expect(made.mm.readSync(at(0), PAGE)).toEqual(pattern(0, PAGE));
    expect(slots(made)).toBe(0);
  });

  test("a page that could not be read is EIO, changes nothing, and can be read again", async () => {
    const ways: [code: string, way: (made: Shared) => Promise<unknown>][] = [
      ["EIO", ({ mm }) => mm.read(at(2), 1)],
      ["EIO", ({ file }) => file.read(1, 1)],
      ["EIO", ({ file }) => file.write(1, Uint8Array.of(9))],
      ["EIO", ({ file }) => file.truncate(100)],
      ["EIO", ({ file }) => file.punch(100, 10)],
    ];
    for (const [code, way] of ways) {
      const made = swappedOut();
      made.store.failure = { on: "read", error: new Error("broken") };
      expect((await errorOf(way(made))).message).toMatch(code);
      expect(made.file.size).toBe(BYTES);
      expect(await made.mm.read(at(0), BYTES)).toEqual(pattern(0, BYTES));
    }
  });
});

describe("swapOff", () => {
  test("brings back what files have in swap, also where nobody maps it", async () => {
    const made = swappedOut();
    made.mm.munmapSync(...ALL);
    await made.machine.swapOff();
    expect(slots(made)).toBe(0);
    expect(made.file.readSync(0, BYTES)).toEqual(pattern(0, BYTES));
  });

  test("waits for a slow store, and for a read that was given up", async () => {
    const made = shared({ isSlow: true });
    made.mm.madviseSync(...ALL, MADV_PAGEOUT);
    await made.store.answer();
    expect(() => made.file.readSync(0, 1)).toThrow(/EAGAIN/);
    made.file.truncateSync(5 * PAGE);
    const off = watchPromise(made.machine.swapOff());
    await settle();
    expect(off.state).toBe("pending");
    await made.store.answer();
    expect(off.state).toBe("done");
    expect(made.file.readSync(0, 5 * PAGE)).toEqual(pattern(0, 5 * PAGE));
    expect(made.machine.check()).toBe(0);
  });
});
