// What does each backing keep, what does it refuse, and does a machine run on it?

import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SwapBacking } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import { nodeFileBacking } from "../../src/backing/node-fs.ts";
import { MADV_PAGEOUT } from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, strip } from "../support/boot.ts";
import { errorOf } from "../support/holder.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagebell-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const file = () => join(folder, "swap");

const BACKINGS: readonly [string, () => Promise<SwapBacking>][] = [
  ["memoryBacking", async () => memoryBacking()],
  ["nodeFileBacking", () => nodeFileBacking(file())],
];

describe.each(BACKINGS)("%s", (_name, make) => {
  test("gives back what was written last, slot by slot, in any order", async () => {
    const backing = await make();
    for (const slot of [3, 0, 7, 3]) await backing.write(slot, pattern(slot, PAGE));
    await backing.write(0, pattern(100, PAGE));
    for (const [slot, index] of [
      [7, 7],
      [0, 100],
      [3, 3],
    ] as const) {
      const into = new Uint8Array(PAGE);
      await backing.read(slot, into);
      expect(into).toEqual(pattern(index, PAGE));
    }
    await backing.close?.();
  });

  test("keeps what was written when the bytes change afterwards", async () => {
    const backing = await make();
    const bytes = pattern(1, PAGE);
    await backing.write(0, bytes);
    bytes.fill(0);
    const into = new Uint8Array(PAGE);
    await backing.read(0, into);
    expect(into).toEqual(pattern(1, PAGE));
    await backing.close?.();
  });

  test("fails to read what was never written, and after it was closed", async () => {
    const backing = await make();
    const read = async (slot: number) => backing.read(slot, new Uint8Array(PAGE));
    expect(await errorOf(read(5))).toBeInstanceOf(RangeError);
    await backing.write(0, pattern(0, PAGE));
    await backing.close?.();
    expect(await errorOf(read(0))).toBeInstanceOf(Error);
  });

  test("a machine runs on it", async () => {
    const backing = await make();
    const { mm, machine, reports } = boot("w".repeat(80), { swap: { pages: 80, backing } });
    await mm.madvise(...pages(0, 80), MADV_PAGEOUT);
    expect(strip(mm, 80)).toBe("_".repeat(80));
    expect(await mm.read(at(0), 80 * PAGE)).toEqual(pattern(0, 80 * PAGE));
    expect(machine.check()).toBe(0);
    expect(reports).toEqual([]);
    await backing.close?.();
  });
});

describe("the file", () => {
  test("has slot n at n times 4096, and is for its owner only", async () => {
    const backing = await nodeFileBacking(file());
    await backing.write(2, pattern(9, PAGE));
    const bytes = await readFile(file());
    expect(new Uint8Array(bytes.subarray(2 * PAGE))).toEqual(pattern(9, PAGE));
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    await backing.close();
  });

  test("a path that cannot be is Node's own error", async () => {
    expect((await errorOf(nodeFileBacking(join(folder, "none", "swap")))).code).toBe("ENOENT");
  });
});
