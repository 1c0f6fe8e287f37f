// Does each backing do what all must, what its own kind says, and does a machine run on it?

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Backing } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import { nodeFileBacking } from "../../src/backing/node-fs.ts";
import { type Positional, readWhole, writeWhole } from "../../src/backing/positional.ts";
import { MADV_PAGEOUT } from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, strip } from "../support/boot.ts";
import { errorOf } from "../support/holder.ts";
import { SEED } from "../support/prng.ts";
import { CASES, salted } from "./suite.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagebell-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const file = () => join(folder, "bytes");

const BACKINGS: readonly [string, () => Promise<Backing>][] = [
  ["memoryBacking", async () => memoryBacking()],
  ["nodeFileBacking", () => nodeFileBacking(file())],
];

describe.each(BACKINGS)(`%s, SEED=${SEED}`, (_name, make) => {
  test.each(CASES)("$name", async ({ run }) => {
    const backing = await make();
    await run(backing, SEED);
    await backing.close?.();
  });

  test("a machine swaps to it", async () => {
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

describe("a file", () => {
  test("has position n at byte n, and is for its owner only", async () => {
    const backing = await nodeFileBacking(file());
    await backing.write(2 * PAGE, pattern(9, PAGE));
    const bytes = await readFile(file());
    expect(new Uint8Array(bytes.subarray(2 * PAGE))).toEqual(pattern(9, PAGE));
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    await backing.close();
  });

  test.each([
    ["empty", 0],
    [undefined, 0],
    ["keep", 3],
  ] as const)("that is there, found: %s, has %s bytes", async (found, size) => {
    await writeFile(file(), Uint8Array.of(1, 2, 3));
    const backing = await nodeFileBacking(file(), found === undefined ? {} : { found });
    expect(await backing.size()).toBe(size);
    await backing.close();
  });

  test("that is there is EEXIST where it must not be, and stays as it is", async () => {
    await writeFile(file(), Uint8Array.of(1, 2, 3));
    const error = await errorOf(nodeFileBacking(file(), { found: "exclusive" }));
    expect(error.code).toBe("EEXIST");
    expect(await readFile(file())).toEqual(Buffer.of(1, 2, 3));
  });

  test.each(["empty", "keep", "exclusive"] as const)("that is not there: %s", async (found) => {
    const backing = await nodeFileBacking(file(), { found, mode: 0o640 });
    await backing.write(0, salted(1, 10));
    await backing.sync();
    await backing.sync();
    await backing.close();
    expect(new Uint8Array(await readFile(file()))).toEqual(salted(1, 10));
    expect((await stat(file())).mode & 0o777).toBe(0o640 & ~process.umask());
  });

  test("a path that cannot be is Node's own error", async () => {
    expect((await errorOf(nodeFileBacking(join(folder, "none", "swap")))).code).toBe("ENOENT");
  });
});

/** A file that does a byte or two at a time, and is interrupted every third time. */
function hesitant(bytes: Uint8Array, isFull = false): Positional {
  let turn = 0;
  const some = (length: number) => {
    turn++;
    if (turn % 3 === 0) throw Object.assign(new Error("a signal"), { code: "EINTR" });
    return isFull ? 0 : Math.min(length, 1 + (turn % 2));
  };
  const read = async (into: Uint8Array, offset: number, length: number, position: number) => {
    const from = bytes.subarray(position, position + some(length));
    into.set(from, offset);
    return { bytesRead: from.length, buffer: into };
  };
  const write = async (from: Uint8Array, offset: number, length: number, position: number) => {
    const part = from.subarray(offset, offset + some(length));
    bytes.set(part, position);
    return { bytesWritten: part.length, buffer: from };
  };
  return { read, write } as unknown as Positional;
}

describe("short calls", () => {
  test("are repeated until all is read, or the file ends", async () => {
    const into = new Uint8Array(20);
    expect(await readWhole(hesitant(salted(1, 15)), 2, into)).toBe(13);
    expect(into.subarray(0, 13)).toEqual(salted(1, 15).subarray(2));
  });

  test("are repeated until all is written", async () => {
    const bytes = new Uint8Array(20);
    await writeWhole(hesitant(bytes), 3, salted(1, 15));
    expect(bytes.subarray(3, 18)).toEqual(salted(1, 15));
  });

  test("that do nothing are an error, not a loop", async () => {
    const full = hesitant(new Uint8Array(20), true);
    expect((await errorOf(writeWhole(full, 3, salted(1, 5)))).message).toContain("byte 3");
  });
});
