// Bad input: a wrong type is a TypeError and nothing changed; a wrong value is Linux's errno.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EngineFault, MemoryError } from "../../src/errors.ts";
import type { Mm } from "../../src/mm.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import { at, boot, MIB, PAGE, PRIVATE, READ_WRITE, strip } from "../support/boot.ts";
import { errorOf, hold } from "../support/holder.ts";
import { SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";

type Numbers = Record<string, (mm: Mm, value: number) => unknown>;

/** Each argument that is a number, with the others as they should be. */
const ARGUMENTS: Numbers = {
  "mmap address": (mm, value) => mm.mmapSync(value, PAGE, READ_WRITE, PRIVATE),
  "mmap length": (mm, value) => mm.mmapSync(0, value, READ_WRITE, PRIVATE),
  "mmap prot": (mm, value) => mm.mmapSync(0, PAGE, value, PRIVATE),
  "mmap flags": (mm, value) => mm.mmapSync(0, PAGE, READ_WRITE, value),
  "mmap offset": (mm, value) => mm.mmapSync(0, PAGE, READ_WRITE, PRIVATE, null, value),
  "munmap address": (mm, value) => mm.munmapSync(value, PAGE),
  "munmap length": (mm, value) => mm.munmapSync(at(3), value),
  "mprotect address": (mm, value) => mm.mprotectSync(value, PAGE, 1),
  "mprotect length": (mm, value) => mm.mprotectSync(at(0), value, 3),
  "mprotect prot": (mm, value) => mm.mprotectSync(at(0), PAGE, value),
  "mremap address": (mm, value) => mm.mremapSync(value, PAGE, PAGE),
  "mremap old length": (mm, value) => mm.mremapSync(at(0), value, PAGE),
  "mremap new length": (mm, value) => mm.mremapSync(at(0), PAGE, value),
  "mremap flags": (mm, value) => mm.mremapSync(at(0), PAGE, PAGE, value, at(9)),
  "mremap new address": (mm, value) => mm.mremapSync(at(0), PAGE, PAGE, 3, value),
  "madvise address": (mm, value) => mm.madviseSync(value, PAGE, 0),
  "madvise length": (mm, value) => mm.madviseSync(at(0), value, 0),
  "madvise advice": (mm, value) => mm.madviseSync(at(0), PAGE, value),
  brk: (mm, value) => mm.brkSync(value),
  "mlock address": (mm, value) => mm.mlockSync(value, PAGE),
  "mlock length": (mm, value) => mm.mlockSync(at(0), value),
  "mlock flags": (mm, value) => mm.mlockSync(at(0), PAGE, value),
  "munlock address": (mm, value) => mm.munlockSync(value, PAGE),
  "munlock length": (mm, value) => mm.munlockSync(at(0), value),
  "mlockall flags": (mm, value) => mm.mlockallSync(value),
  "mincore address": (mm, value) => mm.mincoreSync(value, PAGE),
  "msync address": (mm, value) => mm.msyncSync(value, PAGE, 4),
  "msync length": (mm, value) => mm.msyncSync(at(0), value, 4),
  "msync flags": (mm, value) => mm.msyncSync(at(0), PAGE, value),
  "fault address": (mm, value) => mm.faultSync(value),
  "read address": (mm, value) => mm.readSync(value, 8),
  "write address": (mm, value) => mm.writeSync(value, Uint8Array.of(1)),
  "page address": (mm, value) => mm.page(value),
};

const WRONG_TYPES: readonly unknown[] = [
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "4096",
  1n,
  {},
  true,
];

describe("a wrong type is a TypeError and nothing changed", () => {
  test.each(Object.keys(ARGUMENTS))("%s", (name) => {
    const { mm, machine } = boot("wwr_");
    const before = [mm.maps(), strip(mm), machine.frames.free];
    for (const value of WRONG_TYPES) {
      expect(() => ARGUMENTS[name]?.(mm, value as number)).toThrow(TypeError);
    }
    expect([mm.maps(), strip(mm), machine.frames.free]).toEqual(before);
  });

  test("asynchronous calls reject with it", async () => {
    const { mm } = boot("w");
    expect(await errorOf(mm.munmap("0" as never, PAGE))).toBeInstanceOf(TypeError);
    expect(await errorOf(mm.write(at(0), "text" as never))).toBeInstanceOf(TypeError);
    expect(await errorOf(mm.munmap(at(0), PAGE, { deadline: "x" as never }))).toBeInstanceOf(
      TypeError,
    );
    expect(await errorOf(mm.munmap(at(0), PAGE, { signal: {} as never }))).toBeInstanceOf(
      TypeError,
    );
    expect(strip(mm, 1)).toBe("w");
  });

  test("objects: files, subscribers, ops, address spaces of another machine", async () => {
    const { mm, machine, register } = boot("w");
    const other = boot("w");
    const file = other.machine.createFile({ size: PAGE });
    const holder = register({});
    const { exportNotifiers } = machine;
    for (const run of [
      () => mm.mmapSync(0, PAGE, 1, 2, file),
      () => mm.mmapSync(0, PAGE, 1, 2, {} as never),
      () => mm.mmapSync(0, PAGE, 1, PRIVATE, {} as never),
      () => mm.mmapSync(0, PAGE, 1, PRIVATE, file),
      () => mm.faultSync(at(0), 5 as never),
      () => mm.faultSync(at(0), { write: 1 as never }),
      () => holder.exportSync(mm, at(0), "write" as never),
      () => holder.exportSync(mm, at(0), { write: "yes" as never }),
      () => holder.exportRangeSync(mm, at(0), at(1), { fault: 0 as never }),
      () => mm.page(at(0)) && machine.migrateSync("1" as never),
      () => machine.createFile({ name: 5 as never }),
      () => machine.createFile({ size: "1" as never }),
      () => mm.readSync(at(0), new SharedArrayBuffer(8) as never),
      () => holder.exportSync(other.mm, at(0)),
      () => holder.watch({} as never),
      () => holder.unexport(null as never, 0),
      () => exportNotifiers.register(null as never),
      () => exportNotifiers.register({} as never),
      () => exportNotifiers.register({ name: "x", end: 5 as never }),
      () => exportNotifiers.register({ name: "x", sync: 1 as never }),
      () => exportNotifiers.register({ name: "x", deadline: Number.NaN }),
      () => exportNotifiers.fence(other.register({})),
      () => exportNotifiers.fence({} as never),
      () => machine.within(other.mm),
      () => machine.createFile({ kind: "tape" as never }),
      () => machine.createMm({ mmapBase: "high" as never }),
      () => holder.onIdle(3 as never),
    ]) {
      expect(run).toThrow(TypeError);
    }
    expect(await errorOf(machine.fork(other.mm))).toBeInstanceOf(TypeError);
    expect(await errorOf(holder.export(mm, at(0), null as never))).toBeInstanceOf(TypeError);
    expect(await errorOf(mm.fork({ parallel: "yes" as never }))).toBeInstanceOf(TypeError);
    expect([strip(mm, 1), holder.exportedCount]).toEqual(["w", 0]);
  });
});

describe("a wrong value is Linux's errno", () => {
  test.each([
    ["munmap not aligned", (mm: Mm) => mm.munmapSync(at(0) + 1, PAGE), "EINVAL"],
    ["munmap of no length", (mm: Mm) => mm.munmapSync(at(0), 0), "EINVAL"],
    ["munmap beyond the user's half", (mm: Mm) => mm.munmapSync(2 ** 47, PAGE), "EINVAL"],
    ["munmap at -4096", (mm: Mm) => mm.munmapSync(-4096, PAGE), "EINVAL"],
    ["munmap of -1 bytes", (mm: Mm) => mm.munmapSync(at(0), -1), "EINVAL"],
    ["mmap of 2**60 bytes", (mm: Mm) => mm.mmapSync(0, 2 ** 60, 3, PRIVATE), "ENOMEM"],
    ["mmap of no length", (mm: Mm) => mm.mmapSync(0, 0, 3, PRIVATE), "EINVAL"],
    ["mmap of no kind", (mm: Mm) => mm.mmapSync(0, PAGE, 3, 0x20), "EINVAL"],
    ["mmap of no file", (mm: Mm) => mm.mmapSync(0, PAGE, 1, 2), "EBADF"],
    ["mprotect at -4096", (mm: Mm) => mm.mprotectSync(-4096, PAGE, 1), "ENOMEM"],
    ["mprotect at -4095", (mm: Mm) => mm.mprotectSync(-4095, PAGE, 1), "EINVAL"],
    ["mprotect with 2**40", (mm: Mm) => mm.mprotectSync(at(0), PAGE, 2 ** 40), "EINVAL"],
    ["mremap with bit 40", (mm: Mm) => mm.mremapSync(at(0), PAGE, PAGE, 2 ** 40), "EINVAL"],
    ["madvise of an unknown kind", (mm: Mm) => mm.madviseSync(at(0), PAGE, 999), "EINVAL"],
    ["mlock with unknown flags", (mm: Mm) => mm.mlockSync(at(0), PAGE, 8), "EINVAL"],
    ["msync both ways", (mm: Mm) => mm.msyncSync(at(0), PAGE, 1 | 4), "EINVAL"],
    ["mincore of a hole", (mm: Mm) => mm.mincoreSync(at(20), PAGE), "ENOMEM"],
    ["read of a hole", (mm: Mm) => mm.readSync(at(20), 1), "SIGSEGV"],
    ["write to read-only memory", (mm: Mm) => mm.writeSync(at(2), Uint8Array.of(1)), "SIGSEGV"],
  ])("%s: %s", (_name, run, code) => {
    const { mm } = boot("wwr_");
    const before = mm.maps();
    try {
      run(mm);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(MemoryError);
      expect(error).toMatchObject({ code });
    }
    expect(mm.maps()).toBe(before);
  });
});

describe("a number that does not fit in 32 bits is not another one that does", () => {
  test("migrate of a frame 2 ** 32 further on is EINVAL, and nothing moves", async () => {
    const { mm, machine } = boot("w");
    const pfn = mm.page(at(0))?.pfn ?? 0;
    for (const far of [pfn + 2 ** 32, machine.frames.total, 2 ** 53]) {
      expect(() => machine.migrateSync(far)).toThrow(/EINVAL/);
      expect(await errorOf(machine.migrate(far))).toMatchObject({ code: "EINVAL", op: "migrate" });
    }
    expect(mm.page(at(0))?.pfn).toBe(pfn);
  });

  test("an overcommit of 2 ** 44 bytes and a page is no limit of a page", () => {
    const { mm } = boot("", { overcommit: 2 ** 44 + PAGE });
    expect(mm.mmapSync(0, 64 * MIB, READ_WRITE, PRIVATE)).toBeGreaterThan(0);
  });
});

describe("bytes", () => {
  test("shared memory can be read into and written from; a detached view is empty", () => {
    const { mm } = boot("w");
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    mm.writeSync(at(0), Uint8Array.of(7, 8));
    expect([...mm.readSync(at(0), shared)]).toEqual([7, 8]);
    shared[0] = 9;
    mm.writeSync(at(0), shared);
    const gone = new Uint8Array(2);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    mm.writeSync(at(0), gone);
    expect([...mm.readSync(at(0), 2)]).toEqual([9, 8]);
    expect(mm.readSync(at(0), gone)).toHaveLength(0);
  });

  test("a view that is detached while its write waits changes nothing", async () => {
    const booted = boot("w");
    const child = await booted.mm.fork();
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const view = Uint8Array.of(9, 9);
    const write = errorOf(booted.mm.write(at(0), view));
    structuredClone(view.buffer, { transfer: [view.buffer] });
    sleeper.open();
    expect(await write).toBeInstanceOf(TypeError);
    expect([...(await booted.mm.read(at(0), 2))]).toEqual([1, 1]);
    await child.exit();
  });
});

describe("nothing that a user can pass traps the engine", () => {
  const odd = fc.oneof(
    fc.constantFrom(
      0,
      1,
      -1,
      4095,
      4096,
      -4096,
      2 ** 31,
      2 ** 32,
      2 ** 47,
      2 ** 53,
      2 ** 64,
      -(2 ** 63),
    ),
    fc.constantFrom(
      2 ** 47 - PAGE,
      2 ** 47 - 1,
      at(0),
      at(1),
      at(3),
      at(4),
      at(0) + 1,
      1e300,
      -1e300,
    ),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.nat({ max: 64 }).map((page) => page * PAGE),
    fc.nat({ max: 64 }).map((page) => at(page)),
  );
  const call = fc.tuple(fc.constantFrom(...Object.keys(ARGUMENTS)), odd);

  test(`any number, anywhere (SEED=${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 30 }), (calls) => {
        const { mm, machine, register } = boot("wwr_", { memory: MIB });
        register({ sync: true }).watch(mm);
        for (const [name, value] of calls) survive(() => ARGUMENTS[name]?.(mm, value));
        expect(machine.check()).toBe(0);
        mm.exitSync();
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  const exporting: Record<string, (holder: Subscriber, mm: Mm, a: number, b: number) => unknown> = {
    export: (holder, mm, a) => holder.exportSync(mm, a, { write: true }),
    range: (holder, mm, a, b) => holder.exportRangeSync(mm, a, Math.min(b, a + 64 * PAGE)),
    unexport: (holder, mm, a) => holder.unexport(mm, a),
    unexportRange: (holder, mm, a, b) => holder.unexportRange(mm, a, b),
    lower: (holder, mm, a, b) => holder.lower(mm, a, b),
    dirty: (holder, mm, a) => holder.setDirty(mm, a),
  };

  test(`any number to a subscriber's handle (SEED=${SEED})`, () => {
    const step = fc.tuple(fc.constantFrom(...Object.keys(exporting)), odd, odd);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { mm, machine, register } = boot("wwr_", { memory: MIB });
        const holder = register({ sync: true });
        for (const [name, a, b] of steps) survive(() => exporting[name]?.(holder, mm, a, b));
        expect(machine.check()).toBe(0);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  function survive(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      expect(error).not.toBeInstanceOf(EngineFault);
      const isOurs = error instanceof MemoryError || error instanceof RangeError;
      if (!isOurs) throw error;
    }
  }
});
