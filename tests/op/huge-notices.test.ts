// Huge pages and holders: is everybody who holds any part of one told before it changes, and
// awaited?

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MADV_REMOVE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { type Booted, PAGE } from "../support/boot.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import {
  areasOf,
  bootHuge,
  get,
  HUGE,
  HUGE_SHARED,
  huge,
  hugePages,
  mapHuge,
  put,
} from "../support/huge.ts";
import { gate } from "../support/sleeper.ts";

/** Pages of 4 KiB in a huge page. */
const PARTS = HUGE / PAGE;

/** Two huge pages, written; somebody holds one part amid each. */
function held(flags?: number, count = 4) {
  const booted = bootHuge(count);
  mapHuge(booted.mm, 0, 2, flags);
  for (const index of [0, 1]) put(booted.mm, index, 5);
  return { ...booted, ...holderOf(booted, booted.mm) };
}

function holderOf(booted: Booted, mm: Mm, parts = [100, 511]) {
  const holder = hold(booted);
  for (const index of [0, 1]) {
    for (const part of parts) {
      holder.subscriber.exportSync(mm, huge(index, part * PAGE), { write: true });
    }
  }
  return holder;
}

describe("a holder of parts", () => {
  test("has a record for each, of the very frame", () => {
    const { mm, subscriber, machine } = held();
    const head = mm.page(huge(0))?.pfn ?? 0;
    const frames = [...subscriber.exported()].map(({ pfn }) => pfn);
    expect(frames).toContain(head + 100);
    expect(frames).toContain(head + 511);
    expect(mm.page(huge(0, 100 * PAGE))).toMatchObject({ exported: true, exports: 1 });
    expect(mm.page(huge(0, 101 * PAGE))).toMatchObject({ exported: false, exports: 0 });
    expect(machine.vmstat().nr_exported).toBe(4);
    subscriber.unexport(mm, huge(0, 100 * PAGE));
    expect([...mm.pagemap()].map(({ exported }) => exported)).toEqual([true, true]);
    subscriber.unexport(mm, huge(0, 511 * PAGE));
    expect([...mm.pagemap()].map(({ exported }) => exported)).toEqual([false, true]);
    expect(machine.check()).toBe(0);
  });

  test("reads and writes the memory itself", () => {
    const { mm, subscriber } = held();
    const page = subscriber.exportSync(mm, huge(1, 7 * PAGE), { write: true });
    page.bytes[3] = 42;
    expect(get(mm, 1, 7 * PAGE + 3)).toBe(42);
    subscriber.unexportRange(mm, huge(0), huge(2));
    expect(subscriber.exportedCount).toBe(0);
  });

  test("may ask for all 512 of them", async () => {
    const booted = bootHuge(1);
    mapHuge(booted.mm, 0, 1);
    put(booted.mm, 0, 1);
    const { subscriber } = hold(booted);
    expect(await subscriber.exportRange(booted.mm, huge(0), huge(1), { write: true })).toBe(PARTS);
    expect(booted.machine.check()).toBe(0);
    await booted.mm.munmap(...hugePages(0, 1));
    expect(subscriber.exportedCount).toBe(0);
  });

  test("who faults a page in by exporting a part has all of it present", async () => {
    const booted = bootHuge(1);
    mapHuge(booted.mm, 0, 1);
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, huge(0, 9 * PAGE), { write: true });
    expect(booted.mm.page(huge(0))?.present).toBe(true);
  });
});

describe("who is told, and of what", () => {
  const first = `0-${PARTS}`;
  const both = `0-${2 * PARTS}`;

  test("munmap, mprotect, MADV_DONTNEED, mremap", async () => {
    const { mm, diary, ...booted } = held();
    await mm.mprotect(...hugePages(0, 1), PROT_READ);
    await mm.madvise(huge(0), HUGE + PAGE, MADV_DONTNEED);
    expect(diary).toEqual([`protect ${first}`, "end done", `clear ${first}`, "end done"]);
    diary.length = 0;
    await mm.mremap(huge(1), HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, huge(8));
    expect(diary).toEqual([`unmap ${PARTS}-${2 * PARTS}`, "end done"]);
    expect(booted.machine.check()).toBe(0);
  });

  test("to none: everybody must go", async () => {
    const { mm, diary, subscriber } = held();
    await mm.mprotect(...hugePages(0, 2), PROT_NONE);
    expect([diary, subscriber.exportedCount]).toEqual([[`protect ${both}`, "end done"], 0]);
  });

  test("fork: writers are lowered, the parent's range is told", async () => {
    const { mm, diary, subscriber } = held();
    const child = await mm.fork();
    expect([diary, subscriber.exportedCount]).toEqual([[`protect ${both}`, "end done"], 4]);
    expect(child.page(huge(0, 100 * PAGE))).toMatchObject({ exported: false, exports: 1 });
  });

  test("a copy on write: the huge page of the one who writes", async () => {
    const { mm, diary, subscriber } = held();
    const child = await mm.fork();
    diary.length = 0;
    await mm.write(huge(1, 3), Uint8Array.of(8));
    expect(diary).toEqual([`cow ${PARTS}-${2 * PARTS}`, "end done"]);
    expect([get(mm, 1, 3), get(child, 1, 3), subscriber.exportedCount]).toEqual([8, 0, 2]);
  });

  test("the last owner's write, a first fault, a shared write: nobody", async () => {
    const { mm, diary } = held();
    const child = await mm.fork();
    await child.exit();
    diary.length = 0;
    put(mm, 0, 8);
    expect(diary).toEqual([]);
  });

  test("a page that its owner takes from a child: the child's holder", async () => {
    const booted = held(undefined, 2);
    const child = await booted.mm.fork();
    const other = hold(booted, { name: "other" });
    other.subscriber.exportSync(child, huge(1, 17 * PAGE));
    booted.diary.length = 0;
    await booted.mm.write(huge(1, 3), Uint8Array.of(8));
    expect(other.diary).toEqual([`clear ${PARTS}-${2 * PARTS}`, "end done"]);
    expect([booted.diary, other.subscriber.exportedCount]).toEqual([[], 0]);
    expect((await errorOf(child.read(huge(1), 1))).code).toBe("SIGBUS");
    expect(booted.mm.page(huge(1))).toMatchObject({ writable: true, mapCount: 1 });
  });

  test("MADV_REMOVE: the file's whole pages, with the ranges that show them", async () => {
    const { mm, ...booted } = held(HUGE_SHARED);
    booted.subscriber.release();
    const { diary, subscriber } = hold(
      { mm, ...booted },
      { answer: () => void subscriber.unexportRange(mm, huge(0), huge(1)) },
    );
    for (const index of [0, 1]) subscriber.exportSync(mm, huge(index, 100 * PAGE));
    await mm.madvise(huge(0), HUGE + PAGE, MADV_REMOVE);
    expect(diary).toEqual([`punch ${first}`, "end done"]);
    expect([subscriber.exportedCount, get(mm, 0), get(mm, 1)]).toEqual([1, 0, 5]);
  });
});

describe("who is waited for", () => {
  test("munmap waits, the page stays readable and its range frozen until then", async () => {
    const { mm, machine, ...booted } = bootHuge(2);
    mapHuge(mm, 0, 1);
    put(mm, 0, 5);
    const sleeper = gate();
    const { subscriber } = hold({ ...booted, mm, machine }, { answer: () => sleeper.promise });
    subscriber.exportSync(mm, huge(0, 300 * PAGE));
    const unmapped = mm.munmap(...hugePages(0, 1));
    const seen = watchPromise(unmapped);
    expect([get(mm, 0), seen.state]).toEqual([5, "pending"]);
    expect(() => subscriber.exportSync(mm, huge(0))).toThrow(/EAGAIN/);
    sleeper.open();
    await unmapped;
    expect(areasOf(mm)).toBe("");
  });

  test("one who keeps any part: EBUSY, and nothing is changed", async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 1);
    put(booted.mm, 0, 5);
    const { subscriber } = hold(booted, { letsGo: false });
    subscriber.exportSync(booted.mm, huge(0, 511 * PAGE));
    for (const call of [
      () => booted.mm.munmap(...hugePages(0, 1)),
      () => booted.mm.madvise(...hugePages(0, 1), MADV_DONTNEED),
    ]) {
      expect((await errorOf(call())).code).toBe("EBUSY");
    }
    expect(get(booted.mm, 0)).toBe(5);
    const child = await booted.mm.fork();
    expect((await errorOf(booted.mm.write(huge(0), Uint8Array.of(1)))).code).toBe("EBUSY");
    expect(get(child, 0)).toBe(5);
  });

  test("one who keeps a part at exit keeps the whole page out of the pool", async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 2);
    for (const index of [0, 1]) put(booted.mm, index, 5);
    const { subscriber } = hold(booted, { letsGo: false });
    const kept = subscriber.exportSync(booted.mm, huge(0, 511 * PAGE));
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
    expect(booted.machine.hugePages).toEqual({ total: 2, free: 1, reserved: 0 });
    expect(kept.bytes[0]).toBe(0);
    subscriber.release();
    expect(booted.machine.hugePages).toEqual({ total: 2, free: 2, reserved: 0 });
    expect([booted.machine.quarantined, booted.machine.check()]).toEqual([0, 0]);
  });

  test("a copy's page is promised while its holder is waited for", async () => {
    const booted = bootHuge(2);
    mapHuge(booted.mm, 0, 1);
    put(booted.mm, 0, 5);
    const child = await booted.mm.fork();
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    subscriber.exportSync(child, huge(0, 300 * PAGE));
    const written = child.write(huge(0), Uint8Array.of(9));
    expect(booted.machine.hugePages).toEqual({ total: 2, free: 1, reserved: 1 });
    expect(() => mapHuge(booted.mm, 4, 5)).toThrow(/ENOMEM/);
    sleeper.open();
    await written;
    expect([get(child, 0, 0), get(booted.mm, 0, 0)]).toEqual([9, 0]);
  });
});
