// Does a walk over page table entries show what is there, and install only what nobody can hold?

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_SHARED,
  PROT_READ,
  TASK_SIZE,
} from "../../src/constants.ts";
import { at, boot, PAGE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { driver, firsts, show } from "../support/driver.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

const einval = expect.objectContaining({ code: "EINVAL" });

describe("applyToPageRange", () => {
  test("visits every entry, absent ones too, and changes nothing by looking", () => {
    const booted = driver("w_r");
    const { mm } = booted;
    const before = mm.maps();
    const seen: string[] = [];
    mm.applyToPageRangeSync(...pages(0, 4), ({ address, present, writable, special }) => {
      const page = (address - at(0)) / PAGE;
      seen.push(`${page}${present ? "p" : ""}${writable ? "w" : ""}${special ? "s" : ""}`);
    });
    expect(seen).toEqual(["0pw", "1", "2ps", "3"]);
    expect(mm.maps()).toBe(before);
    show(booted, 8, 9);
    mm.applyToPageRangeSync(...pages(8, 9), (entry) => {
      expect(entry).toMatchObject({ special: true, pfn: booted.device.pfn });
    });
  });

  test("patch: apply_to_page_range must not notify by itself: it tells nobody", async () => {
    const booted = driver();
    const { mm, device } = booted;
    const { subscriber, diary } = hold(booted);
    subscriber.watch(mm);
    const install = (first: number) => (entry: { address: number }) => {
      const page = (entry.address - at(8)) / PAGE;
      return page === 1 ? undefined : { pfn: device.pfn + ((page + first) % 4), write: true };
    };
    await mm.applyToPageRange(...pages(8, 12), install(0));
    expect(strip(mm, 12).slice(8)).toBe("w_ww");
    expect(firsts(mm, 10, 12)).toEqual([0xd2, 0xd3]);
    mm.applyToPageRangeSync(...pages(8, 12), install(1));
    expect(firsts(mm, 10, 12)).toEqual([0xd3, 0xd0]);
    expect(diary).toEqual([]);
    expect(booted.machine.check()).toBe(0);
  });

  test("goes on over more than one batch", () => {
    const { mm, machine } = boot("", { memory: 16 * 2 ** 20 });
    const device = machine.allocateDevice(1024);
    const address = mm.mmapSync(
      0,
      9000 * PAGE,
      READ_WRITE,
      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
    );
    let visited = 0;
    mm.applyToPageRangeSync(address, 9000 * PAGE, () => {
      visited++;
      return { pfn: device.pfn + (visited % 1024) };
    });
    expect(visited).toBe(9000);
    expect([...mm.pagemap(address)].length).toBe(9000);
    mm.exitSync();
    device.release();
    expect(machine.check()).toBe(0);
  });

  test("a page that is held: EBUSY; one that is there: EINVAL; all of it or nothing", async () => {
    const booted = driver();
    const { mm, device } = booted;
    const { subscriber, diary } = hold(booted);
    mm.writeSync(at(10), Uint8Array.of(7));
    const all = () => ({ pfn: device.pfn });
    expect(() => mm.applyToPageRangeSync(...pages(8, 12), all)).toThrow(einval);
    await subscriber.export(mm, at(10));
    const error = await errorOf(mm.applyToPageRange(...pages(8, 12), all));
    expect(error).toMatchObject({ code: "EBUSY" });
    expect(diary).toEqual([]);
    expect(strip(mm, 12).slice(8)).toBe("__W_");
    // Whoever asks tells first; then there is nothing in the way.
    await mm.madvise(...pages(8, 12), MADV_DONTNEED);
    expect(diary).toEqual(["clear 8-12", "end done"]);
    await mm.applyToPageRange(...pages(8, 12), all);
    expect(firsts(mm, 8, 12)).toEqual([0xd0, 0xd0, 0xd0, 0xd0]);
  });

  test("refuses private memory that may be written, no device's frame, a bad range", () => {
    const { mm, device } = driver("____");
    const one = (pfn: number) => () => ({ pfn });
    expect(() => mm.applyToPageRangeSync(...pages(0, 1), one(device.pfn))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(...pages(8, 9), one(0))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(...pages(8, 9), one(2 ** 33))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(...pages(12, 13), one(device.pfn))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(at(8), 0, one(0))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(at(8) + 1, PAGE, one(0))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(TASK_SIZE, PAGE, one(0))).toThrow(einval);
    expect(() => mm.applyToPageRangeSync(at(8), PAGE, null as never)).toThrow(TypeError);
    expect(() => mm.applyToPageRangeSync(at(8), PAGE, () => ({ pfn: "1" }) as never)).toThrow(
      TypeError,
    );
    expect(strip(mm, 12)).toBe("____....____");
  });

  test("Y3: what a visitor throws ends the walk, and nothing of its batch is installed", () => {
    const { mm, device, machine } = driver();
    const visit = ({ address }: { address: number }) => {
      if (address === at(10)) throw new RangeError("enough");
      return { pfn: device.pfn };
    };
    expect(() => mm.applyToPageRangeSync(...pages(8, 12), visit)).toThrow("enough");
    expect(strip(mm, 12).slice(8)).toBe("____");
    expect(machine.check()).toBe(0);
  });

  test("waits for a bracket over its range, or is EAGAIN", async () => {
    const booted = driver();
    const { mm, device } = booted;
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(mm, at(8), { write: true });
    const cleared = mm.madvise(...pages(8, 9), MADV_DONTNEED);
    const install = () => ({ pfn: device.pfn });
    expect(() => mm.applyToPageRangeSync(...pages(8, 9), install)).toThrow(
      expect.objectContaining({ code: "EAGAIN" }),
    );
    const installed = mm.applyToPageRange(...pages(8, 9), install);
    sleeper.open();
    await Promise.all([cleared, installed]);
    expect(firsts(mm, 8, 9)).toEqual([0xd0]);
  });
});

test("want of memory leaves nothing changed", () => {
  const { machine, mm } = boot("", { memory: 2 ** 20 });
  const address = mm.mmapSync(
    0,
    64 * 2 ** 20,
    READ_WRITE,
    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
  );
  const device = machine.allocateDevice(64);
  expect(() => machine.allocateDevice(0)).toThrow(einval);
  expect(() => machine.allocateDevice(2 ** 40)).toThrow(einval);
  expect(() => machine.allocateDevice(200)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  for (let at = address; machine.frames.free > 0; at += PAGE) mm.writeSync(at, Uint8Array.of(1));
  const far = address + 60 * 2 ** 20;
  expect(() => mm.remapPfnRangeSync(far, device.pfn, PAGE, PROT_READ)).toThrow(
    expect.objectContaining({ code: "ENOMEM" }),
  );
  expect(() => mm.applyToPageRangeSync(far, PAGE, () => ({ pfn: device.pfn }))).toThrow(
    expect.objectContaining({ code: "ENOMEM" }),
  );
  expect(mm.page(far)).toBe(null);
  expect(machine.check()).toBe(0);
});
