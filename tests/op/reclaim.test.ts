// Reclaim by the host: who goes, who is asked, who stays.

import { describe, expect, test } from "vitest";
import { MADV_FREE } from "../../src/constants.ts";
import type { ExportOps } from "../../src/notifier/ops.ts";
import { at, boot, pages, range } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { DRAWING, expectWhole, fillMemory, out, swapping } from "../support/crowded.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("reclaim by the host", () => {
  test("what is used least goes, and comes back whole", async () => {
    const booted = swapping();
    const result = await booted.machine.reclaim({ pages: 3 });
    expect(result).toMatchObject({ reclaimed: 3, skipped: { exported: 0, refused: 0 } });
    expect(result.scanned).toBeGreaterThanOrEqual(3);
    expect(out(booted)).toBe("SSSwwwww");
    expectWhole(booted);
    const { pgscan_kswapd, pgsteal_kswapd, pgsteal_direct } = booted.machine.vmstat();
    expect([pgscan_kswapd, pgsteal_kswapd, pgsteal_direct]).toEqual([result.scanned, 3, 0]);
  });

  test("more than there are frames is all that can go", () => {
    const booted = swapping();
    expect(booted.machine.reclaimSync({ pages: 2 ** 32 })).toMatchObject({ reclaimed: 8 });
    expect(out(booted)).toBe("SSSSSSSS");
  });

  test("without a number it goes on until the high watermark, and does nothing above", () => {
    const booted = swapping();
    expect(booted.machine.watermarks).toEqual({ min: 32, low: 40, high: 48 });
    expect(booted.machine.reclaimSync()).toMatchObject({ reclaimed: 0, scanned: 0 });
    fillMemory(booted);
    booted.machine.reclaimSync();
    expect(booted.machine.frames.free).toBeGreaterThanOrEqual(48);
  });

  test("a machine without swap has nothing to take but what MADV_FREE gave", () => {
    const { machine, mm } = boot(DRAWING);
    mm.madviseSync(...pages(2, 4), MADV_FREE);
    expect(machine.reclaimSync({ pages: 8 }).reclaimed).toBe(2);
    expect(mm.readSync(at(2), 1)[0]).toBe(0);
    expect(mm.readSync(at(4), 1)[0]).toBe(5);
  });

  test("options of a wrong type are refused before anything is done", async () => {
    const { machine } = swapping();
    await expect(machine.reclaim({ pages: -1 })).rejects.toThrow(/pages/);
    await expect(machine.reclaim({ pages: 1, group: 3 as never })).rejects.toThrow(TypeError);
    expect(() => machine.reclaimSync(5 as never)).toThrow(TypeError);
  });
});

describe("reclaim of what is held", () => {
  test("what nobody holds goes first; who holds is told once, with every place", async () => {
    const booted = swapping();
    const holder = hold(booted);
    await holder.subscriber.exportRange(booted.mm, ...range(0, 2));
    expect((await booted.machine.reclaim({ pages: 6 })).reclaimed).toBe(6);
    expect(holder.diary).toEqual([]);
    expect((await booted.machine.reclaim({ pages: 2 })).reclaimed).toBe(2);
    expect(holder.diary.sort()).toEqual([
      "end done",
      "end done",
      "evict pfn some",
      "evict pfn some",
    ]);
    expect(holder.whys[0]?.places).toHaveLength(1);
    expect(out(booted)).toBe("SSSSSSSS");
    expectWhole(booted);
  });

  test("a page that parent and child share is one notice with two places", async () => {
    const booted = swapping();
    const holder = hold(booted);
    const child = await booted.mm.fork();
    await holder.subscriber.export(booted.mm, at(3));
    await holder.subscriber.export(child, at(3));
    await booted.machine.reclaim({ pages: 8 });
    expect(holder.diary).toEqual(["evict pfn some", "end done"]);
    expect(holder.whys[0]?.places.map(({ address }) => address)).toEqual([at(3), at(3)]);
    expect(child.readSync(at(3), 1)[0]).toBe(4);
    expectWhole(booted);
  });

  test("who watches the address space is told of each page", async () => {
    const booted = swapping();
    const holder = hold(booted);
    holder.subscriber.watch(booted.mm);
    await booted.machine.reclaim({ pages: 8 });
    expect(holder.diary.filter((line) => line === "evict pfn some")).toHaveLength(8);
  });

  const answers: Record<string, Partial<ExportOps>> = {
    refuses: { invalidatePage: () => Promise.reject(new Error("mine")) },
    throws: {
      invalidatePage() {
        throw new Error("mine");
      },
    },
    "does not let go": { invalidatePage: () => {} },
  };
  for (const [name, ops] of Object.entries(answers)) {
    test(`one that ${name} keeps his page, and no other`, async () => {
      const booted = swapping();
      const stubborn = booted.register({ name: "stubborn", ...ops });
      await stubborn.export(booted.mm, at(2));
      const holder = hold(booted);
      await holder.subscriber.export(booted.mm, at(5));
      const result = await booted.machine.reclaim({ pages: 8 });
      expect(result).toMatchObject({ reclaimed: 7, skipped: { refused: expect.any(Number) } });
      expect(result.skipped.refused).toBeGreaterThan(0);
      expect(out(booted)).toBe("SSwSSSSS");
      expect(stubborn.exportedCount).toBe(1);
      expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
    });
  }

  test("its deadline is for all of it, however often it asks one that hangs", async () => {
    const booted = swapping();
    const sleeper = booted.register({ name: "sleeper", invalidatePage: () => gate().promise });
    await sleeper.exportRange(booted.mm, ...range(0, 8));
    const pending = watchPromise(booted.machine.reclaim({ pages: 8, deadline: 1_000 }));
    await booted.clock.advance(999);
    expect(pending.state).toBe("pending");
    await booted.clock.advance(1);
    expect(pending.state).toBe("done");
    expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
  });

  test("a caller that gives up hears its own reason, and what went has gone", async () => {
    const booted = swapping();
    const sleeper = booted.register({ name: "sleeper", invalidatePage: () => gate().promise });
    await sleeper.export(booted.mm, at(2));
    const giveUp = new AbortController();
    const pending = errorOf(booted.machine.reclaim({ pages: 8, signal: giveUp.signal }));
    await settle();
    const reason = new Error("enough");
    giveUp.abort(reason);
    await booted.clock.advance(10_000);
    expect(await pending).toBe(reason);
    expect(out(booted)).toBe("SSwSSSSS");
    expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
  });

  test("one that hangs holds up neither the pages of others nor the machine for ever", async () => {
    const booted = swapping();
    const sleeper = booted.register({ name: "sleeper", invalidatePage: () => gate().promise });
    await sleeper.export(booted.mm, at(2));
    const holder = hold(booted);
    await holder.subscriber.export(booted.mm, at(5));
    const pending = booted.machine.reclaim({ pages: 8 });
    await settle();
    expect(out(booted)).toBe("SSwSSSSS");
    expect(booted.mm.readSync(at(2), 1)[0]).toBe(3);
    await booted.clock.advance(10_000);
    await booted.clock.advance(10_000);
    await booted.clock.advance(10_000);
    expect((await pending).reclaimed).toBe(7);
    expect(booted.machine.load.brackets).toBe(0);
  });

  test("without waiting, only holders that answer at once are told", () => {
    const booted = swapping();
    const slow = hold(booted, { name: "slow" });
    const quick = hold(booted, { name: "quick", sync: true });
    slow.subscriber.exportSync(booted.mm, at(2));
    quick.subscriber.exportSync(booted.mm, at(5));
    expect(booted.machine.reclaimSync({ pages: 8 }).reclaimed).toBe(7);
    expect(slow.diary).toEqual([]);
    expect(out(booted)).toBe("SSwSSSSS");
  });

  test("an address space that exits meanwhile takes its pages along", async () => {
    const booted = swapping();
    const door = gate();
    const holder = hold(booted, { answer: () => door.promise });
    await holder.subscriber.export(booted.mm, at(2));
    const pending = booted.machine.reclaim({ pages: 8 });
    await settle();
    const leaving = booted.mm.exit();
    door.open();
    expect(await leaving).toEqual({ quarantined: 0 });
    expect((await pending).reclaimed).toBe(7);
    expect(booted.machine.check()).toBe(0);
  });

  test("two reclaims at once meet no page twice", async () => {
    const booted = swapping();
    const holder = hold(booted);
    await holder.subscriber.exportRange(booted.mm, ...range(0, 8));
    const both = [booted.machine.reclaim({ pages: 4 }), booted.machine.reclaim({ pages: 4 })];
    const [one, two] = await Promise.all(both);
    expect((one?.reclaimed ?? 0) + (two?.reclaimed ?? 0)).toBe(
      8 - out(booted).split("w").length + 1,
    );
    expect(holder.diary.filter((line) => line === "end done")).toHaveLength(
      (one?.reclaimed ?? 0) + (two?.reclaimed ?? 0),
    );
    expectWhole(booted);
  });

  test("nothing goes while a fork is waited for; then both have every byte", async () => {
    const booted = swapping();
    const door = gate();
    const holder = hold(booted, { answer: () => door.promise });
    await holder.subscriber.export(booted.mm, at(2), { write: true });
    const forking = booted.mm.fork();
    const during = [
      booted.machine.reclaimSync({ pages: 8 }),
      await booted.machine.reclaim({ pages: 8 }),
    ];
    expect(during.map(({ reclaimed }) => reclaimed)).toEqual([0, 0]);
    expect(during[0]?.skipped.frozen).toBeGreaterThanOrEqual(8);
    expect(out(booted)).toBe("wwwwwwww");
    door.open();
    const child = await forking;
    expect(child.areas()).toHaveLength(1);
    await booted.machine.reclaim({ pages: 8 });
    expect(out(booted)).toBe("SSSSSSSS");
    child.writeSync(at(0), Uint8Array.of(99));
    expectWhole(booted);
    expect([...child.readSync(at(0), 1), ...child.readSync(at(7), 1)]).toEqual([99, 8]);
    expect(booted.machine.check()).toBe(0);
  });

  test("pages under an open bracket stay", async () => {
    const booted = swapping();
    const door = gate();
    const holder = hold(booted, { answer: () => door.promise });
    await holder.subscriber.export(booted.mm, at(2));
    const unmapping = booted.mm.munmap(...pages(0, 4));
    const result = booted.machine.reclaimSync({ pages: 8 });
    expect(result.reclaimed).toBe(4);
    expect(result.skipped.frozen).toBeGreaterThan(0);
    door.open();
    await unmapping;
    expect(out(booted)).toBe("....SSSS");
  });
});

describe("determineReferences", () => {
  test("patch: add the number of external references; in batches, to clear them", async () => {
    const booted = swapping();
    const asked: number[][] = [];
    const holder = hold(booted, {
      sync: true,
      determineReferences(held, { clear }) {
        expect(clear).toBe(true);
        asked.push(held.map(({ pfn }) => pfn));
        return held.map(({ pfn }) => (pfn === kept ? 1 : 0));
      },
    });
    holder.subscriber.exportRangeSync(booted.mm, ...range(0, 8));
    const kept = booted.mm.page(at(3))?.pfn;
    expect((await booted.machine.reclaim({ pages: 8 })).reclaimed).toBe(7);
    expect(asked[0]).toHaveLength(8);
    expect(out(booted)).toBe("SSSwSSSS");
  });

  const lies: Record<string, () => unknown> = {
    "too few counts": () => [1],
    "what is no count": () => new Array(8).fill(Number.NaN),
    "a promise": () => Promise.resolve([]),
  };
  for (const [name, determineReferences] of Object.entries(lies)) {
    test(`an answer of ${name} counts for nothing, and is reported`, async () => {
      const booted = swapping();
      const ops = { sync: true, determineReferences } as Partial<ExportOps>;
      const holder = hold(booted, ops);
      holder.subscriber.exportRangeSync(booted.mm, ...range(0, 8));
      expect((await booted.machine.reclaim({ pages: 8 })).reclaimed).toBe(8);
      expect(booted.reports[0]?.where).toBe("holder.determineReferences");
    });
  }

  test("who is not declared sync marks what he uses; it is read and cleared", async () => {
    const booted = swapping();
    const holder = hold(booted);
    await holder.subscriber.exportRange(booted.mm, ...range(0, 8));
    expect(holder.subscriber.markAccessed(booted.mm, ...range(1, 3))).toBe(2);
    expect((await booted.machine.reclaim({ pages: 6 })).reclaimed).toBe(6);
    expect(out(booted)).toBe("SwwSSSSS");
    expect((await booted.machine.reclaim({ pages: 2 })).reclaimed).toBe(2);
    expect(holder.subscriber.markAccessed(booted.mm, ...range(0, 8))).toBe(0);
  });
});
