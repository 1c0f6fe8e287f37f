// Making a machine: sizes, options, entries, and what happens when the engine breaks.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FRAMES_MAX } from "../../assembly/abi.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineExports, EXPORT_NAMES } from "../../src/engine/exports.ts";
import { instantiate } from "../../src/engine/load.ts";
import { EngineFault } from "../../src/errors.ts";
import { createMachine, type MachineOptions } from "../../src/index.ts";
import { createMachine as createSlim } from "../../src/slim.ts";
import { createMachineSync } from "../../src/sync.ts";
import { boot, engineModule, MIB, PAGE, PRIVATE, READ_WRITE } from "../support/boot.ts";

describe("entries", () => {
  test("the main entry has the engine inlined", async () => {
    const machine = await createMachine({ memory: MIB });
    const mm = machine.createMm();
    const address = await mm.mmap(0, PAGE, READ_WRITE, PRIVATE);
    await mm.write(address, Uint8Array.of(1, 2, 3));
    expect([...(await mm.read(address, 4))]).toEqual([1, 2, 3, 0]);
  });

  test("sync: a machine at once", () => {
    expect(createMachineSync({ memory: 2 * MIB }).frames.total).toBe(512);
  });

  test("slim: from a module, bytes, a response, or a promise of one", async () => {
    const path = new URL("../../build/release.wasm", import.meta.url);
    const bytes = readFileSync(path);
    const type = { headers: { "content-type": "application/wasm" } };
    const sources = [engineModule("release"), bytes, Promise.resolve(new Response(bytes, type))];
    for (const engine of sources) {
      expect((await createSlim({ engine, memory: MIB })).frames.total).toBe(256);
    }
    const data = `data:application/wasm;base64,${bytes.toString("base64")}`;
    expect((await createSlim({ engine: data, memory: MIB })).frames.total).toBe(256);
  });

  test("slim: what is no engine is refused", async () => {
    const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    await expect(createSlim({ engine: empty, memory: MIB })).rejects.toThrow(/does not export/);
    const gone = new Response("", { status: 404 });
    await expect(createSlim({ engine: gone, memory: MIB })).rejects.toThrow(/404/);
    await expect(createSlim({ engine: 5 as never, memory: MIB })).rejects.toThrow(TypeError);
  });

  test("the release module imports nothing", () => {
    expect(WebAssembly.Module.imports(engineModule("release"))).toEqual([]);
  });
});

describe("memory", () => {
  test.each([
    0,
    MIB - 1,
    -MIB,
    FRAMES_MAX * PAGE + 1,
    (FRAMES_MAX + 1) * PAGE,
    2 ** 40,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])("%d bytes is a RangeError that says the limits", async (memory) => {
    const error = await createMachine({ memory }).catch((cause: Error) => cause);
    expect(error).toBeInstanceOf(RangeError);
    expect(String(error)).toContain(`from ${MIB} to ${FRAMES_MAX * PAGE} bytes`);
  });

  test("1 MiB is a machine; a part of a page is not used", async () => {
    expect((await createMachine({ memory: MIB })).frames.total).toBe(256);
    expect((await createMachine({ memory: MIB + 5000 })).frames.total).toBe(257);
  });

  test.each([
    ["no options", undefined],
    ["no memory", {}],
    ["memory as text", { memory: "64" }],
    ["a deadline as text", { memory: MIB, deadline: "5" }],
    ["a trace as text", { memory: MIB, trace: "yes" }],
    ["a clock that does not run", { memory: MIB, clock: { now: () => 0 } }],
    ["a clock as a number", { memory: MIB, clock: 5 }],
    ["a reporter as text", { memory: MIB, report: "console" }],
    ["notifier options as text", { memory: MIB, exportNotifiers: "parallel" }],
    ["parallel as text", { memory: MIB, exportNotifiers: { parallel: "yes" } }],
    ["debug as a number", { memory: MIB, debug: 1 }],
    ["memory as a bigint", { memory: 1048576n }],
  ])("%s is a TypeError", async (_name, options) => {
    await expect(createMachine(options as never as MachineOptions)).rejects.toThrow(TypeError);
  });

  test("a trace of no events, or too many, is a RangeError", async () => {
    await expect(createMachine({ memory: MIB, trace: 0 })).rejects.toThrow(RangeError);
    await expect(createMachine({ memory: MIB, trace: 2 ** 30 })).rejects.toThrow(RangeError);
  });

  test("linear memory stays at its size at creation", async () => {
    const machine = await createMachine({ memory: 2 * MIB });
    const before = machine.memoryBytes;
    const mm = machine.createMm();
    for (let round = 0; round < 20_000; round++) {
      const address = mm.mmapSync(0, 4 * PAGE, READ_WRITE, PRIVATE);
      mm.faultSync(address, { write: true });
      mm.munmapSync(address, 4 * PAGE);
    }
    expect(machine.memoryBytes).toBe(before);
    expect(machine.frames.free).toBeGreaterThan(500);
  });
});

describe("a trap of the engine", () => {
  /** The real engine, one function of which traps. */
  function trapping(name: keyof typeof EXPORT_NAMES): Engine {
    const real = instantiate(engineModule());
    const trap = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    return new Engine({ ...real, [name]: trap } as EngineExports);
  }

  test.each(["mm_munmap", "mm_mmap", "mm_fault", "mm_fork", "frames_free"] as const)(
    "in %s poisons the machine with a clear message, and every later call says so",
    (name) => {
      const engine = trapping(name);
      engine.start(256);
      const mm = engine.createMm(0x7fff_0000_0000, 0x5555_0000_0000);
      const first = faultOf(() => call(engine, name, mm));
      expect(first.message).toMatch(/cannot be used any more: unreachable/);
      expect(faultOf(() => engine.createMm(0, 0))).toBe(first);
      expect(faultOf(() => engine.munmap(mm, 0, PAGE))).toBe(first);
      expect(faultOf(() => engine.check())).toBe(first);
    },
  );

  function call(engine: Engine, name: string, mm: number): unknown {
    if (name === "mm_munmap") return engine.munmap(mm, 0, PAGE);
    if (name === "mm_mmap") return engine.mmap(mm, 0, PAGE, 3, PRIVATE, 0, 0);
    if (name === "mm_fork") return engine.fork(mm);
    return name === "mm_fault" ? engine.fault(mm, 0, 0) : engine.framesFree;
  }

  function faultOf(run: () => unknown): Error {
    try {
      run();
    } catch (error) {
      if (error instanceof EngineFault) return error;
      return new Error(`not an EngineFault: ${String(error)}`);
    }
    return new Error("nothing thrown");
  }
});

test("vmstat counts by Linux's names", () => {
  const { machine, mm } = boot("ww__");
  const before = machine.vmstat();
  mm.readSync(mm.areas()[0]?.start ?? 0, 3 * PAGE);
  const after = machine.vmstat();
  expect(after.pgfault - before.pgfault).toBe(1);
  expect(after.zero_page_fault - before.zero_page_fault).toBe(1);
  expect(Object.keys(after)).toContain("nr_page_table_pages");
});

test("debug: every invariant is checked after each bracket", async () => {
  const { machine, mm, register } = boot("ww", { debug: true });
  const holder = register({
    invalidateProcessRange: (which, start, end) => void holder.unexportRange(which, start, end),
  });
  const start = mm.areas()[0]?.start ?? 0;
  await holder.export(mm, start);
  await mm.munmap(start, PAGE);
  expect(machine.check()).toBe(0);
});

test("fork by the machine, and address spaces listed", async () => {
  const { machine, mm } = boot("w");
  const child = await machine.fork(mm);
  const other = machine.forkSync(child);
  expect(machine.mms).toEqual([mm, child, other]);
  child[Symbol.dispose]();
  await other[Symbol.asyncDispose]();
  expect(machine.mms).toEqual([mm]);
});
