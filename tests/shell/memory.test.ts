// Reading and writing memory and files, and what signals they raise.

import { describe, expect, test } from "vitest";
import {
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MAP_FIXED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, READ_WRITE, strip } from "../support/boot.ts";
import { errorOf } from "../support/holder.ts";

describe("memory", () => {
  test("what is written is read, over page borders, at any offset", async () => {
    const { mm } = boot("____");
    const data = Uint8Array.from({ length: 3 * PAGE - 7 }, (_, index) => (index * 31) % 251);
    await mm.write(at(0) + 5, data);
    expect(await mm.read(at(0) + 5, data.length)).toEqual(data);
    expect(mm.readSync(at(0), 5)).toEqual(new Uint8Array(5));
    mm.writeSync(at(1) - 2, Uint8Array.of(1, 2, 3, 4));
    const into = new Uint8Array(4);
    expect(mm.readSync(at(1) - 2, into)).toBe(into);
    expect([...into]).toEqual([1, 2, 3, 4]);
  });

  test("any view of bytes can be written; none is no access at all", async () => {
    const { mm } = boot("_");
    mm.writeSync(at(0), new Uint16Array([0x0201, 0x0403]) as never);
    await mm.write(at(0) + 4, new Uint8Array([5, 6]).buffer as never);
    expect([...mm.readSync(at(0), 6)]).toEqual([1, 2, 3, 4, 5, 6]);
    mm.writeSync(at(9), new Uint8Array(0));
    expect(mm.readSync(at(9), 0)).toHaveLength(0);
  });

  test("SIGSEGV with SEGV_MAPERR where nothing is, SEGV_ACCERR where it is forbidden", async () => {
    const { mm } = boot("-r.");
    const denied = { code: "SIGSEGV", siCode: "SEGV_ACCERR" };
    expect(await errorOf(mm.read(at(0), 1))).toMatchObject({ ...denied, address: at(0) });
    expect(await errorOf(mm.write(at(1) + 9, pattern(0, 1)))).toMatchObject({
      ...denied,
      address: at(1) + 9,
    });
    const hole = await errorOf(mm.read(at(2), 1));
    expect(hole).toMatchObject({ code: "SIGSEGV", siCode: "SEGV_MAPERR", op: "read" });
    expect(hole.message).toBe("read: SIGSEGV (SEGV_MAPERR) at 0x1000002000");
  });

  test("SIGBUS beyond the end of a file", async () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: PAGE });
    const start = mm.mmapSync(0, 3 * PAGE, PROT_READ, MAP_SHARED, file);
    expect(mm.readSync(start, PAGE)).toEqual(new Uint8Array(PAGE));
    expect(await errorOf(mm.read(start + PAGE, 1))).toMatchObject({
      code: "SIGBUS",
      siCode: "BUS_ADRERR",
      address: start + PAGE,
    });
  });

  test("fault: read, write, execute; the frame it resolved to", async () => {
    const { mm } = boot("__");
    expect(await mm.fault(at(0))).toBe(0);
    const pfn = mm.faultSync(at(0), { write: true });
    expect([pfn > 0, mm.page(at(0))?.pfn]).toEqual([true, pfn]);
    expect(() => mm.faultSync(at(0), { execute: true })).toThrow(/SEGV_ACCERR/);
  });

  test("fork copies on write, both ways", async () => {
    const { mm } = boot("w");
    const child = await mm.fork();
    await child.write(at(0), Uint8Array.of(7));
    await mm.write(at(0) + 1, Uint8Array.of(8));
    expect([...mm.readSync(at(0), 2)]).toEqual([1, 8]);
    expect([...child.readSync(at(0), 2)]).toEqual([7, 1]);
  });

  test("mincore, mlock, msync, brk", async () => {
    const { mm } = boot("w__");
    expect([...(await mm.mincore(...pages(0, 3)))]).toEqual([1, 0, 0]);
    await mm.mlock(...pages(0, 3));
    expect([...mm.mincoreSync(...pages(0, 3))]).toEqual([1, 1, 1]);
    mm.munlockSync(...pages(0, 3));
    await mm.munlock(...pages(0, 1));
    mm.mlockallSync(1);
    await mm.munlockall();
    await mm.mlockall(1);
    mm.munlockallSync();
    mm.mlockSync(...pages(0, 1));
    mm.msyncSync(...pages(0, 3), 4);
    await mm.msync(...pages(0, 3), 1);
    const start = mm.brkSync(0);
    expect(mm.layout()).toMatchObject({ brk: start, brkStart: start });
    expect(await mm.brk(start + PAGE)).toBe(start + PAGE);
    expect(mm.maps()).toContain("[heap]");
  });

  test("MAP_POPULATE, MADV_POPULATE_* and locked memory are faulted in, sync too", async () => {
    const { mm } = boot();
    const sync = mm.mmapSync(0, 2 * PAGE, READ_WRITE, 0x22 | MAP_POPULATE);
    const async = await mm.mmap(0, 2 * PAGE, READ_WRITE, 0x22 | MAP_POPULATE);
    const later = mm.mmapSync(0, 2 * PAGE, READ_WRITE, 0x22);
    expect([...mm.mincoreSync(later, 2 * PAGE)]).toEqual([0, 0]);
    mm.madviseSync(later, PAGE, MADV_POPULATE_READ);
    await mm.madvise(later + PAGE, PAGE, MADV_POPULATE_WRITE);
    for (const start of [sync, async, later]) {
      expect([...mm.mincoreSync(start, 2 * PAGE)]).toEqual([1, 1]);
    }
    expect([mm.page(later)?.pfn, mm.page(later + PAGE)?.writable]).toEqual([0, true]);
    const locked = mm.mmapSync(0, PAGE, PROT_READ, 0x22);
    mm.mlockSync(locked, PAGE);
    mm.mprotectSync(locked, PAGE, READ_WRITE);
    expect(mm.page(locked)?.writable).toBe(true);
    expect(() => mm.madviseSync(0x1000, PAGE, MADV_POPULATE_READ)).toThrow(/ENOMEM/);
  });

  test("mincore of more pages than one call answers for", () => {
    const { mm } = boot("", { memory: 16 * 2 ** 20, overcommit: 2 ** 40 });
    const start = mm.mmapSync(0, 70_000 * PAGE, PROT_READ, 0x22);
    mm.faultSync(start + 69_999 * PAGE);
    const resident = mm.mincoreSync(start, 70_000 * PAGE);
    expect([resident.length, resident[0], resident[69_999]]).toEqual([70_000, 0, 1]);
  });
});

describe("files", () => {
  test("shared mappings, the file and another address space see the same bytes", async () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: 2 * PAGE, name: "shared" });
    const other = machine.createMm();
    const here = mm.mmapSync(0, 2 * PAGE, READ_WRITE, MAP_SHARED, file);
    const there = other.mmapSync(0, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
    await mm.write(here + PAGE, Uint8Array.of(5));
    expect([other.readSync(there, 1)[0], file.readSync(PAGE, 1)[0]]).toEqual([5, 5]);
    await file.write(PAGE + 1, Uint8Array.of(6));
    expect([...mm.readSync(here + PAGE, 2)]).toEqual([5, 6]);
  });

  test("private mappings copy on write and leave the file alone", () => {
    const { mm, machine } = boot();
    const file = machine.createFile();
    expect(file.writeSync(0, pattern(0, 100))).toBe(100);
    const start = mm.mmapSync(0, PAGE, READ_WRITE, MAP_PRIVATE, file);
    mm.writeSync(start, Uint8Array.of(99));
    expect([mm.readSync(start, 1)[0], file.readSync(0, 1)[0]]).toEqual([99, 1]);
  });

  test("reading stops at the end; a hole reads as zeros; writing grows", async () => {
    const { machine } = boot();
    const file = machine.createFile({ kind: "disk", name: "data" });
    expect(await file.write(2 * PAGE + 3, Uint8Array.of(1, 2))).toBe(2);
    expect([file.size, file.kind, file.name]).toEqual([2 * PAGE + 5, "disk", "data"]);
    expect([...(await file.read(2 * PAGE + 2, 100))]).toEqual([0, 1, 2]);
    const into = new Uint8Array(8).fill(9);
    expect(file.readSync(0, into)).toEqual(new Uint8Array(8));
    expect(file.readSync(10 * PAGE, 5)).toHaveLength(0);
    expect(file.writeSync(0, new Uint8Array(0))).toBe(0);
  });

  test("no room: ENOMEM with what was done; a size that no file has: an errno", () => {
    const { machine } = boot("", { memory: 2 ** 20 });
    const file = machine.createFile();
    expect(() => file.writeSync(0, new Uint8Array(2 ** 21))).toThrow(/ENOMEM/);
    expect(() => file.writeSync(2 ** 63, Uint8Array.of(1))).toThrow(/E[A-Z]+/);
    expect(() => machine.createFile({ size: -1 })).toThrow(RangeError);
    file.release();
    expect(machine.check()).toBe(0);
  });

  test("a released file lives on while it is mapped, and takes no more calls", () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: PAGE });
    const start = mm.mmapSync(0, PAGE, READ_WRITE, MAP_SHARED, file);
    file[Symbol.dispose]();
    file.release();
    mm.writeSync(start, Uint8Array.of(4));
    expect(mm.readSync(start, 1)[0]).toBe(4);
    expect(() => file.size).toThrow(/EBADF/);
    expect(() => mm.mmapSync(0, PAGE, 1, MAP_SHARED, file)).toThrow(/EBADF/);
    mm.exitSync();
    expect(machine.check()).toBe(0);
  });
});

describe("looking at it", () => {
  test("maps() is the text of /proc/PID/maps", () => {
    const { mm, machine } = boot();
    const disk = machine.createFile({ size: 2 * PAGE, kind: "disk", name: "/usr/lib/libc.so" });
    mm.mmapSync(0x40_0000, PAGE, PROT_READ | 4, MAP_PRIVATE | MAP_FIXED, disk, PAGE);
    mm.mmapSync(0x60_0000, PAGE, READ_WRITE, MAP_PRIVATE | 0x20 | MAP_FIXED);
    mm.mmapSync(0x7fff_0000_0000, PAGE, PROT_NONE, MAP_SHARED | 0x20 | MAP_FIXED);
    const [file, anonymous, shared] = mm.maps().split("\n");
    expect(file).toMatch(/^00400000-00401000 r-xp 00001000 08:01 \d+ +\/usr\/lib\/libc\.so$/);
    expect(file?.indexOf("/usr")).toBe(73);
    expect(anonymous).toBe("00600000-00601000 rw-p 00000000 00:00 0 ");
    expect(shared).toMatch(
      /^7fff00000000-7fff00001000 ---s 00000000 00:01 \d+ +\/dev\/zero \(deleted\)$/,
    );
    expect(mm.maps().endsWith("\n")).toBe(true);
  });

  test("areas() are the same, as objects", () => {
    const { mm } = boot("ww.r");
    expect(mm.areas()).toMatchObject([
      { start: at(0), end: at(2), read: true, write: true, execute: false, shared: false },
      { start: at(3), end: at(4), read: true, write: false, name: "", mapping: 0, offset: 0 },
    ]);
  });

  test("pagemap() lists the entries of a range, however many", () => {
    const { mm } = boot("w_rw");
    const list = [...mm.pagemap(at(0), at(4))];
    expect(list.map(({ address }) => address)).toEqual([at(0), at(2), at(3)]);
    expect(list[0]).toMatchObject({ present: true, writable: true, dirty: true, mapCount: 1 });
    expect(list[1]).toMatchObject({ pfn: 0, writable: false, dirty: false });
    expect([...mm.pagemap(at(1), at(2))]).toEqual([]);
    const start = mm.mmapSync(0, 8000 * PAGE, PROT_READ, 0x22);
    for (let page = 0; page < 8000; page += 2) mm.faultSync(start + page * PAGE);
    expect([...mm.pagemap(start, start + 8000 * PAGE)]).toHaveLength(4000);
    expect(mm.page(at(1))?.present ?? false).toBe(false);
    expect(strip(mm, 4)).toBe("w_rw");
  });
});

test("PROT_WRITE alone can be read, as Linux has it", () => {
  const { mm } = boot();
  const start = mm.mmapSync(0, PAGE, PROT_WRITE, 0x22);
  mm.writeSync(start, Uint8Array.of(3));
  expect(mm.readSync(start, 1)[0]).toBe(3);
});

test("a part of a page: a wrong type is a TypeError, what is below zero a RangeError", () => {
  const { mm, register } = boot("w");
  const page = register({}).exportSync(mm, at(0));
  expect(page.read(PAGE - 2)).toHaveLength(2);
  for (const value of ["x", Number.NaN, 0.5, 1n, null]) {
    expect(() => page.read(value as never)).toThrow(TypeError);
    expect(() => page.read(0, value as never)).toThrow(TypeError);
  }
  expect(() => page.read(-1)).toThrow(RangeError);
  expect(() => page.read(0, PAGE + 1)).toThrow(RangeError);
});
