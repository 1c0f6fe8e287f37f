// Does whoever holds one of two equal pages hear before they become one, and can it keep its own?

import { describe, expect, test } from "vitest";
import { MADV_MERGEABLE, MADV_UNMERGEABLE } from "../../src/constants.ts";
import { at, PAGE, pages, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";
import { crowd, firsts, mergeAll, pfnOf, twins } from "../support/twins.ts";

/** Twins that have been looked at once: the next pass finds the pair. */
function ready() {
  const booted = twins();
  booted.machine.mergePagesSync();
  return booted;
}

describe("who is told", () => {
  test("the holders of both pages, page-wide, before either changes", async () => {
    const booted = ready();
    const { mm, other, machine } = booted;
    const diary: string[] = [];
    let seen = "";
    const answer = () => {
      seen = `${strip(mm, 1)}${strip(other, 1)} ${pfnOf(mm) === pfnOf(other)}`;
    };
    const a = hold(booted, { name: "a", answer }, diary);
    const b = hold(booted, { name: "b" }, diary);
    await a.subscriber.export(mm, at(0), { write: true });
    await b.subscriber.export(other, at(0));
    expect(await machine.mergePages()).toMatchObject({ merged: 1, skipped: 0 });
    expect(diary.sort()).toEqual([
      "a end done",
      "a merge pfn some",
      "b end done",
      "b merge pfn some",
    ]);
    expect(seen).toBe("WW false");
    expect(a.whys[0]).toMatchObject({ reason: "merge", demand: "all" });
    expect(a.whys[0]?.places).toEqual([{ mm, address: at(0) }]);
    expect(pfnOf(mm)).toBe(pfnOf(other));
  });

  test("every place of a page that several map, once", async () => {
    const booted = ready();
    const { mm, other, machine } = booted;
    const child = mm.forkSync();
    const { subscriber, whys, diary } = hold(booted);
    await subscriber.export(child, at(0));
    expect(await machine.mergePages()).toMatchObject({ merged: 1 });
    expect(diary).toEqual(["merge pfn some", "end done"]);
    const places = whys[0]?.places.map((place) => place.mm.id).sort();
    expect(places).toEqual([mm.id, child.id].sort());
    expect(new Set([mm, other, child].map((one) => pfnOf(one))).size).toBe(1);
  });

  test("of a merged page that more join, nobody: its entries do not change", async () => {
    const booted = ready();
    const { mm, other, machine } = booted;
    machine.mergePagesSync();
    const { subscriber, diary } = hold(booted);
    await subscriber.export(mm, at(0));
    other.writeSync(at(1), new Uint8Array(PAGE).fill(7));
    expect(machine.mergePagesSync()).toMatchObject({ merged: 1, skipped: 0 });
    expect(diary).toEqual([]);
    expect(strip(mm, 1)).toBe("R");
    expect(machine.check()).toBe(0);
  });

  test("who watches an address space that maps one of them", () => {
    const booted = ready();
    const { subscriber, diary } = hold(booted, { sync: true });
    subscriber.watch(booted.other);
    expect(booted.machine.mergePagesSync()).toMatchObject({ merged: 1 });
    expect(diary).toEqual(["merge pfn some", "end done"]);
  });

  test("MADV_UNMERGEABLE and a write: a process range of each page, reason cow", async () => {
    const booted = crowd(4);
    const { mm, machine } = booted;
    mergeAll(machine);
    const { subscriber, diary, whys } = hold(booted);
    await subscriber.exportRange(mm, at(0), at(3));
    await mm.madvise(...pages(1, 4), MADV_UNMERGEABLE);
    await mm.write(at(0), Uint8Array.of(9));
    expect(diary).toEqual(["cow 1-2", "cow 2-3", "end done", "cow 0-1", "end done"]);
    expect(whys[0]).toMatchObject({ demand: "all" });
    expect(firsts(mm, 4)).toEqual([9, 7, 7, 7]);
  });

  test("who refuses to let go of a merged page keeps it: MADV_UNMERGEABLE is EBUSY", async () => {
    const booted = crowd(2);
    const { mm, machine } = booted;
    mergeAll(machine);
    const { subscriber } = hold(booted, { letsGo: false });
    await subscriber.export(mm, at(0));
    const error = await errorOf(mm.madvise(...pages(0, 2), MADV_UNMERGEABLE));
    expect(error.code).toBe("EBUSY");
    expect(strip(mm, 2)).toBe("Rr");
    expect(machine.merging.pagesSharing).toBe(1);
  });
});

describe("who does not let go", () => {
  test.each<[string, Parameters<typeof hold>[1]]>([
    ["refuses", { answer: () => Promise.reject(new Error("no")) }],
    [
      "throws",
      {
        answer: () => {
          throw new Error("no");
        },
      },
    ],
    ["says yes, and holds on", { letsGo: false }],
  ])("a holder that %s: skipped and counted, the page as it was", async (_name, manners) => {
    const booted = ready();
    const { mm, other, machine } = booted;
    const { subscriber } = hold(booted, manners);
    await subscriber.export(mm, at(0), { write: true });
    expect(await machine.mergePages()).toMatchObject({ merged: 0, skipped: 1, isPassDone: true });
    expect([strip(mm, 1), strip(other, 1)]).toEqual(["W", "w"]);
    expect(machine.merging.pagesShared).toBe(0);
    expect(machine.check()).toBe(0);
  });

  test("its neighbours become one without it", async () => {
    const booted = crowd(6);
    const { mm, machine } = booted;
    const { subscriber, diary } = hold(booted, { letsGo: false });
    await subscriber.export(mm, at(0));
    await machine.mergePages();
    const result = await machine.mergePages();
    expect(result).toMatchObject({ merged: 4, skipped: 1 });
    expect(diary).toEqual(["merge pfn some", "end done".replace("done", "aborted")]);
    expect(strip(mm, 6)).toBe("Wrrrrr");
    await machine.mergePages();
    expect(strip(mm, 6)).toBe("Wrrrrr");
  });

  test("a holder that hangs: the pair stays two at its deadline, the walk goes on", async () => {
    const booted = ready();
    const { machine, clock, mm } = booted;
    const { subscriber } = hold(booted, { answer: () => new Promise(() => {}), deadline: 50 });
    await subscriber.export(mm, at(0));
    const walk = machine.mergePages();
    await clock.advance(50);
    expect(await walk).toMatchObject({ merged: 0, skipped: 1, isPassDone: true });
    expect(machine.load).toEqual({ brackets: 0, waiting: 0 });
    expect(machine.check()).toBe(0);
  });

  test("the deadline of the whole walk ends it where it is; the next one goes on", async () => {
    const booted = crowd(8);
    const { machine, clock, mm } = booted;
    machine.mergePagesSync();
    const { subscriber } = hold(booted, { answer: () => new Promise(() => {}) });
    await subscriber.exportRange(mm, at(0), at(8));
    const walk = machine.mergePages({ deadline: 30 });
    await clock.advance(30);
    const first = await walk;
    expect(first).toMatchObject({ merged: 0, skipped: 1, isPassDone: false });
    machine.exportNotifiers.fence(subscriber);
    const second = await machine.mergePages();
    expect(first.scanned + second.scanned).toBe(8);
    expect(second.isPassDone).toBe(true);
  });

  test("a sync walk skips what somebody would have to be waited for", async () => {
    const booted = ready();
    const { machine, mm } = booted;
    const { subscriber, diary } = hold(booted);
    await subscriber.export(mm, at(0));
    expect(machine.mergePagesSync()).toMatchObject({ merged: 0, skipped: 1 });
    expect(diary).toEqual([]);
  });

  test("who gives up hears of it", async () => {
    const { machine, mm, ...booted } = ready();
    const { subscriber } = hold(
      { machine, mm, ...booted },
      { answer: () => new Promise(() => {}) },
    );
    await subscriber.export(mm, at(0));
    const off = new AbortController();
    const walk = errorOf(machine.mergePages({ signal: off.signal }));
    await settle();
    off.abort(new Error("no longer"));
    machine.exportNotifiers.fence(subscriber);
    expect((await walk).message).toBe("no longer");
    expect(machine.merging.pagesShared).toBe(0);
  });
});

describe("what happens while holders are told", () => {
  test("what a holder writes before it lets go keeps the pages apart", async () => {
    const booted = ready();
    const { machine, mm, other } = booted;
    let write = () => {};
    const { subscriber } = hold(booted, { answer: () => write() });
    const page = await subscriber.export(mm, at(0), { write: true });
    write = () => {
      page.bytes[0] = 99;
    };
    expect(await machine.mergePages()).toMatchObject({ merged: 0, skipped: 1 });
    expect([firsts(mm, 1), firsts(other, 1)]).toEqual([[99], [7]]);
    expect(strip(mm, 1)).toBe("w");
    expect(machine.check()).toBe(0);
  });

  test("writes of either page wait, reads go on", async () => {
    const booted = ready();
    const { machine, mm, other } = booted;
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(mm, at(0));
    const walk = machine.mergePages();
    await settle();
    const again = expect.objectContaining({ code: "EAGAIN" });
    expect(() => mm.writeSync(at(0), Uint8Array.of(1))).toThrow(again);
    expect(() => other.writeSync(at(0), Uint8Array.of(1))).toThrow(again);
    expect([firsts(mm, 1), firsts(other, 1)]).toEqual([[7], [7]]);
    const written = other.write(at(0), Uint8Array.of(1));
    sleeper.open();
    await Promise.all([walk, written]);
    expect([firsts(mm, 1), firsts(other, 1)]).toEqual([[7], [1]]);
  });

  test("the merged page may go meanwhile: then they stay two", async () => {
    const booted = ready();
    const { machine, mm, other } = booted;
    machine.mergePagesSync();
    other.writeSync(at(1), new Uint8Array(PAGE).fill(7));
    let meanwhile = () => {};
    const { subscriber } = hold(booted, { answer: () => meanwhile() });
    await subscriber.export(other, at(1));
    meanwhile = () => {
      mm.munmapSync(...pages(0, 1));
      other.munmapSync(...pages(0, 1));
    };
    expect(await machine.mergePages()).toMatchObject({ merged: 0, skipped: 1 });
    expect(firsts(other, 1, 1)).toEqual([7]);
    expect(machine.check()).toBe(0);
  });

  test("an address space that exits calls it off", async () => {
    const booted = ready();
    const { machine, mm, other } = booted;
    const { subscriber } = hold(booted, { answer: () => new Promise(() => {}) });
    await subscriber.export(mm, at(0));
    const walk = machine.mergePages();
    await settle();
    machine.exportNotifiers.fence(subscriber);
    const exit = other.exit();
    await exit;
    const { merged, skipped } = await walk;
    expect(merged + skipped).toBe(1);
    expect(firsts(mm, 1)).toEqual([7]);
    expect(machine.check()).toBe(0);
  });

  test("two walks at once share one pass", async () => {
    const booted = crowd(5);
    const { machine, mm } = booted;
    machine.mergePagesSync();
    const { subscriber } = hold(booted, { answer: () => settle() });
    await subscriber.exportRange(mm, at(0), at(5));
    const both = await Promise.all([machine.mergePages(), machine.mergePages()]);
    const scanned = both.reduce((sum, one) => sum + one.scanned, 0);
    expect(scanned).toBeGreaterThanOrEqual(5);
    expect(machine.merging.pagesShared).toBe(1);
    expect(firsts(mm, 5)).toEqual([7, 7, 7, 7, 7]);
    expect(machine.check()).toBe(0);
  });

  test("a child, held or not, is told of its own page only", async () => {
    const booted = twins();
    const { machine, mm } = booted;
    mergeAll(machine);
    const child = mm.forkSync();
    child.madviseSync(...pages(0, 1), MADV_MERGEABLE);
    const { subscriber, diary } = hold(booted);
    await subscriber.export(child, at(0));
    await mm.write(at(0), Uint8Array.of(1));
    expect(diary).toEqual([]);
    await child.write(at(0), Uint8Array.of(2));
    expect(diary).toEqual(["cow 0-1", "end done"]);
  });
});
