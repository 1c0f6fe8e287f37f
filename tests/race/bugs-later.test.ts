// More races that really happened elsewhere: huge pages, page tables that move, memory that lacks,
// devices that write after a page was cleaned. Numbers as in docs/contract.md.

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MADV_COLLAPSE,
  MAP_FIXED,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
} from "../../src/constants.ts";
import {
  at,
  BASE,
  boot,
  MIB,
  PAGE,
  PRIVATE,
  pages,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import {
  bootHuge,
  get,
  HUGE,
  HUGE_SHARED,
  huge,
  hugePages,
  mapHuge,
  put,
} from "../support/huge.ts";
import { holdFile } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const ONE = Uint8Array.of(1);
const PARTS = HUGE / PAGE;

describe("huge pages", () => {
  //   write to a shared huge page      holder of a part
  //   notice(huge page) ──────────▶    still reads the old bytes, lets go
  //   commit: the copy is mapped       export: the copy's frame
  test("B5: a huge copy on write is announced before the copy is mapped", async () => {
    const booted = bootHuge(3);
    mapHuge(booted.mm, 0, 1);
    put(booted.mm, 0, 5);
    const child = await booted.mm.fork();
    const seen: (number | undefined)[] = [];
    const holder = hold(booted, {
      answer: () => void seen.push(booted.mm.page(huge(0))?.pfn, get(booted.mm, 0)),
    });
    const part = await holder.subscriber.export(booted.mm, huge(0, PAGE));
    await booted.mm.write(huge(0, 4097), Uint8Array.of(9));
    expect(holder.diary).toEqual([`cow 0-${PARTS}`, "end done"]);
    expect(seen).toEqual([part.pfn - 1, 5]);
    expect(part.isRevoked).toBe(true);
    const again = await holder.subscriber.export(booted.mm, huge(0, PAGE));
    expect([again.bytes[1], get(child, 0)]).toEqual([9, 5]);
    expect(again.pfn).not.toBe(part.pfn);
  });

  // There is no collapse here; what is asked for it must not take small pages away unseen.
  test("B8: small pages do not become a huge one behind a holder", async () => {
    const booted = boot("", { memory: 8 * MIB });
    await booted.mm.mmap(huge(0), HUGE, READ_WRITE, PRIVATE | MAP_FIXED);
    await booted.mm.write(huge(0), ONE);
    const { subscriber, diary } = hold(booted);
    const page = await subscriber.export(booted.mm, huge(0), { write: true });
    expect(await errorOf(booted.mm.madvise(huge(0), HUGE, MADV_COLLAPSE))).toMatchObject({
      code: "EINVAL",
    });
    expect(booted.mm.page(huge(0))).toMatchObject({ pfn: page.pfn, huge: false, exported: true });
    expect([diary, page.isRevoked]).toEqual([[], false]);
  });

  test("B21: a shared huge page that one unmaps is there for the other", async () => {
    const booted = bootHuge(1);
    mapHuge(booted.mm, 0, 1, HUGE_SHARED);
    put(booted.mm, 0, 5);
    const child = await booted.mm.fork();
    expect(get(child, 0)).toBe(5);
    const one = hold(booted, { name: "one" });
    const two = hold(booted, { name: "two" });
    await one.subscriber.export(booted.mm, huge(0, PAGE), { write: true });
    const kept = await two.subscriber.export(child, huge(0, PAGE), { write: true });
    await booted.mm.munmap(...hugePages(0, 1));
    expect([one.diary, two.diary]).toEqual([[`unmap 0-${PARTS}`, "end done"], []]);
    expect(booted.machine.hugePages.free).toBe(0);
    kept.bytes[1] = 7;
    expect(get(child, 0)).toBe(7);
    await child.munmap(...hugePages(0, 1));
    expect([two.subscriber.exportedCount, booted.machine.hugePages.free]).toEqual([0, 1]);
    expect(booted.machine.check()).toBe(0);
  });
});

describe("tables that move", () => {
  //   truncate ── holder sleeps        mremap of the whole table: waits
  //   wakes, commit                    moves what is left: no page that was cut off comes along
  test("B23: a table is not moved while pages of it are taken away", async () => {
    const booted = boot("", { memory: 8 * MIB });
    const { machine, mm } = booted;
    const file = machine.createFile({ size: HUGE });
    mm.mmapSync(huge(0), HUGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    for (const index of [0, 1, 2]) mm.writeSync(huge(0, index * PAGE), Uint8Array.of(50 + index));
    const reply = gate();
    const { subscriber, diary } = holdFile(booted, { answer: () => reply.promise });
    const page = await subscriber.export(mm, huge(0, PAGE), { write: true });
    const cut = watchPromise(file.truncate(PAGE));
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    const moved = watchPromise(mm.mremap(huge(0), HUGE, HUGE, flags, huge(4)));
    expect(() => mm.mremapSync(huge(0), HUGE, HUGE, flags, huge(6))).toThrow(/EAGAIN/);
    await settle();
    expect([cut.state, moved.state, page.isRevoked]).toEqual(["pending", "pending", false]);
    reply.open();
    await settle();
    expect([cut.state, moved.state, page.isRevoked]).toEqual(["done", "done", true]);
    expect(diary).toEqual([`truncate 1-end in 1`, "end done"]);
    expect(get(mm, 4, 0)).toBe(50);
    for (const index of [1, 2]) {
      expect(mm.page(huge(4, index * PAGE))).toBe(null);
      expect(() => get(mm, 4, index * PAGE)).toThrow(/SIGBUS/);
    }
    expect(machine.check()).toBe(0);
  });
});

describe("memory that lacks", () => {
  test("B10: what is taken for want of memory is in a bracket like anything else", async () => {
    const booted = boot("ww", { memory: MIB, overcommit: 100 * MIB, swap: { pages: 1000 } });
    const { machine, mm } = booted;
    const free: boolean[] = [];
    const holder = hold(booted, {
      answer: () => void free.push(mm.page(at(0))?.present === true),
    });
    const kept = booted.register({
      name: "kept",
      invalidatePage() {
        throw new Error("mine");
      },
    });
    await holder.subscriber.export(mm, at(0), { write: true });
    const page = await kept.export(mm, at(1), { write: true });
    const count = 2 * machine.frames.total;
    const start = mm.mmapSync(0, count * PAGE, READ_WRITE, PRIVATE);
    for (let index = 0; index < count; index++) {
      await mm.write(start + index * PAGE, ONE);
    }
    await machine.reclaim({ pages: machine.frames.total });
    expect(holder.diary).toEqual(["evict pfn some", "end done"]);
    expect([free, strip(mm, 2)]).toEqual([[true], "_W"]);
    page.bytes[0] = 77;
    expect(mm.readSync(at(1), 1)[0]).toBe(77);
    expect(machine.check()).toBe(0);
  });
});

describe("what a device writes late", () => {
  //   sync ── notice ─▶ device writes, keeps reading ── commit: clean ──▶ stored
  //   a write of the device after that is refused: it asks again, and the page is dirty again
  test("B28: nobody dirties a page from outside after it was made clean", async () => {
    const booted = boot();
    const backing = memoryBacking();
    const file = booted.machine.openFileSync({ backing });
    file.truncateSync(PAGE);
    booted.mm.mmapSync(BASE, PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    booted.mm.writeSync(BASE, ONE);
    const stored = () => {
      const bytes = new Uint8Array(2);
      backing.read(0, bytes);
      return [...bytes];
    };
    const holder = hold(booted, {
      invalidatePage(_page, why) {
        page.bytes[1] = 8;
        for (const { mm, address } of why.places) {
          holder.subscriber.lower(mm, address, address + PAGE);
        }
      },
    });
    const page = await holder.subscriber.export(booted.mm, BASE, { write: true });
    await file.sync();
    expect([stored(), page.canWrite]).toEqual([[1, 8], false]);
    const again = await holder.subscriber.export(booted.mm, BASE, { write: true });
    again.bytes[1] = 9;
    expect(stored()).toEqual([1, 8]);
    await holder.subscriber.unexport(booted.mm, BASE);
    await file.sync();
    expect(stored()).toEqual([1, 9]);
  });
});

describe("pins", () => {
  //   parent pins ── fork ── parent writes: into the pinned page, the child has a copy
  test("B27: what is pinned stays the parent's; the child sees no later write of it", async () => {
    const booted = boot("w");
    const pin = await booted.mm.pin(...pages(0, 1), { write: true });
    const child = await booted.mm.fork();
    const { subscriber } = hold(booted);
    const held = await subscriber.export(child, at(0));
    await booted.mm.write(at(0), Uint8Array.of(99));
    pin.store(Uint8Array.of(98), 1);
    expect([...pin.read(0, 2)]).toEqual([99, 98]);
    expect([...booted.mm.readSync(at(0), 2)]).toEqual([99, 98]);
    expect([...child.readSync(at(0), 2), ...held.bytes.subarray(0, 2)]).toEqual([1, 1, 1, 1]);
    expect([pin.pfns[0], child.page(at(0))?.pfn]).toEqual([booted.mm.page(at(0))?.pfn, held.pfn]);
    pin.unpin();
    expect(await subscriber.exportRange(booted.mm, ...range(0, 1))).toBe(1);
  });
});
