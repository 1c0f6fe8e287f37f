// Which operations tell whom, and which do not: one line per trigger, all ranges half open.

import { describe, expect, test } from "vitest";
import {
  MADV_COLD,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_NORMAL,
  MADV_WILLNEED,
  MAP_FIXED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import { at, type Booted, boot, PAGE, PRIVATE, pages, READ_WRITE, range } from "../support/boot.ts";
import { hold } from "../support/holder.ts";

/** An operation on "wwww..ww", of which [0,4) and [6,8) are exported, and what it announces. */
type Trigger = readonly [string, (booted: Booted) => Promise<unknown>, readonly string[]];

const move = (b: Booted, flags: number, to: number) =>
  b.mm.mremap(at(0), 2 * PAGE, 2 * PAGE, flags, at(to));

const TRIGGERS: readonly Trigger[] = [
  ["munmap", (b) => b.mm.munmap(...pages(1, 3)), ["unmap 1-3"]],
  ["munmap over a hole", (b) => b.mm.munmap(...pages(2, 8)), ["unmap 2-8"]],
  ["munmap of nothing", (b) => b.mm.munmap(...pages(4, 6)), []],
  [
    "MAP_FIXED over a mapping",
    (b) => b.mm.mmap(at(2), 2 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED),
    ["unmap 2-4"],
  ],
  ["mmap elsewhere", (b) => b.mm.mmap(at(4), PAGE, READ_WRITE, PRIVATE), []],
  ["mprotect to read", (b) => b.mm.mprotect(...pages(0, 2), PROT_READ), ["protect 0-2"]],
  ["mprotect to none", (b) => b.mm.mprotect(...pages(0, 2), PROT_NONE), ["protect 0-2"]],
  ["mprotect that changes nothing", (b) => b.mm.mprotect(...pages(0, 2), READ_WRITE), []],
  ["MADV_DONTNEED", (b) => b.mm.madvise(...pages(1, 2), MADV_DONTNEED), ["clear 1-2"]],
  ["MADV_FREE", (b) => b.mm.madvise(...pages(1, 2), MADV_FREE), ["clear 1-2"]],
  ["MADV_NORMAL", (b) => b.mm.madvise(...pages(1, 2), MADV_NORMAL), []],
  ["MADV_WILLNEED", (b) => b.mm.madvise(...pages(1, 2), MADV_WILLNEED), []],
  ["MADV_COLD", (b) => b.mm.madvise(...pages(1, 2), MADV_COLD), []],
  ["MADV_DONTFORK", (b) => b.mm.madvise(...pages(1, 2), MADV_DONTFORK), []],
  [
    "mremap that moves: the old range",
    (b) => move(b, MREMAP_MAYMOVE | MREMAP_FIXED, 4),
    ["unmap 0-2"],
  ],
  [
    "mremap FIXED: what was at the target, too",
    (b) => move(b, MREMAP_MAYMOVE | MREMAP_FIXED, 6),
    ["unmap 6-8", "unmap 0-2"],
  ],
  [
    "mremap DONTUNMAP",
    (b) => move(b, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 4),
    ["unmap 0-2"],
  ],
  ["mremap that shrinks", (b) => b.mm.mremap(at(0), 4 * PAGE, PAGE), ["unmap 1-4"]],
  ["mremap that grows in place", (b) => b.mm.mremap(at(6), 2 * PAGE, 3 * PAGE), []],
  ["a read", (b) => b.mm.read(at(0), PAGE), []],
  ["a write that reuses the page", (b) => b.mm.write(at(0), Uint8Array.of(1)), []],
  ["mlock", (b) => b.mm.mlock(...pages(0, 2)), []],
  ["a refused munmap", (b) => b.mm.munmap(at(0), 0).catch(() => {}), []],
];

async function told(operate: (booted: Booted) => Promise<unknown>, drawing = "wwww..ww") {
  const booted = boot(drawing);
  const { subscriber, diary } = hold(booted);
  await subscriber.exportRange(booted.mm, ...range(0, 4), { write: true });
  await subscriber.exportRange(booted.mm, ...range(6, 8), { write: true });
  await operate(booted);
  expect(booted.machine.check()).toBe(0);
  return diary.filter((line) => !line.startsWith("end"));
}

describe("process ranges", () => {
  test.each(TRIGGERS)("%s", async (_name, operate, expected) => {
    expect(await told(operate)).toEqual(expected);
  });

  test("fork: the parent's copy-on-write areas, protect; again at each fork", async () => {
    const areas = ["protect 0-4", "protect 6-8"];
    expect(await told((b) => b.mm.fork())).toEqual(areas);
    const twice = await told(async (b) => {
      await b.mm.fork();
      await b.mm.fork();
    });
    expect(twice).toEqual([...areas, ...areas]);
  });

  test("brk that shrinks: the part that goes", async () => {
    const booted = boot();
    const { subscriber, diary, whys } = hold(booted);
    const start = booted.mm.brkSync(0);
    booted.mm.brkSync(start + 4 * PAGE);
    await subscriber.exportRange(booted.mm, start, start + 4 * PAGE, { write: true });
    expect(await booted.mm.brk(start + 5 * PAGE)).toBe(start + 5 * PAGE);
    expect(diary).toEqual([]);
    expect(await booted.mm.brk(start + PAGE)).toBe(start + PAGE);
    expect(whys.map(({ reason }) => reason)).toEqual(["unmap"]);
    expect(subscriber.exportedCount).toBe(1);
  });

  test("why says reason, protections, whether the caller can wait", async () => {
    const booted = boot("ww");
    const { subscriber, whys } = hold(booted, { sync: true });
    await subscriber.exportRange(booted.mm, ...range(0, 2), { write: true });
    booted.mm.mprotectSync(...pages(0, 1), PROT_READ);
    await booted.mm.munmap(...pages(0, 2));
    expect(whys[0]).toMatchObject({
      reason: "protect",
      oldProt: READ_WRITE,
      newProt: PROT_READ,
      canWait: false,
      demand: "writers",
      places: [],
    });
    expect(whys[1]).toMatchObject({ reason: "unmap", canWait: true, demand: "all" });
    expect(whys[1]?.bracket).toBeGreaterThan(whys[0]?.bracket ?? 0);
    expect(await whys[1]?.ended).toEqual({ committed: true });
  });
});

test("first faults and the zero page tell nobody", async () => {
  const booted = boot("____");
  const { subscriber, diary } = hold(booted);
  subscriber.watch(booted.mm);
  await booted.mm.read(at(0), 1);
  await booted.mm.write(at(1), Uint8Array.of(1));
  expect(diary).toEqual([]);
});

test("replacing the zero page by a first write is a COW break: told", async () => {
  const booted = boot("_");
  const { subscriber, diary } = hold(booted);
  await booted.mm.read(at(0), 1);
  await subscriber.export(booted.mm, at(0));
  await booted.mm.write(at(0), Uint8Array.of(1));
  expect(diary).toEqual(["cow 0-1", "end done"]);
});
