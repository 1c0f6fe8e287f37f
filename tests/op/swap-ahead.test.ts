// Do the neighbours of a page come with it from swap, and are they never in anybody's way?

import { describe, expect, test } from "vitest";
import { MADV_DONTNEED, MADV_PAGEOUT } from "../../src/constants.ts";
import {
  at,
  boot,
  MIB,
  PAGE,
  PRIVATE,
  pages,
  pattern,
  READ_WRITE,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { swapping } from "../support/swapping.ts";

/** 32 pages, all of them out, in slots 0 to 31. */
async function out({ isSlow = true, reclaim = true } = {}) {
  const booted = swapping({ isSlow, reclaim, drawing: "w".repeat(32) });
  await booted.out(0, 32);
  booted.store.diary.length = 0;
  const { machine, mm, store } = booted;
  return {
    ...booted,
    /** Reads the first byte of a page; the slots that are asked for. */
    async touch(page: number): Promise<number[]> {
      store.diary.length = 0;
      const reading = mm.read(at(page), 1);
      await store.answer();
      expect(await reading).toEqual(pattern(page, 1));
      return store.diary.map((line) => Number(line.replace("read ", "")));
    },
    ahead: () => [machine.vmstat().swap_ra, machine.vmstat().swap_ra_hit],
  };
}

describe("with a page come its neighbours", () => {
  test("up to eight slots, aligned, the wanted one first", async () => {
    const { mm, machine, touch, ahead } = await out();
    const { free } = machine.frames;
    expect(await touch(10)).toEqual([10, 8, 9, 11, 12, 13, 14, 15]);
    expect(strip(mm, 16)).toBe("__________w_____");
    expect(machine.frames.free).toBe(free - 8);
    expect(ahead()).toEqual([7, 0]);
    expect(machine.vmstat()).toMatchObject({ pswpin: 8, pgmajfault: 1, swap_slots_used: 31 });
    expect(machine.check()).toBe(0);
  });

  test("they are there at once, also for a call that cannot wait, and count as hits", async () => {
    const { mm, machine, store, touch, ahead } = await out();
    await touch(10);
    store.diary.length = 0;
    expect(mm.readSync(at(8), 8 * PAGE)).toEqual(pattern(8, 8 * PAGE));
    expect(store.diary).toEqual([]);
    expect(ahead()).toEqual([7, 7]);
    expect(machine.vmstat()).toMatchObject({ pgmajfault: 1, swap_slots_used: 24 });
    expect(machine.check()).toBe(0);
  });

  test("guesses that are wrong narrow the window, right ones widen it", async () => {
    const { touch } = await out();
    const widths: number[] = [];
    for (const page of [0, 8, 16, 24]) widths.push((await touch(page)).length);
    expect(widths).toEqual([8, 4, 2, 1]);
    for (const page of [10, 11, 17]) expect(await touch(page)).toEqual([]);
    expect(await touch(20)).toEqual([20, 18, 19, 21, 22, 23]);
  });

  test("slots that nobody names, and those in memory already, are left out", async () => {
    const { mm, touch } = await out();
    mm.madviseSync(...pages(9, 11), MADV_DONTNEED);
    expect(await touch(12)).toEqual([12, 8, 11, 13, 14, 15]);
    expect(await touch(8)).toEqual([]);
  });
});

describe("a guess is in nobody's way", () => {
  test("it takes no frame where few are free", async () => {
    const { mm, machine, touch } = await out({ reclaim: false });
    const base = mm.mmapSync(0, 4 * MIB, READ_WRITE, PRIVATE);
    const spare = machine.frames.total >> 6;
    for (let page = 0; machine.frames.free > spare + 3; page++)
      mm.faultSync(base + page * PAGE, { write: true });
    expect((await touch(0)).length).toBeLessThan(4);
    expect(machine.check()).toBe(0);
  });

  test("it is dropped where a frame is needed, and read again when wanted", async () => {
    const { mm, machine, store, touch } = await out({ reclaim: false });
    await touch(0);
    await touch(16);
    const base = mm.mmapSync(0, 4 * MIB, READ_WRITE, PRIVATE);
    let page = 0;
    const fill = () => {
      for (; ; page++) mm.writeSync(base + page * PAGE, Uint8Array.of(1));
    };
    expect(fill).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(machine.frames.free).toBe(0);
    expect(machine.vmstat().swap_slots_used).toBe(30);
    expect(machine.check()).toBe(0);
    mm.munmapSync(base, 4 * MIB);
    store.diary.length = 0;
    const reading = mm.read(at(1), 1);
    await store.answer();
    expect(await reading).toEqual(pattern(1, 1));
    expect(store.diary).toContain("read 1");
    expect(machine.check()).toBe(0);
  });

  test("its failure is nobody's error, and is not reported", async () => {
    const { mm, machine, store, reports, touch } = await out();
    const reading = mm.read(at(0), 1);
    await settle();
    store.open[1]?.fail(new Error("bad sector"));
    await store.answer();
    expect(await reading).toEqual(pattern(0, 1));
    expect(reports).toEqual([]);
    expect(machine.check()).toBe(0);
    expect(await touch(1)).toContain(1);
  });

  test("who wants it while it is on its way waits for it, and hears of its failure", async () => {
    const { mm, store } = await out();
    const [first, second] = [mm.read(at(0), 1), errorOf(mm.read(at(1), 1))];
    await settle();
    expect(store.diary.length).toBe(8);
    store.open[1]?.fail(new Error("bad sector"));
    await store.answer();
    expect(await first).toEqual(pattern(0, 1));
    expect(await second).toMatchObject({ code: "EIO", address: at(1) });
  });

  test("an address space that goes takes it along", async () => {
    const { mm, machine, touch } = await out();
    await touch(4);
    await mm.exit();
    expect(machine.vmstat().swap_slots_used).toBe(0);
    expect(machine.check()).toBe(0);
  });
});

test(`a random history in a small machine reads what was written, SEED=${SEED}`, () => {
  const random = prng(SEED);
  const count = 400;
  const { mm, machine } = boot("", { memory: MIB, swap: { pages: 600 }, overcommit: 64 * MIB });
  mm.mmapSync(at(0), count * PAGE, READ_WRITE, PRIVATE | 0x10);
  const bytes = new Uint8Array(count);
  for (let step = 0; step < 3_000; step++) {
    const page = random.below(count);
    if (machine.frames.free < 20) mm.madviseSync(...pages(0, count), MADV_PAGEOUT);
    if (random.oneIn(2)) {
      bytes[page] = random.below(256);
      mm.writeSync(at(page), Uint8Array.of(bytes[page] ?? 0));
    } else {
      expect(mm.readSync(at(page), 1)[0]).toBe(bytes[page]);
    }
  }
  const { swap_ra, swap_ra_hit } = machine.vmstat();
  expect(swap_ra).toBeGreaterThan(swap_ra_hit);
  expect(swap_ra_hit).toBeGreaterThan(0);
  expect(machine.check()).toBe(0);
});
