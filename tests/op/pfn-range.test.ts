// Does a driver's mapping tell whom it must, keep what it shows, and let nobody hold it?

import { describe, expect, test } from "vitest";
import {
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MAP_FIXED,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  TASK_SIZE,
} from "../../src/constants.ts";
import { at, PAGE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { driver, firsts, SHARED, show } from "../support/driver.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

const VM_PFNMAP = 0x400;
const DRIVER = 0x4000 | VM_PFNMAP | 0x40000 | 0x4000000;

const einval = expect.objectContaining({ code: "EINVAL" });

describe("remapPfnRange", () => {
  test("shows the device: reads and writes reach its bytes, no frame counts it", () => {
    const booted = driver();
    const { mm, device, machine } = booted;
    show(booted);
    expect(firsts(mm, 8, 12)).toEqual([0xd0, 0xd1, 0xd2, 0xd3]);
    mm.writeSync(at(9), Uint8Array.of(1));
    expect(device.bytes[PAGE]).toBe(1);
    device.bytes[PAGE] = 2;
    expect(firsts(mm, 9, 10)).toEqual([2]);
    const page = mm.page(at(9));
    expect(page).toMatchObject({ pfn: device.pfn + 1, mapCount: 0, refCount: 1 });
    expect(machine.check()).toBe(0);
  });

  test("the area is the driver's, and merges with nothing", () => {
    const booted = driver();
    show(booted, 9, 10);
    const area = booted.mm.areas().find(({ start }) => start === at(8));
    expect((area?.flags ?? 0) & DRIVER).toBe(DRIVER);
    expect(area?.end).toBe(at(12));
    expect(() => booted.mm.readSync(at(8), 1)).toThrow(
      expect.objectContaining({ code: "SIGBUS", siCode: "BUS_ADRERR" }),
    );
  });

  test("refuses what a driver may not do, and changes nothing", () => {
    const { mm, device } = driver("wwww..rr");
    const before = mm.maps();
    const remap = (address: number, pfn: number, length: number, prot: number) =>
      expect(() => mm.remapPfnRangeSync(address, pfn, length, prot)).toThrow(einval);
    remap(at(8) + 1, device.pfn, PAGE, PROT_READ);
    remap(at(8), device.pfn, 0, PROT_READ);
    remap(at(8), device.pfn + 2, 3 * PAGE, PROT_READ);
    remap(at(8), device.pfn - 1, PAGE, PROT_READ);
    remap(at(8), 0, PAGE, PROT_READ);
    remap(at(8), 2 ** 40, PAGE, PROT_READ);
    remap(at(8), device.pfn, PAGE, PROT_EXEC);
    remap(at(10), device.pfn, 3 * PAGE, PROT_READ);
    remap(at(4), device.pfn, PAGE, PROT_READ);
    remap(at(0), device.pfn, 2 * PAGE, PROT_READ);
    remap(TASK_SIZE, device.pfn, PAGE, PROT_READ);
    remap(2 ** 64, device.pfn, PAGE, PROT_READ);
    expect(mm.maps()).toBe(before);
    expect(strip(mm, 4)).toBe("wwww");
  });

  test("a page that was there: its holder is told and awaited before it goes", async () => {
    const booted = driver();
    const { mm, device } = booted;
    const sleeper = gate();
    const { subscriber, diary, whys } = hold(booted, { answer: () => sleeper.promise });
    mm.writeSync(at(9), Uint8Array.of(7));
    await subscriber.export(mm, at(9));
    const remapped = mm.remapPfnRange(at(8), device.pfn, 4 * PAGE, PROT_READ);
    await settle();
    expect(diary).toEqual(["unmap 8-12"]);
    expect(whys[0]).toMatchObject({ reason: "unmap", demand: "all" });
    expect(firsts(mm, 9, 10)).toEqual([7]);
    expect(() => device.release()).toThrow(expect.objectContaining({ code: "EBUSY" }));
    sleeper.open();
    await remapped;
    expect(diary).toEqual(["unmap 8-12", "end done"]);
    expect(firsts(mm, 8, 10)).toEqual([0xd0, 0xd1]);
  });

  test("a holder that refuses keeps its page, and the device can go", async () => {
    const booted = driver();
    const { mm, device } = booted;
    const { subscriber } = hold(booted, {
      answer: () => {
        throw new Error("not now");
      },
    });
    mm.writeSync(at(9), Uint8Array.of(7));
    await subscriber.export(mm, at(9));
    const error = await errorOf(mm.remapPfnRange(at(8), device.pfn, 4 * PAGE, PROT_READ));
    expect(error).toMatchObject({ code: "EBUSY", op: "remapPfnRange", holder: "holder" });
    expect(firsts(mm, 8, 10)).toEqual([0, 7]);
    device.release();
    expect(booted.machine.check()).toBe(0);
  });

  test("a holder that is no sync subscriber: EAGAIN of the sync form, nobody called", async () => {
    const booted = driver();
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(8), { write: true });
    expect(() => show(booted)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    expect(diary).toEqual([]);
  });

  test("patch: remap_pfn_range only when it replaces a present pte; else none", () => {
    const booted = driver();
    const { subscriber, diary } = hold(booted, { sync: true });
    subscriber.watch(booted.mm);
    show(booted);
    expect(diary).toEqual([]);
    // Only when it replaces a present pte: now it does.
    show(booted);
    expect(diary).toEqual(["unmap 8-12", "end done"]);
  });

  test("patch: special ptes are never exported", async () => {
    const booted = driver();
    const { mm } = booted;
    show(booted, 8, 10);
    const { subscriber } = hold(booted);
    const error = await errorOf(subscriber.export(mm, at(8)));
    expect(error.code).toBe("EINVAL");
    expect(error.message).toMatch(/no page that could be held/);
    expect(() => subscriber.exportSync(mm, at(8), { write: true })).toThrow(einval);
    expect(subscriber.exportedCount).toBe(0);
  });

  test("private memory: the whole area, and a write gets a copy of its own", async () => {
    const booted = driver("....__");
    const { mm, device } = booted;
    const [address, length] = pages(4, 6);
    mm.remapPfnRangeSync(address, device.pfn, length, READ_WRITE);
    expect(strip(mm, 6)).toBe("....rr");
    mm.writeSync(at(4), Uint8Array.of(9));
    expect(firsts(mm, 4, 6)).toEqual([9, 0xd1]);
    expect(mm.readSync(at(4) + 1, 1)[0]).toBe(0xd0);
    expect(device.bytes[0]).toBe(0xd0);
    expect(mm.page(at(4))?.mapCount).toBe(1);
    mm.munmapSync(...pages(5, 6));
    device.release();
    expect(firsts(mm, 4, 5)).toEqual([9]);
  });
});

describe("what others do to it", () => {
  test("fork copies it, shared or private; exit of both lets it go", () => {
    const booted = driver("....__");
    const { mm, machine, device } = booted;
    show(booted);
    const [address, length] = pages(4, 6);
    mm.remapPfnRangeSync(address, device.pfn, length, PROT_READ);
    const child = mm.forkSync();
    mm.writeSync(at(4), Uint8Array.of(5));
    mm.writeSync(at(8), Uint8Array.of(6));
    expect(firsts(child, 4, 6)).toEqual([6, 0xd1]);
    expect(firsts(child, 8, 10)).toEqual([6, 0xd1]);
    expect(firsts(mm, 4, 5)).toEqual([5]);
    mm.exitSync();
    expect(() => device.release()).toThrow(expect.objectContaining({ code: "EBUSY" }));
    child.exitSync();
    device.release();
    expect(machine.check()).toBe(0);
  });

  test("mprotect, munmap of a part, mremap that moves", () => {
    const booted = driver();
    const { mm } = booted;
    show(booted);
    mm.mprotectSync(...pages(8, 9), PROT_READ);
    expect(() => mm.writeSync(at(8), Uint8Array.of(1))).toThrow(
      expect.objectContaining({ siCode: "SEGV_ACCERR" }),
    );
    mm.mprotectSync(...pages(8, 9), READ_WRITE);
    mm.writeSync(at(8), Uint8Array.of(1));
    mm.mprotectSync(...pages(11, 12), PROT_NONE);
    expect(() => mm.readSync(at(11), 1)).toThrow(expect.objectContaining({ code: "SIGSEGV" }));
    mm.munmapSync(...pages(9, 10));
    const to = mm.mremapSync(at(10), PAGE, PAGE, MREMAP_MAYMOVE | 2, at(20));
    expect(to).toBe(at(20));
    expect(firsts(mm, 20, 21)).toEqual([0xd2]);
    expect(() => mm.mremapSync(at(20), PAGE, 2 * PAGE, MREMAP_MAYMOVE)).toThrow(
      expect.objectContaining({ code: "EFAULT" }),
    );
    expect(() => mm.mremapSync(at(20), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)).toThrow(
      einval,
    );
  });

  test.each([
    ["MADV_DONTNEED", MADV_DONTNEED],
    ["MADV_FREE", MADV_FREE],
    ["MADV_COLD", MADV_COLD],
    ["MADV_PAGEOUT", MADV_PAGEOUT],
    ["MADV_POPULATE_READ", MADV_POPULATE_READ],
  ])("%s is EINVAL", (_name, advice) => {
    const booted = driver();
    show(booted);
    expect(() => booted.mm.madviseSync(...pages(8, 12), advice)).toThrow(einval);
    expect(firsts(booted.mm, 8, 9)).toEqual([0xd0]);
  });

  test("MADV_MERGEABLE and mlock pass it over", () => {
    const booted = driver();
    const { mm } = booted;
    show(booted);
    const maps = mm.areas();
    mm.madviseSync(...pages(8, 12), MADV_MERGEABLE);
    mm.mlockSync(...pages(8, 12));
    expect(mm.areas()).toEqual(maps);
  });

  test("a file that is cut takes it away", () => {
    const booted = driver();
    const { mm, machine, device } = booted;
    const file = machine.createFile({ size: 4 * PAGE });
    mm.mmapSync(...pages(16, 20), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    show(booted, 16, 20);
    file.punchSync(0, PAGE);
    expect(mm.page(at(16))).toBe(null);
    expect(firsts(mm, 17, 18)).toEqual([0xd1]);
    file.truncateSync(0);
    device.release();
    expect(machine.check()).toBe(0);
  });

  test("B15: a mapping without a count does not outlive its owner", () => {
    const booted = driver();
    const { mm, device, machine } = booted;
    show(booted);
    expect(() => device.release()).toThrow(/its memory is mapped/);
    expect(firsts(mm, 8, 9)).toEqual([0xd0]);
    const { free } = machine.frames;
    mm.munmapSync(...pages(8, 12));
    device.release();
    expect(machine.frames.free).toBeGreaterThanOrEqual(free + 4);
    expect(() => device.bytes).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => device.release()).toThrow(expect.objectContaining({ code: "EBADF" }));
    mm.mmapSync(...pages(8, 9), READ_WRITE, SHARED);
    expect(() => show({ mm, device }, 8, 9)).toThrow(einval);
  });
});
