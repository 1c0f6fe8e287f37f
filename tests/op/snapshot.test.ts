// Do rounds of changes keep another machine's address space equal, whatever happens in between?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import { decodeDiff, encodeDiff } from "../../src/snapshot/bytes.ts";
import type { MmDiff } from "../../src/snapshot/diff.ts";
import { at, BASE, boot, MIB, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { errorOf, hold } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { storeOf } from "../support/store.ts";

const ONE = Uint8Array.of(1);
const code = (name: string) => expect.objectContaining({ code: name });

/** The rights of each page, and what can be read of it: however areas are cut. */
function picture(mm: Mm): string[] {
  const lines: string[] = [];
  for (const { start, end, read, write, execute, shared } of mm.areas()) {
    const rights = [read && "r", write && "w", execute && "x", shared ? "s" : "p"].join("");
    for (let page = start; page < end; page += PAGE) {
      lines.push(`${page.toString(16)} ${rights} ${read ? sum(mm.readSync(page, PAGE)) : "?"}`);
    }
  }
  return lines;
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, value, index) => (total * 31 + value * (index + 1)) % 1_000_003, 0);
}

/** Pages of a diff, by number. */
function changed({ addresses }: MmDiff): number[] {
  return Array.from(addresses, (address) => (address - BASE) / PAGE);
}

/** Another machine that follows `mm`. */
function follower(): { machine: Machine; mm: Mm } {
  return boot();
}

describe("a snapshot", () => {
  test("has everything, and makes an empty address space equal", async () => {
    const { mm } = boot("wwr_..w-", {});
    const diff = await mm.snapshot();
    expect([diff.base, changed(diff)]).toEqual([null, [0, 1, 6]]);
    expect(diff.areas).toHaveLength(5);
    const there = follower();
    await there.machine.apply(structuredClone(diff), there.mm);
    expect(picture(there.mm)).toEqual(picture(mm));
    expect(there.machine.check()).toBe(0);
  });

  test("replaces what was there", () => {
    const { mm } = boot("ww..rr");
    const there = boot("rwwww.ww-");
    there.machine.applySync(mm.snapshotSync(), there.mm);
    expect(picture(there.mm)).toEqual(picture(mm));
    const empty = boot("").mm;
    there.machine.applySync(empty.snapshotSync(), there.mm);
    expect(there.mm.maps()).toBe("");
  });

  test("a page that no right allows to read is there all the same", () => {
    const { mm } = boot("ww");
    mm.mprotectSync(...pages(1, 2), PROT_NONE);
    const there = follower();
    there.machine.applySync(mm.snapshotSync(), there.mm);
    for (const one of [mm, there.mm]) one.mprotectSync(...pages(1, 2), PROT_READ);
    expect(picture(there.mm)).toEqual(picture(mm));
  });

  test("swapped pages come in first", async () => {
    const store = storeOf(false);
    const { mm, machine } = boot("wwww", { swap: { pages: 16, backing: store } });
    const before = picture(mm);
    await mm.madvise(...pages(1, 3), MADV_PAGEOUT);
    await store.answer();
    const diff = await mm.snapshot();
    expect(changed(diff)).toEqual([0, 1, 2, 3]);
    await mm.madvise(...pages(1, 2), MADV_PAGEOUT);
    await store.answer();
    expect(changed(await mm.changes(diff))).toEqual([]);
    const there = follower();
    there.machine.applySync(diff, there.mm);
    expect(picture(there.mm)).toEqual(before);
    expect(machine.check()).toBe(0);
  });
});

describe("changes", () => {
  test("only what was written, moved or gone since", () => {
    const { mm } = boot("wwwwwwww");
    const there = follower();
    let last = mm.snapshotSync();
    there.machine.applySync(last, there.mm);
    const round = () => {
      const diff = mm.changesSync(last);
      expect(diff.base).toBe(last.id);
      there.machine.applySync(diff, there.mm);
      expect(picture(there.mm)).toEqual(picture(mm));
      last = diff;
      return changed(diff);
    };
    expect(round()).toEqual([]);
    mm.writeSync(at(3), ONE);
    expect(round()).toEqual([3]);
    mm.madviseSync(...pages(1, 2), MADV_DONTNEED);
    expect(round()).toEqual([]);
    mm.readSync(at(1), 1);
    expect(round()).toEqual([]);
    mm.munmapSync(...pages(6, 7));
    mm.mprotectSync(...pages(3, 4), PROT_READ);
    expect(round()).toEqual([]);
    mm.mremapSync(at(0), PAGE, PAGE, 3, at(9));
    expect(round()).toEqual([9]);
  });

  test("files and shared memory: what others write, and by file", () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ size: 4 * PAGE });
    file.writeSync(0, Uint8Array.of(1, 2));
    mm.mmapSync(...pages(0, 4), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.mmapSync(...pages(4, 8), READ_WRITE, MAP_PRIVATE | MAP_FIXED, file);
    mm.mmapSync(...pages(8, 10), READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    mm.writeSync(at(5), Uint8Array.of(9));
    const child = mm.forkSync();
    const there = follower();
    let last = mm.snapshotSync();
    there.machine.applySync(last, there.mm);
    const agree = () => expect(picture(there.mm)).toEqual(picture(mm));
    agree();
    const round = () => {
      last = mm.changesSync(last);
      there.machine.applySync(last, there.mm);
      agree();
      return changed(last);
    };
    file.writeSync(2 * PAGE, ONE);
    expect(round()).toEqual([2, 6]);
    child.writeSync(at(9), ONE);
    expect(round()).toEqual([9]);
    // A private copy goes: the file's page shows again.
    mm.madviseSync(...pages(5, 6), MADV_DONTNEED);
    round();
    file.punchSync(2 * PAGE, PAGE);
    file.writeSync(PAGE, Uint8Array.of(7));
    round();
    expect(there.machine.check()).toBe(0);
  });

  test("a file whose bytes are in its backing: pages that nobody has read come in first", () => {
    const backing = memoryBacking();
    backing.write(0, new Uint8Array(3 * PAGE).fill(7));
    const { mm, machine } = boot();
    const file = machine.openFileSync({ backing });
    mm.mmapSync(...pages(0, 3), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    const diff = mm.snapshotSync();
    expect(changed(diff)).toEqual([0, 1, 2]);
    const there = follower();
    there.machine.applySync(diff, there.mm);
    expect(picture(there.mm)).toEqual(picture(mm));
  });

  test("since anything but the last: ESTALE, and nothing is cleared", async () => {
    const { mm } = boot("ww");
    const first = mm.snapshotSync();
    const second = mm.changesSync(first);
    mm.writeSync(at(0), ONE);
    await expect(mm.changes(first)).rejects.toThrow(code("ESTALE"));
    expect(mm.page(at(0))?.softDirty).toBe(true);
    mm.clearSoftDirtySync();
    expect(() => mm.changesSync(second)).toThrow(code("ESTALE"));
    const other = mm.forkSync();
    expect(() => other.changesSync(second)).toThrow(code("ESTALE"));
    mm.exitSync();
    expect(() => mm.changesSync(second)).toThrow(code("ESRCH"));
    expect(() => mm.snapshotSync()).toThrow(code("ESRCH"));
  });

  test("holders that may write let go first, and what they wrote until then is in it", async () => {
    const booted = boot("ww");
    const { mm } = booted;
    const page = () => subscriber.export(mm, at(1), { write: true });
    const { subscriber, whys } = hold(booted, {
      answer: () => {
        exported.bytes[0] = 200;
        subscriber.setDirty(mm, at(1));
      },
    });
    const last = mm.snapshotSync();
    const exported = await page();
    const diff = await mm.changes(last);
    expect(whys.map(({ reason, demand }) => [reason, demand])).toEqual([["protect", "writers"]]);
    expect([changed(diff), diff.bytes[0]]).toEqual([[1], 200]);
    const stuck = booted.register({});
    await stuck.export(mm, at(0), { write: true });
    expect(await errorOf(mm.changes(diff))).toMatchObject({ code: "EBUSY" });
    stuck.release();
    // Told before it was refused, the other holder has written once more.
    expect(changed(await mm.changes(diff))).toEqual([0, 1]);
  });
});

describe("applying", () => {
  test("changes of another state: ESTALE, nothing changed", async () => {
    const { mm } = boot("ww");
    const first = mm.snapshotSync();
    mm.writeSync(at(0), ONE);
    const second = mm.changesSync(first);
    mm.writeSync(at(1), ONE);
    const third = mm.changesSync(second);
    const there = follower();
    await expect(there.machine.apply(second, there.mm)).rejects.toThrow(code("ESTALE"));
    there.machine.applySync(first, there.mm);
    expect(() => there.machine.applySync(third, there.mm)).toThrow(code("ESTALE"));
    there.machine.applySync(second, there.mm);
    there.machine.applySync(third, there.mm);
    expect(picture(there.mm)).toEqual(picture(mm));
    there.mm.exitSync();
    expect(() => there.machine.applySync(first, there.mm)).toThrow(code("ESRCH"));
  });

  test("who holds pages there is told, and may refuse: then only a whole image fits", async () => {
    const { mm } = boot("ww");
    const there = boot("wwww");
    const whole = mm.snapshotSync();
    let refuses = true;
    const holder = there.register({
      invalidateProcessRange(_mm, start, end) {
        if (refuses) throw new Error("not now");
        holder.unexportRange(there.mm, start, end);
      },
    });
    await holder.export(there.mm, at(3));
    expect(await errorOf(there.machine.apply(whole, there.mm))).toMatchObject({ code: "EBUSY" });
    mm.writeSync(at(0), ONE);
    const next = mm.changesSync(whole);
    expect(await errorOf(there.machine.apply(next, there.mm))).toMatchObject({ code: "ESTALE" });
    refuses = false;
    await there.machine.apply(whole, there.mm);
    await there.machine.apply(next, there.mm);
    expect(picture(there.mm)).toEqual(picture(mm));
  });

  test("what is no diff: EINVAL or TypeError, nothing changed", () => {
    const good = boot("ww").mm.snapshotSync();
    const { machine, mm } = boot("w");
    const before = picture(mm);
    const [area] = good.areas;
    const bad: unknown[] = [
      null,
      "diff",
      {},
      { ...good, format: "other" },
      { ...good, id: "1" },
      { ...good, base: 7 },
      { ...good, areas: null },
      { ...good, areas: [] },
      { ...good, areas: [{ ...area, start: 1 }] },
      { ...good, areas: [{ ...area, end: 2 ** 60 }] },
      { ...good, areas: [{ ...area, prot: 8 }] },
      { ...good, areas: [area, area] },
      { ...good, content: Float64Array.of(at(0)) },
      { ...good, content: Float64Array.of(at(1), at(0)) },
      { ...good, content: [at(0), at(1)] },
      { ...good, addresses: Float64Array.of(at(0)) },
      { ...good, addresses: Float64Array.of(at(1), at(0)) },
      { ...good, addresses: Float64Array.of(at(0), at(5)) },
      { ...good, bytes: new Uint8Array(3) },
    ];
    for (const diff of bad) {
      expect(() => machine.applySync(diff as MmDiff, mm)).toThrow(
        expect.toSatisfy(
          (error: Error & { code?: string }) =>
            error instanceof TypeError || error.code === "EINVAL",
        ),
      );
    }
    expect(picture(mm)).toEqual(before);
    expect(() => machine.applySync(good, boot().mm)).toThrow(TypeError);
  });
});

describe("as bytes", () => {
  test("there and back: the same diff", () => {
    const { mm } = boot("ww.r-");
    const first = mm.snapshotSync();
    mm.writeSync(at(1), ONE);
    const second = mm.changesSync(first);
    for (const diff of [first, second]) expect(decodeDiff(encodeDiff(diff))).toEqual(diff);
    const shifted = new Uint8Array(encodeDiff(second).byteLength + 3);
    shifted.set(encodeDiff(second), 3);
    expect(decodeDiff(shifted.subarray(3))).toEqual(second);
  });

  test("a byte that differs, bytes cut off or added: EINVAL with the reason", () => {
    const { mm } = boot("w");
    const bytes = encodeDiff(mm.snapshotSync());
    const random = prng(SEED);
    for (let round = 0; round < 300; round++) {
      const broken = bytes.slice();
      const place = random.below(bytes.byteLength);
      broken[place] = (broken[place] ?? 0) ^ (1 << random.below(8));
      expect(() => decodeDiff(broken)).toThrow(code("EINVAL"));
    }
    for (const length of [0, 7, 47, 48, bytes.byteLength - 1]) {
      expect(() => decodeDiff(bytes.subarray(0, length))).toThrow(code("EINVAL"));
    }
    expect(() => decodeDiff(new Uint8Array(bytes.byteLength + 1))).toThrow(/no diff/);
    expect(() => decodeDiff("bytes" as never)).toThrow(TypeError);
  });
});

test("random operations, round after round: both are equal", () => {
  const step = fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { mm, machine } = boot("wwww__rr..ww");
      const file = machine.createFile({ size: 4 * PAGE });
      const other = mm.forkSync();
      const there = follower();
      let last = mm.snapshotSync();
      there.machine.applySync(last, there.mm);
      for (const [what, page, value] of steps) {
        attempt(() => act({ mm, other, file }, what, page, value));
        if (what !== 11) continue;
        last = mm.changesSync(last);
        there.machine.applySync(value % 2 ? last : decodeDiff(encodeDiff(last)), there.mm);
        expect(picture(there.mm)).toEqual(picture(mm));
      }
      last = mm.changesSync(last);
      there.machine.applySync(last, there.mm);
      expect(picture(there.mm)).toEqual(picture(mm));
      expect([machine.check(), there.machine.check()]).toEqual([0, 0]);
    }),
    { numRuns: 60, seed: SEED },
  );
});

interface Actors {
  readonly mm: Mm;
  readonly other: Mm;
  readonly file: ReturnType<Machine["createFile"]>;
}

function act({ mm, other, file }: Actors, what: number, page: number, value: number): void {
  const data = Uint8Array.of(value);
  const [address, length] = pages(page, page + 1 + (value % 3));
  if (what <= 2) mm.writeSync(address + value, data);
  if (what === 3) mm.munmapSync(address, length);
  if (what === 4) mm.mmapSync(address, length, READ_WRITE, PRIVATE | MAP_FIXED);
  if (what === 5)
    mm.mprotectSync(address, length, [PROT_READ, READ_WRITE, PROT_NONE][value % 3] ?? 0);
  if (what === 6) mm.madviseSync(address, length, MADV_DONTNEED);
  if (what === 7) mm.mremapSync(address, PAGE, PAGE, 3, at(value % 12));
  if (what === 8) other.writeSync(address, data);
  if (what === 9)
    mm.mmapSync(address, PAGE, READ_WRITE, (1 + (value % 2)) | MAP_FIXED, file, (value % 4) * PAGE);
  if (what === 10) file.writeSync((value % 4) * PAGE, data);
}

/** A step that Linux refuses is no step. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Refused.
  }
}

test("a large space: as many pages as were written, no more", () => {
  const { mm } = boot("", { memory: 96 * MIB, build: "release" });
  const count = 16_384;
  mm.mmapSync(BASE, count * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
  for (let page = 0; page < count; page++) mm.faultSync(at(page), { write: true });
  const last = mm.snapshotSync();
  expect(last.addresses).toHaveLength(count);
  const written = Array.from({ length: 256 }, (_, index) => index * 64);
  for (const page of written) mm.writeSync(at(page), ONE);
  const diff = mm.changesSync(last);
  expect(changed(diff)).toEqual(written);
  expect(encodeDiff(diff).byteLength).toBeLessThan(257 * PAGE);
});
