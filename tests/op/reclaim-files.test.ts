// Files larger than memory, without swap: do their pages go and come back, every byte of them, and
// does whoever holds or fails hear of it?

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Backing } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import { nodeFileBacking } from "../../src/backing/node-fs.ts";
import { MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import type { Mm } from "../../src/mm.ts";
import { at, BASE, type BootOptions, boot, MIB, PAGE, READ_WRITE, range } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";

const EIO = Object.assign(new Error("the disk is broken"), { code: "EIO" });

/** A file, mapped at `BASE`, in a machine that has a tenth of its size. */
async function open(backing: Backing, pages: number, options: BootOptions = {}) {
  const booted = boot("", { memory: (pages * PAGE) / 10, reclaim: true, ...options });
  const file = await booted.machine.openFile({ backing });
  await file.truncate(pages * PAGE);
  booted.mm.mmapSync(BASE, pages * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  return { ...booted, file, pages };
}

/** What page `index` has after it was written with `seed`. */
function content(index: number, seed: number): Uint8Array {
  const words = new Uint32Array(PAGE / 4);
  words.forEach((_, word) => {
    words[word] = (Math.imul(index + 1, 0x9e37_79b1) ^ Math.imul(seed + word, 0x85eb_ca6b)) >>> 0;
  });
  return new Uint8Array(words.buffer);
}

/** The first page of a file that is not what it should be, by call or by mapping; or -1. */
async function wrongPage(file: File, mm: Mm, seeds: Uint32Array): Promise<number> {
  for (const [index, seed] of seeds.entries()) {
    const want = Buffer.from(content(index, seed));
    const byCall = index % 2 === 0;
    const got = byCall
      ? await file.read(index * PAGE, PAGE)
      : await mm.read(BASE + index * PAGE, PAGE);
    if (!want.equals(got)) return index;
  }
  return -1;
}

/** Writes all of a file, half by call, half by mapping, in order and then at random. */
async function writeAll({ file, mm, pages }: Awaited<ReturnType<typeof open>>, touches: number) {
  const random = prng(SEED);
  const seeds = new Uint32Array(pages);
  const write = async (index: number) => {
    const seed = random.below(2 ** 30);
    seeds[index] = seed;
    const bytes = content(index, seed);
    if (random.oneIn(2)) await file.write(index * PAGE, bytes);
    else await mm.write(BASE + index * PAGE, bytes);
  };
  for (let index = 0; index < pages; index++) await write(index);
  for (let touch = 0; touch < touches; touch++) await write(random.below(pages));
  return seeds;
}

describe("a file ten times as large as memory, and no swap", () => {
  async function run(backing: Backing, memory: number, options: BootOptions) {
    const booted = await open(backing, (10 * memory) / PAGE, options);
    const seeds = await writeAll(booted, booted.pages / 5);
    expect(await wrongPage(booted.file, booted.mm, seeds)).toBe(-1);
    await booted.file.sync();
    const stored = new Uint8Array(PAGE);
    for (const [index, seed] of seeds.entries()) {
      await backing.read(index * PAGE, stored);
      if (!Buffer.from(content(index, seed)).equals(stored)) throw new Error(`page ${index}`);
    }
    expect(booted.machine.check()).toBe(0);
    expect(booted.reports).toEqual([]);
    return booted.machine.vmstat();
  }

  test(`4 MiB write and read 40 MiB, seed ${SEED}`, { timeout: 120_000 }, async () => {
    const stat = await run(memoryBacking(), 4 * MIB, { build: "release" });
    expect(stat.pgsteal_direct).toBeGreaterThan(10_000);
    expect(stat.nr_written).toBeGreaterThan(10_000);
  });

  test(`1 MiB with every invariant checked, seed ${SEED}`, { timeout: 120_000 }, async () => {
    const stat = await run(memoryBacking(), MIB, {});
    expect(stat.pgsteal_direct).toBeGreaterThan(2_000);
  });

  test(`2 MiB over a file of Node's, seed ${SEED}`, { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "pagebell-"));
    const backing = await nodeFileBacking(join(folder, "data"));
    try {
      await run(backing, 2 * MIB, { build: "release" });
    } finally {
      await backing.close();
      await rm(folder, { recursive: true });
    }
  });
});

/** Asked before each call of a backing; where it throws, that fails. */
type Wait = (question: "read" | "write" | "sync", position: number, bytes: number) => unknown;

/** Eight dirty pages of a file, in a machine that has plenty; `wait` may break the backing. */
async function dirtyFile(wait: Wait = () => {}) {
  const inner = memoryBacking();
  const ask = <T>(work: () => T, ...asked: Parameters<Wait>): T | Promise<T> => {
    const answer = wait(...asked);
    return answer instanceof Promise ? answer.then(work) : work();
  };
  const backing: Backing = {
    read: (position, into) => ask(() => inner.read(position, into), "read", position, into.length),
    write: (position, from) =>
      ask(() => inner.write(position, from), "write", position, from.length),
    size: () => inner.size(),
    truncate: (bytes) => inner.truncate(bytes),
    sync: () => ask(() => inner.sync(), "sync", 0, 0),
  };
  const booted = await open(backing, 8, { memory: MIB });
  for (let page = 0; page < 8; page++)
    booted.mm.writeSync(at(page), new Uint8Array(PAGE).fill(page + 1));
  return { ...booted, inner, cached: () => cached(booted) };
}

/** What of the file is in memory, a character a page. */
function cached({ mm }: { mm: Mm }): string {
  return [...mm.mincoreSync(BASE, 8 * PAGE)].join("");
}

function expectWhole(file: File): void {
  for (let page = 0; page < 8; page++) {
    expect([...new Set(file.readSync(page * PAGE, PAGE))]).toEqual([page + 1]);
  }
}

describe("dirty pages that reclaim meets", () => {
  test("are written, and go; the next use reads them", async () => {
    const { machine, file, cached } = await dirtyFile();
    const result = await machine.reclaim({ pages: 8 });
    expect([result.reclaimed, result.skipped.dirty > 0, cached()]).toEqual([8, true, "00000000"]);
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 0, nr_written: 8 });
    expectWhole(file);
  });

  test("by a call that cannot wait, too, where the backing answers at once", async () => {
    const { machine, file, cached } = await dirtyFile();
    expect(machine.reclaimSync({ pages: 8 }).reclaimed).toBe(8);
    expect(cached()).toBe("00000000");
    expectWhole(file);
  });

  test("where it does not answer at once, they go when it has", async () => {
    const door = gate();
    const { machine, cached } = await dirtyFile((question) =>
      question === "write" ? door.promise : undefined,
    );
    expect(machine.reclaimSync({ pages: 8 }).reclaimed).toBe(0);
    expect([machine.vmstat().nr_writeback, cached()]).toEqual([8, "11111111"]);
    const pending = watchPromise(machine.reclaim({ pages: 8 }));
    await settle();
    door.open();
    await settle();
    expect([pending.state, cached()]).toEqual(["done", "11111111"]);
    expect(machine.reclaimSync({ pages: 8 }).reclaimed).toBe(8);
  });

  test("who may write one is told of the writeback, then of the eviction", async () => {
    const booted = await dirtyFile();
    const holder = hold(booted, {
      letsGo: false,
      answer(why) {
        for (const { mm, address } of why.places) {
          if (why.demand === "writers") holder.subscriber.lower(mm, address, address + PAGE);
          else holder.subscriber.unexport(mm, address);
        }
      },
    });
    await holder.subscriber.export(booted.mm, at(2), { write: true });
    expect((await booted.machine.reclaim({ pages: 8 })).reclaimed).toBe(8);
    expect(holder.diary).toEqual(["writeback pfn some", "end done", "evict pfn some", "end done"]);
    expectWhole(booted.file);
  });

  test("who refuses keeps his page dirty, and no other", async () => {
    const booted = await dirtyFile();
    const stubborn = booted.register({
      name: "stubborn",
      invalidatePage: () => Promise.reject(new Error("mine")),
    });
    await stubborn.exportRange(booted.mm, ...range(2, 4), { write: true });
    const result = await booted.machine.reclaim({ pages: 8 });
    expect([result.reclaimed, booted.cached()]).toEqual([6, "00110000"]);
    expect(booted.machine.vmstat().nr_dirty).toBe(2);
    expectWhole(booted.file);
  });

  test("who keeps on writing keeps the pages: it ends", async () => {
    const booted = await dirtyFile((question) => {
      if (question !== "write") return;
      for (let page = 0; page < 8; page++) booted.mm.writeSync(at(page), Uint8Array.of(page + 1));
    });
    const result = await booted.machine.reclaim({ pages: 8 });
    expect(result.reclaimed).toBe(0);
    expectWhole(booted.file);
  });

  test("the page that an open hole cuts in two stays until it is cut", async () => {
    const booted = await dirtyFile();
    await booted.file.sync();
    const door = gate();
    const holder = hold(booted, {
      async answer() {
        await door.promise;
        holder.subscriber.unexportRange(booted.mm, ...range(0, 8));
      },
    });
    await holder.subscriber.export(booted.mm, at(3));
    const punching = booted.file.punch(2 * PAGE + 100, 3 * PAGE);
    await settle();
    expect((await booted.machine.reclaim({ pages: 8 })).reclaimed).toBe(4);
    expect(booted.cached()).toBe("00111100");
    door.open();
    await punching;
    await booted.machine.reclaim({ pages: 8 });
    expect(booted.cached()).toBe("00000000");
    const bytes = booted.file.readSync(2 * PAGE, 4 * PAGE);
    expect(bytes.indexOf(0)).toBe(100);
    expect(bytes.findIndex((byte, index) => index > 100 && byte !== 0)).toBe(3 * PAGE + 100);
  });

  test("of a group: its own are written, and no others", async () => {
    const { machine, file } = await dirtyFile();
    const group = machine.createGroup({ memory: 4 * PAGE });
    const mm = machine.createMm({ group });
    const other = machine.openFileSync({ backing: memoryBacking() });
    other.truncateSync(16 * PAGE);
    mm.mmapSync(BASE, 16 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, other);
    for (let page = 0; page < 16; page++) mm.writeSync(at(page), Uint8Array.of(page + 1));
    for (let page = 0; page < 16; page++) expect(mm.readSync(at(page), 1)[0]).toBe(page + 1);
    expect(group.used).toBeLessThanOrEqual(4 * PAGE);
    expect(machine.vmstat().nr_dirty).toBeGreaterThanOrEqual(8);
    expectWhole(file);
  });
});

describe("a backing that fails", () => {
  test("in a write: it stays dirty, who lacks memory gets ENOMEM, the sync says why", async () => {
    const state = { broken: true };
    const booted = await dirtyFile((question) => {
      if (question === "write" && state.broken) throw EIO;
    });
    const { machine, mm, file } = booted;
    expect((await machine.reclaim({ pages: 8 })).reclaimed).toBe(0);
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 8, nr_written: 0 });
    await file.truncate(400 * PAGE);
    const show = await mm.mmap(0, 400 * PAGE, READ_WRITE, MAP_SHARED, file);
    const filling = mm.write(show, new Uint8Array(400 * PAGE).fill(1));
    expect(await errorOf(filling)).toMatchObject({ code: "ENOMEM" });
    expect(await errorOf(file.sync())).toMatchObject({ code: "EIO", cause: EIO });
    state.broken = false;
    await mm.write(show + 8 * PAGE, new Uint8Array(392 * PAGE).fill(1));
    await file.sync();
    expect(machine.check()).toBe(0);
  });

  test("in a read: SIGBUS by address, EIO by call, and it can be read again", async () => {
    const state = { broken: false };
    const { machine, mm, file } = await dirtyFile((question) => {
      if (question === "read" && state.broken) throw EIO;
    });
    await machine.reclaim({ pages: 8 });
    state.broken = true;
    expect(await errorOf(mm.read(at(2), 1))).toMatchObject({ code: "SIGBUS" });
    expect(await errorOf(file.read(PAGE, 1))).toMatchObject({ code: "EIO", cause: EIO });
    state.broken = false;
    expectWhole(file);
  });

  test("in a sync, after pages have gone: they are read back and stored again", async () => {
    const state = { broken: true };
    const stored = new Set<number>();
    const { machine, file, cached } = await dirtyFile((question, position, bytes) => {
      if (question === "write") {
        for (let done = 0; done < bytes; done += PAGE) stored.add((position + done) / PAGE);
      }
      if (question === "sync" && state.broken) throw EIO;
    });
    await machine.reclaim({ pages: 6 });
    expect(cached().replaceAll("1", "")).toHaveLength(6);
    expect(await errorOf(file.sync())).toMatchObject({ code: "EIO", cause: EIO });
    // It stays until all of it is durable, though its owner has given it up.
    file.release();
    expect(await errorOf(machine.sync())).toMatchObject({ code: "EIO" });
    await machine.reclaim({ pages: 6 });
    expect(await errorOf(machine.sync())).toMatchObject({ code: "EIO" });
    stored.clear();
    state.broken = false;
    await machine.sync();
    expect([...stored].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    stored.clear();
    await machine.sync();
    expect([...stored]).toEqual([]);
    expect(machine.vmstat().nr_dirty).toBe(0);
  });

  test("one that never answers: the call gives up at its deadline", async () => {
    const { machine, clock, mm } = await dirtyFile((question) =>
      question === "write" ? gate().promise : undefined,
    );
    const reclaiming = watchPromise(machine.reclaim({ pages: 8, deadline: 50 }));
    await settle();
    await clock.advance(50);
    expect(reclaiming.state).toBe("done");
    expect(mm.readSync(at(3), 1)[0]).toBe(4);
  });
});
