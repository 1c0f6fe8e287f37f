// Does a device keep the page it was given, whatever its owner, its owner's children and others do?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import type { Pin } from "../../src/pin.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { dawdle, errorOf, hold } from "../support/holder.ts";
import { SEED } from "../support/prng.ts";
import { storeOf } from "../support/store.ts";

const byte = (value: number) => Uint8Array.of(value);
const code = (name: string) => expect.objectContaining({ code: name });

function first(pin: Pin): number {
  return pin.read(0, 1)[0] ?? -1;
}

function seen(mm: Mm, page: number): number {
  return mm.readSync(at(page), 1)[0] ?? -1;
}

describe("what a pin is of", () => {
  test("the bytes of a range, in the frames that are mapped", async () => {
    const { mm, machine } = boot("wwww");
    const pin = await mm.pin(at(1) + 100, 2 * PAGE, { write: true });
    expect(pin.pfns).toEqual([1, 2, 3].map((page) => mm.page(at(page))?.pfn));
    expect(pin.read()).toEqual(mm.readSync(at(1) + 100, 2 * PAGE));
    pin.store(Uint8Array.of(7, 8), PAGE - 101);
    expect(mm.readSync(at(2) - 1, 2)).toEqual(Uint8Array.of(7, 8));
    mm.writeSync(at(1) + 100, byte(9));
    expect(first(pin)).toBe(9);
    pin.unpin();
    expect(machine.check()).toBe(0);
  });

  test("memory that nobody has touched: a page of its own, no zero page", () => {
    const { mm } = boot("__r");
    const read = mm.pinSync(...pages(0, 1));
    expect(mm.page(at(0))).toMatchObject({ exclusive: true, writable: false });
    mm.writeSync(at(0), byte(5));
    expect([first(read), mm.page(at(0))?.pfn]).toEqual([5, read.pfns[0]]);
    const write = mm.pinSync(...pages(1, 2), { write: true });
    write.store(byte(6));
    expect(seen(mm, 1)).toBe(6);
    const zero = mm.pinSync(...pages(2, 3));
    expect(mm.page(at(2))).toMatchObject({ pfn: zero.pfns[0], exclusive: true, writable: false });
    for (const pin of [read, write, zero]) pin.unpin();
  });

  test("a file's page shown privately: a copy; shown shared: the page itself", () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: 2 * PAGE });
    file.writeSync(0, byte(3));
    mm.mmapSync(...pages(0, 1), PROT_READ, MAP_PRIVATE | MAP_FIXED, file);
    mm.mmapSync(...pages(2, 3), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    const copy = mm.pinSync(...pages(0, 1));
    const shared = mm.pinSync(...pages(2, 3), { write: true });
    expect([first(copy), first(shared)]).toEqual([3, 3]);
    shared.store(byte(4));
    expect([first(copy), file.readSync(0, 1)[0], seen(mm, 2)]).toEqual([3, 4, 4]);
    shared.unpin();
    copy.unpin();
    expect(machine.check()).toBe(0);
  });

  test("what cannot be accessed so: EFAULT, and nothing stays pinned", async () => {
    const { mm, machine } = boot("ww.r-");
    const before = machine.vmstat();
    for (const [from, to, write] of [
      [0, 3, true],
      [3, 4, true],
      [4, 5, false],
    ] as const) {
      await expect(mm.pin(...pages(from, to), { write })).rejects.toThrow(code("EFAULT"));
      expect(() => mm.pinSync(...pages(from, to), { write })).toThrow(code("EFAULT"));
    }
    expect(() => mm.pinSync(at(0), 0)).toThrow(code("EINVAL"));
    expect(() => mm.pinSync(2 ** 50, 1)).toThrow(code("EFAULT"));
    expect(() => mm.pinSync(at(0), 2 ** 60)).toThrow(code("EFAULT"));
    expect(() => mm.pinSync(at(0), 1, { write: 1 as never })).toThrow(TypeError);
    const { nr_foll_pin_acquired: got, nr_foll_pin_released: gone } = machine.vmstat();
    expect([got, gone]).toEqual([4, 4]);
    expect(before.nr_foll_pin_acquired).toBe(0);
    mm.exitSync();
    expect(() => mm.pinSync(...pages(0, 1))).toThrow(code("ESRCH"));
  });

  test("unpin once or more; afterwards the pin has no bytes", () => {
    const { mm, machine } = boot("w");
    const pin = mm.pinSync(...pages(0, 1));
    expect(() => pin.store(byte(1))).toThrow(code("EACCES"));
    expect(() => pin.read(PAGE, 1)).toThrow(RangeError);
    expect(() => pin.read(-1, 1)).toThrow(RangeError);
    // Checked before memory is taken for so many bytes.
    expect(() => pin.read(0, 2 ** 33)).toThrow(/not in what is pinned/);
    expect(pin.isHeld).toBe(true);
    pin.unpin();
    pin.unpin();
    expect(pin.isHeld).toBe(false);
    expect(() => pin.read()).toThrow(code("ESTALE"));
    expect(machine.vmstat().nr_foll_pin_released).toBe(1);
    {
      using again = mm.pinSync(...pages(0, 1));
      expect(again.isHeld).toBe(true);
    }
    expect(machine.vmstat().nr_foll_pin_released).toBe(2);
  });
});

describe("fork", () => {
  test("B27: the child gets a copy; the parent and the device stay with one page", () => {
    const { mm, machine } = boot("www");
    const pin = mm.pinSync(...pages(1, 2), { write: true });
    const child = mm.forkSync();
    expect(strip(mm, 3)).toBe("rwr");
    expect(child.page(at(1))?.pfn).not.toBe(pin.pfns[0]);
    expect(child.page(at(0))?.pfn).toBe(mm.page(at(0))?.pfn);
    mm.writeSync(at(1), byte(77));
    expect([first(pin), seen(child, 1)]).toEqual([77, 2]);
    pin.store(byte(78));
    expect([seen(mm, 1), seen(child, 1)]).toEqual([78, 2]);
    child.writeSync(at(1), byte(79));
    expect([first(pin), seen(mm, 1)]).toEqual([78, 78]);
    expect(machine.check()).toBe(0);
    pin.unpin();
    const later = mm.forkSync();
    expect(later.page(at(1))?.pfn).toBe(mm.page(at(1))?.pfn);
  });

  test("a page that was shared before: its holder is told first", async () => {
    const booted = boot("w");
    const { mm } = booted;
    const child = mm.forkSync();
    const { subscriber, whys } = hold(booted);
    await subscriber.export(mm, at(0), { write: false });
    const old = mm.page(at(0))?.pfn;
    const pin = await mm.pin(...pages(0, 1));
    expect(whys.map(({ reason }) => reason)).toEqual(["cow"]);
    expect([mm.page(at(0))?.pfn === old, child.page(at(0))?.pfn === old]).toEqual([false, true]);
    expect(mm.page(at(0))).toMatchObject({ writable: false, softDirty: true, pfn: pin.pfns[0] });
    mm.writeSync(at(0), byte(8));
    expect([first(pin), seen(child, 0)]).toEqual([8, 1]);
    pin.unpin();
  });

  test("the copies are set aside before: ENOMEM without memory for them, nothing done", () => {
    const { mm, machine } = boot("w".repeat(64), { memory: 2 ** 20 });
    const pin = mm.pinSync(...pages(0, 64), { write: true });
    const hungry = machine.createMm();
    hungry.mmapSync(...pages(0, 256), READ_WRITE, PRIVATE | MAP_FIXED);
    let page = 0;
    while (machine.frames.free > 40) hungry.writeSync(at(page++), byte(1));
    expect(() => mm.forkSync()).toThrow(code("ENOMEM"));
    expect(machine.check()).toBe(0);
    hungry.exitSync();
    const child = mm.forkSync();
    expect(seen(child, 63)).toBe(64);
    pin.unpin();
    expect(machine.check()).toBe(0);
  });

  test("pinned pages in several areas and tables, among others", () => {
    const { mm, machine } = boot("wwww_www..rrr.ww");
    const pins = [0, 3, 5, 15].map((page) => mm.pinSync(...pages(page, page + 1)));
    const child = mm.forkSync();
    for (let page = 0; page < 16; page++) {
      const [ours, theirs] = [mm.page(at(page)), child.page(at(page))];
      const isPinned = [0, 3, 5, 15].includes(page);
      expect(ours === null || ours.pfn === 0).toBe(theirs === null || theirs.pfn === 0);
      if (ours !== null && ours.pfn !== 0) expect(ours.pfn !== theirs?.pfn).toBe(isPinned);
      if (ours !== null) expect(seen(child, page)).toBe(seen(mm, page));
    }
    child.exitSync();
    for (const pin of pins) pin.unpin();
    expect(machine.check()).toBe(0);
  });
});

describe("what a pinned page is spared, and what it outlives", () => {
  test("it does not move, and is not paged out", async () => {
    const store = storeOf(false);
    const { mm, machine } = boot("ww", { swap: { pages: 16, backing: store } });
    const pin = mm.pinSync(...pages(0, 1));
    expect(() => machine.migrateSync(pin.pfns[0] ?? 0)).toThrow(code("EBUSY"));
    await mm.madvise(...pages(0, 2), MADV_PAGEOUT);
    await store.answer();
    expect([mm.page(at(0))?.present, mm.page(at(1))?.swapped]).toEqual([true, true]);
    pin.unpin();
    expect(machine.migrateSync(pin.pfns[0] ?? 0)).toBe(mm.page(at(0))?.pfn);
  });

  test("MADV_DONTNEED, munmap, exit: the frame stays the device's until it lets go", () => {
    const { mm, machine } = boot("www");
    const { free } = machine.frames;
    const pin = mm.pinSync(...pages(0, 3), { write: true });
    mm.madviseSync(...pages(0, 1), MADV_DONTNEED);
    expect([seen(mm, 0), first(pin)]).toEqual([0, 1]);
    mm.munmapSync(...pages(1, 2));
    mm.exitSync();
    pin.store(byte(50), PAGE);
    expect(pin.read(PAGE, 1)).toEqual(byte(50));
    const other = machine.createMm();
    other.mmapSync(...pages(0, 8), READ_WRITE, PRIVATE | MAP_FIXED);
    other.writeSync(at(0), new Uint8Array(8 * PAGE).fill(9));
    expect(pin.read().filter((value) => value === 9)).toHaveLength(0);
    other.exitSync();
    pin.unpin();
    expect(machine.check()).toBe(0);
    // Its page tables went with it.
    expect(machine.frames.free).toBeGreaterThanOrEqual(free + 3);
  });

  test("a file that shrinks, and its release", () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: 2 * PAGE });
    mm.mmapSync(...pages(0, 2), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.writeSync(at(1), byte(5));
    const pin = mm.pinSync(...pages(1, 2), { write: true });
    file.truncateSync(PAGE);
    expect([first(pin), machine.check()]).toEqual([5, 0]);
    mm.exitSync();
    pin.unpin();
    expect(machine.check()).toBe(0);
  });

  test("clearing soft-dirty leaves a pinned page marked: the device may write at any time", () => {
    const { mm, machine } = boot("ww");
    const pin = mm.pinSync(...pages(0, 1), { write: true });
    mm.clearSoftDirtySync();
    expect([mm.page(at(0))?.softDirty, mm.page(at(1))?.softDirty]).toEqual([true, false]);
    expect(strip(mm, 2)).toBe("wr");
    pin.unpin();
    mm.clearSoftDirtySync();
    expect([mm.page(at(0))?.softDirty, machine.check()]).toEqual([false, 0]);
  });

  test("pinned twice: it stays until both let go; a record beside it changes nothing", () => {
    const { mm, machine, register } = boot("w");
    const [one, two] = [mm.pinSync(...pages(0, 1)), mm.pinSync(...pages(0, 1))];
    const holder = register({ sync: true });
    holder.exportSync(mm, at(0));
    expect(mm.page(at(0))?.refCount).toBe(4);
    one.unpin();
    expect(() => machine.migrateSync(two.pfns[0] ?? 0)).toThrow(code("EBUSY"));
    mm.exitSync();
    expect([machine.quarantined, first(two)]).toEqual([1, 1]);
    holder.release();
    expect([machine.quarantined, first(two)]).toEqual([0, 1]);
    two.unpin();
    expect(machine.check()).toBe(0);
  });

  test("in a frozen range it waits, and Sync is EAGAIN", async () => {
    const booted = boot("ww");
    const { mm } = booted;
    const { subscriber, go } = dawdle(booted);
    await subscriber.export(mm, at(0), { write: true });
    const unmapping = mm.munmap(...pages(0, 1));
    expect(() => mm.pinSync(...pages(0, 1))).toThrow(code("EAGAIN"));
    const failed = errorOf(mm.pin(...pages(0, 1)));
    go();
    await unmapping;
    expect(await failed).toMatchObject({ code: "EFAULT" });
    expect(mm.pinSync(...pages(1, 2)).isHeld).toBe(true);
  });
});

test("random pins, writes, forks and ends: device and owner agree, nothing leaks", () => {
  const step = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 5 }), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { mm, machine } = boot("wwww__");
      const pins: { pin: Pin; owner: Mm; page: number; value: number }[] = [];
      for (const [what, page, chance] of steps) {
        const mms = machine.mms;
        const one = mms[chance % mms.length] ?? mm;
        const value = chance % 251;
        if (what === 0 && mms.length < 5) one.forkSync();
        if (what === 1) {
          const pin = one.pinSync(...pages(page, page + 1), { write: true });
          pins.push({ pin, owner: one, page, value: first(pin) });
        }
        if (what === 2) pins.splice(chance % (pins.length || 1), 1)[0]?.pin.unpin();
        if (what === 3 && mms.length > 1) one.exitSync();
        if (what >= 4 && one.isAlive) {
          one.writeSync(at(page), byte(value));
          for (const held of pins) if (held.owner === one && held.page === page) held.value = value;
        }
        for (const held of pins) expect(first(held.pin)).toBe(held.value);
        for (const held of pins)
          if (held.owner.isAlive) expect(seen(held.owner, held.page)).toBe(held.value);
      }
      for (const { pin } of pins) pin.unpin();
      for (const one of machine.mms) one.exitSync();
      const {
        nr_foll_pin_acquired: got,
        nr_foll_pin_released: gone,
        nr_anon_pages: left,
      } = machine.vmstat();
      expect([got - gone, left, machine.check()]).toEqual([0, 0, 0]);
    }),
    { numRuns: 100, seed: SEED },
  );
});
