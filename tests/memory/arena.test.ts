// The arena of the modules that are shipped, at the limits that abi.ts states.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FRAMES_MAX, FRAMES_MIN, PAGE_SIZE, Status } from "../../assembly/abi.ts";

const BUILDS = ["release", "release-plain", "debug", "debug-plain"];
const WASM_PAGE_BYTES = 65536;
const WASM_PAGES_MAX = 65535;
/** STATIC_BYTES_MAX of assembly/mem/layout.ts: what FRAMES_MAX leaves room for. */
const STATIC_BYTES_MAX = 1 << 20;

interface Exports extends WebAssembly.Exports {
  memory: WebAssembly.Memory;
  machine_init(frames: number): number;
  machine_check(): number;
  frames_total(): number;
  frames_free(): number;
  frames_pointer(): number;
}

function boot(build: string): Exports {
  const module = new WebAssembly.Module(readFileSync(`build/${build}.wasm`));
  const env = {
    abort(): never {
      throw new Error("the engine stopped");
    },
  };
  return new WebAssembly.Instance(module, { env }).exports as Exports;
}

function pages(wasm: Exports): number {
  return wasm.memory.buffer.byteLength / WASM_PAGE_BYTES;
}

describe.each(BUILDS)("the arena of %s", (build) => {
  test("static data leaves room for the largest machine", () => {
    expect(boot(build).memory.buffer.byteLength).toBeLessThanOrEqual(STATIC_BYTES_MAX);
  });

  test("a size outside the limits is EINVAL and takes no memory", () => {
    const wasm = boot(build);
    const before = pages(wasm);
    for (const frames of [0, 1, FRAMES_MIN - 1, FRAMES_MAX + 1, 0xffffffff]) {
      expect(wasm.machine_init(frames)).toBe(Status.EINVAL);
    }
    expect(pages(wasm)).toBe(before);
    expect(wasm.machine_init(FRAMES_MIN)).toBe(Status.Ok);
    expect(wasm.machine_check()).toBe(0);
  });

  test("a second machine is EBUSY", () => {
    const wasm = boot(build);
    expect(wasm.machine_init(FRAMES_MIN)).toBe(Status.Ok);
    const before = pages(wasm);
    expect(wasm.machine_init(FRAMES_MIN)).toBe(Status.EBUSY);
    expect(pages(wasm)).toBe(before);
  });
});

test("the largest machine is made, and is sound to its last frame", () => {
  const wasm = boot("release");
  expect(wasm.machine_init(FRAMES_MAX)).toBe(Status.Ok);
  expect(pages(wasm)).toBeLessThanOrEqual(WASM_PAGES_MAX);
  expect(wasm.frames_total()).toBe(FRAMES_MAX);
  expect(wasm.frames_free()).toBeGreaterThan(FRAMES_MAX - 64);
  const end = (wasm.frames_pointer() >>> 0) + FRAMES_MAX * PAGE_SIZE;
  expect(end).toBeLessThanOrEqual(wasm.memory.buffer.byteLength);
  expect(wasm.machine_check()).toBe(0);
});
