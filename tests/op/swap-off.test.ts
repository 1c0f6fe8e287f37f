// Does a swap area go without losing a page, whatever happens meanwhile, or stay as it was?

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { MADV_PAGEOUT } from "../../src/constants.ts";
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
import { errorOf, hold, type Manners, watchPromise } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";
import { storeOf } from "../support/store.ts";
import { swapping } from "../support/swapping.ts";

describe("swapOff", () => {
  test("brings every page back, and gives the area's frames up", () => {
    const { mm, machine } = boot("w".repeat(20));
    const before = machine.frames.free;
    machine.swapOn({ pages: 100 });
    expect(machine.frames.free).toBe(before - 2);
    mm.madviseSync(...pages(0, 20), MADV_PAGEOUT);
    const child = mm.forkSync();
    expect([strip(mm, 20), strip(child, 20)]).toEqual(["_".repeat(20), "_".repeat(20)]);
    machine.swapOffSync();
    for (const each of [mm, child]) {
      expect(strip(each, 20)).toBe("r".repeat(20));
      expect(each.readSync(at(0), 20 * PAGE)).toEqual(pattern(0, 20 * PAGE));
    }
    child.exitSync();
    expect(machine.vmstat().swap_slots_used).toBe(0);
    expect(machine.frames.free + machine.vmstat().nr_slab).toBeGreaterThanOrEqual(before);
    expect(machine.check()).toBe(0);
  });

  test("nothing goes out afterwards, and another area can be made", async () => {
    const { mm, machine, out } = swapping();
    await out(0, 4);
    await machine.swapOff();
    mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
    expect(strip(mm, 4)).toBe("wwww");
    const other = storeOf(false);
    machine.swapOn({ pages: 2, backing: other });
    mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
    expect(strip(mm, 4)).toBe("__ww");
    expect(other.diary).toEqual(["write 0", "write 1"]);
    expect(mm.readSync(at(0), 4 * PAGE)).toEqual(pattern(0, 4 * PAGE));
    expect(machine.check()).toBe(0);
  });

  test("a page whose holder is still asked stays when the area has gone", async () => {
    const booted = boot("ww", { swap: { pages: 8 } });
    const { mm, machine } = booted;
    const asked = gate();
    const { subscriber, diary } = hold(booted, { answer: () => asked.promise });
    await subscriber.export(mm, at(0));
    const reclaimed = machine.reclaim({ pages: 2 });
    await settle();
    expect(strip(mm, 2)).toBe("W_");
    machine.swapOffSync();
    asked.open();
    expect(await reclaimed).toMatchObject({ reclaimed: 1, skipped: { refused: 1 } });
    expect(diary).toEqual(["evict pfn some", "end done"]);
    expect(strip(mm, 2)).toBe("ww");
    expect(machine.check()).toBe(0);
  });

  test("waits for swap, not for the file that was read last", async () => {
    const { mm, machine, store } = swapping({ isSlow: true });
    const backing = memoryBacking();
    backing.write(0, pattern(9, PAGE));
    const file = machine.openFileSync({ backing });
    mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
    expect(file.readSync(0, PAGE)).toEqual(pattern(9, PAGE));
    mm.munmapSync(...pages(0, 1));
    expect(() => machine.swapOffSync()).toThrow(/EAGAIN/);
    const gone = watchPromise(machine.swapOff());
    await settle();
    expect(gone.state).toBe("pending");
    await store.answer();
    expect(gone.state).toBe("done");
  });

  test("waits for reads, and for what is on its way out", async () => {
    const { mm, machine, store, stat } = swapping({ isSlow: true });
    for (let page = 0; page < 4; page++) await mm.madvise(...pages(page, page + 1), MADV_PAGEOUT);
    store.open.shift()?.open();
    await settle();
    const off = watchPromise(machine.swapOff());
    await settle();
    expect(off.state).toBe("pending");
    expect(store.diary).toEqual(["write 0", "write 1", "write 2", "write 3", "read 0"]);
    store.open.pop()?.open();
    await settle();
    expect([strip(mm, 4), off.state]).toEqual(["wwww", "pending"]);
    await store.answer();
    expect(off.state).toBe("done");
    expect(stat()).toEqual({ in: 1, out: 4, slots: 0 });
    expect(mm.readSync(at(0), 4 * PAGE)).toEqual(pattern(0, 4 * PAGE));
    expect(machine.check()).toBe(0);
  });

  test("a call that cannot wait is EAGAIN, and the area goes on", async () => {
    const { mm, machine, store, out } = swapping({ isSlow: true });
    await out(0, 4);
    expect(() => machine.swapOffSync()).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    await store.answer();
    machine.swapOffSync();
    expect(strip(mm, 4)).toBe("wwww");
    machine.swapOn({ pages: 4 });
    mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
    expect(strip(mm, 4)).toBe("____");
  });

  test("meanwhile nothing goes out, and what happens to the pages is kept", async () => {
    const { mm, machine, store, out } = swapping({ isSlow: true, drawing: "w".repeat(20) });
    await out(0, 20);
    const off = watchPromise(machine.swapOff());
    await settle();
    const child = await mm.fork();
    mm.munmapSync(...pages(18, 20));
    const writing = child.write(at(1), Uint8Array.of(99));
    await mm.madvise(...pages(0, 18), MADV_PAGEOUT);
    await store.answer();
    await writing;
    expect(off.state).toBe("done");
    expect(mm.readSync(at(0), 18 * PAGE)).toEqual(pattern(0, 18 * PAGE));
    expect(child.readSync(at(1), 2)).toEqual(Uint8Array.of(99, pattern(1, 1)[0] ?? 0));
    expect(child.readSync(at(2), 18 * PAGE)).toEqual(pattern(2, 18 * PAGE));
    expect(machine.check()).toBe(0);
  });

  test("waits for a bracket over a page that is out", async () => {
    const booted = swapping();
    const { mm, machine, out } = booted;
    const awake = gate();
    const holder = hold(booted, { answer: () => awake.promise });
    await out(0, 3);
    await holder.subscriber.export(mm, at(3), { write: true });
    const unmapping = mm.munmap(...pages(0, 4));
    const off = watchPromise(machine.swapOff());
    await settle();
    expect(off.state).toBe("pending");
    expect(() => machine.swapOffSync()).toThrow(expect.objectContaining({ code: "EBUSY" }));
    awake.open();
    await unmapping;
    await settle();
    expect(off.state).toBe("done");
    expect(machine.check()).toBe(0);
  });
});

describe("swapOff and what goes on meanwhile", () => {
  test("an address space that exits takes its pages along, and is waited for", async () => {
    const booted = swapping();
    const { mm, machine, out } = booted;
    const awake = gate();
    const holder = hold(booted, { answer: () => awake.promise });
    await out(0, 3);
    await holder.subscriber.export(mm, at(3), { write: true });
    const exiting = mm.exit();
    const off = watchPromise(machine.swapOff());
    await settle();
    expect(off.state).toBe("pending");
    awake.open();
    expect(await exiting).toEqual({ quarantined: 0 });
    await settle();
    expect(off.state).toBe("done");
    expect(machine.vmstat().swap_slots_used).toBe(0);
    expect(machine.check()).toBe(0);
  });

  test("out of a callback that holds one of the pages up it is EDEADLK, not a wait", async () => {
    const booted = swapping();
    const { mm, machine, out } = booted;
    const codes: unknown[] = [];
    const answer: Manners["answer"] = async (why) => {
      codes.push((await errorOf(why.machine.swapOff())).code);
    };
    const holder = hold(booted, { answer });
    await out(0, 3);
    await holder.subscriber.export(mm, at(3), { write: true });
    await mm.munmap(...pages(0, 4));
    expect(codes).toEqual(["EDEADLK"]);
    await machine.swapOff();
    expect(machine.check()).toBe(0);
  });
});

describe("where it cannot be, the area goes on and nothing is lost", () => {
  /** All of a machine's memory twice over, one half of it out. */
  function crowded() {
    const { mm, machine } = boot("", { memory: MIB, overcommit: 64 * MIB, swap: { pages: 200 } });
    const base = mm.mmapSync(0, 300 * PAGE, READ_WRITE, PRIVATE);
    for (let page = 0; page < 300; page++) {
      if (machine.frames.free < 10) mm.madviseSync(base, page * PAGE, MADV_PAGEOUT);
      mm.writeSync(base + page * PAGE, pattern(page, PAGE));
    }
    return { mm, machine, base };
  }

  test("ENOMEM: pages that came back stay, the others are out", () => {
    const { mm, machine, base } = crowded();
    const used = machine.vmstat().swap_slots_used;
    expect(used).toBeGreaterThan(100);
    expect(() => machine.swapOffSync()).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(machine.vmstat().swap_slots_used).toBeGreaterThan(0);
    expect(machine.check()).toBe(0);
    for (let page = 0; page < 300; page++) {
      if (machine.frames.free < 10) mm.madviseSync(base, 300 * PAGE, MADV_PAGEOUT);
      expect(mm.readSync(base + page * PAGE, PAGE)).toEqual(pattern(page, PAGE));
    }
    mm.munmapSync(base, 150 * PAGE);
    machine.swapOffSync();
    expect(machine.vmstat().swap_slots_used).toBe(0);
    expect(machine.check()).toBe(0);
  });

  test("EIO: a page that cannot be read", async () => {
    const { mm, machine, store, out } = swapping();
    await out(0, 4);
    store.failure = { on: "read", error: new Error("bad sector") };
    const error = await errorOf(machine.swapOff());
    expect(error).toMatchObject({ code: "EIO", op: "swapOff" });
    expect(mm.readSync(at(0), 4 * PAGE)).toEqual(pattern(0, 4 * PAGE));
    await out(0, 4);
    expect(strip(mm, 4)).toBe("____");
    await machine.swapOff();
    expect(strip(mm, 4)).toBe("wwww");
  });

  test("ETIMEDOUT, and a caller that gives up", async () => {
    const { mm, machine, clock, store, out } = swapping({ isSlow: true });
    await out(0, 4);
    const late = watchPromise(machine.swapOff({ deadline: 50 }));
    await clock.advance(50);
    expect(late.state).toBe("ETIMEDOUT");
    const off = new AbortController();
    const given = errorOf(machine.swapOff({ signal: off.signal }));
    off.abort(new Error("no longer"));
    expect((await given).message).toBe("no longer");
    await store.answer();
    await machine.swapOff();
    expect(strip(mm, 4)).toBe("wwww");
    expect(clock.armed).toBe(0);
  });

  test("EINVAL without an area, EBUSY for a second one, and for a second swapOff", async () => {
    const none = boot("");
    expect(() => none.machine.swapOffSync()).toThrow(expect.objectContaining({ code: "EINVAL" }));
    const { machine, store, out } = swapping({ isSlow: true });
    const busy = expect.objectContaining({ code: "EBUSY", op: "swapOn" });
    expect(() => machine.swapOn({ pages: 1 })).toThrow(busy);
    await out(0, 1);
    const first = machine.swapOff();
    expect((await errorOf(machine.swapOff())).code).toBe("EBUSY");
    await store.answer();
    await first;
    expect(() => machine.swapOn({ pages: 0 })).toThrow(RangeError);
    expect(() => machine.swapOn(undefined as never)).toThrow(TypeError);
  });
});

test(`a random history with areas that come and go, SEED=${SEED}`, async () => {
  const random = prng(SEED);
  const { mm, machine } = boot("w".repeat(24));
  const bytes = Array.from({ length: 24 }, (_, page) => page + 1);
  let isOn = false;
  for (let step = 0; step < 500; step++) {
    const page = random.below(24);
    const kind = random.below(6);
    if (kind === 0 && isOn) await machine.swapOff();
    else if (kind === 0) machine.swapOn({ pages: 1 + random.below(40), backing: memoryBacking() });
    if (kind === 0) isOn = !isOn;
    if (kind === 1 || kind === 2) mm.madviseSync(...pages(page, 24), MADV_PAGEOUT);
    if (kind === 3) {
      bytes[page] = random.below(256);
      mm.writeSync(at(page), Uint8Array.of(bytes[page] ?? 0));
    }
    if (kind > 3) expect(mm.readSync(at(page), 1)[0]).toBe(bytes[page]);
    expect(machine.check()).toBe(0);
  }
});
