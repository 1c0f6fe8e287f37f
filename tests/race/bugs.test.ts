// Races that really happened elsewhere, as scenarios. The number is that of the list in
// docs/contract.md; those with huge pages, tables that move, writeback and pins are in bugs-later.

import { describe, expect, test } from "vitest";
import { MAP_FIXED, MREMAP_FIXED, MREMAP_MAYMOVE, PROT_READ } from "../../src/constants.ts";
import type { Page } from "../../src/page.ts";
import {
  at,
  boot,
  PAGE,
  PRIVATE,
  pages,
  pattern,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("unregister against exit", () => {
  //   exit                          unregister
  //   release(a) ── sleeps          unregister(a): waits
  //   a wakes, lets go              unregister(b): told all the same, once
  //   release(b)
  //   frees                         both settle after their end
  test("B1 B2 B3: release runs once for each, before anything is freed", async () => {
    const booted = boot("www");
    const diary: string[] = [];
    const sleeper = gate();
    const a = hold(booted, { name: "a", answer: () => sleeper.promise }, diary);
    const b = hold(booted, { name: "b" }, diary);
    const page = await a.subscriber.export(booted.mm, at(0), { write: true });
    await b.subscriber.export(booted.mm, at(1));
    const exit = watchPromise(booted.mm.exit());
    const { exportNotifiers } = booted.machine;
    const left = [a, b].map(({ subscriber }) =>
      watchPromise(exportNotifiers.unregister(subscriber)),
    );
    await settle();
    page.bytes[0] = 200;
    expect([exit.state, left[0]?.state, left[1]?.state]).toEqual(["pending", "pending", "pending"]);
    sleeper.open();
    await settle();
    expect([exit.state, left[0]?.state, left[1]?.state]).toEqual(["done", "done", "done"]);
    expect(diary).toEqual(["a release", "b release", "b end done", "a end done"]);
    expect(booted.machine.quarantined).toBe(0);
  });

  test("B18: a subscriber that outlives the mm finds nothing of it", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.exit();
    expect(subscriber.unexportRange(booted.mm, ...range(0, 1))).toBe(0);
    expect(subscriber.lower(booted.mm, ...range(0, 1))).toBe(0);
    expect(await errorOf(subscriber.export(booted.mm, at(0)))).toMatchObject({ code: "ESRCH" });
    expect(() => subscriber.watch(booted.mm)).toThrow(/ESRCH/);
    subscriber.unwatch(booted.mm);
  });

  test("B26: teardown in any order: subscriber first, or mm first, or in the middle", async () => {
    for (const order of ["subscriber", "mm", "both"]) {
      const booted = boot("ww");
      const { subscriber } = hold(booted);
      await subscriber.exportRange(booted.mm, ...range(0, 2));
      subscriber.watch(booted.mm);
      const { exportNotifiers } = booted.machine;
      if (order === "subscriber") await exportNotifiers.unregister(subscriber);
      const exit = booted.mm.exit();
      if (order === "both") await exportNotifiers.unregister(subscriber);
      await exit;
      if (order === "mm") await exportNotifiers.unregister(subscriber);
      expect([booted.machine.check(), booted.machine.quarantined]).toEqual([0, 0]);
    }
  });
});

describe("an update outside a bracket", () => {
  test("B4: no pte that is exported changes in place: protect, COW and move are told", async () => {
    const booted = boot("w");
    const { subscriber, whys } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(0));
    await booted.mm.write(at(0), pattern(7, 1));
    await subscriber.export(booted.mm, at(0));
    await booted.mm.mremap(at(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(4));
    expect(whys.map(({ reason }) => reason)).toEqual(["protect", "cow", "unmap"]);
    await child.exit();
  });

  test("B6: the last page of a range is announced, the one after it is not", async () => {
    const booted = boot("wwww");
    const { subscriber, diary } = hold(booted);
    await subscriber.exportRange(booted.mm, ...range(0, 4));
    await booted.mm.munmap(at(0), PAGE + 1);
    expect(diary[0]).toBe("unmap 0-2");
    expect(strip(booted.mm, 4)).toBe("..RR".replace(/R/g, "W"));
  });

  //   migrate                 holder
  //   notice(old page) ────▶  lets go of the old page
  //   commit                  export now gives the new page
  test("B9: the old page is announced, never the new one", async () => {
    const booted = boot("w");
    const told: number[] = [];
    const holder = hold(booted, {
      invalidatePage(page, why) {
        told.push(page.pfn);
        for (const { mm, address } of why.places) holder.subscriber.unexport(mm, address);
      },
    });
    const old = await holder.subscriber.export(booted.mm, at(0));
    const moved = await booted.machine.migrate(old.pfn);
    expect(told).toEqual([old.pfn]);
    expect((await holder.subscriber.export(booted.mm, at(0))).pfn).toBe(moved);
  });
});

describe("subscriptions that change", () => {
  test("B7: no callback into a subscriber that is still being built", () => {
    const booted = boot("w");
    const early: string[] = [];
    let ready = false;
    const subscriber = booted.register({
      sync: true,
      invalidateProcessRange(mm, start, end) {
        early.push(ready ? "ready" : "half-built");
        subscriber.unexportRange(mm, start, end);
      },
    });
    booted.mm.mprotectSync(...pages(0, 1), PROT_READ);
    ready = true;
    subscriber.exportSync(booted.mm, at(0));
    booted.mm.munmapSync(...pages(0, 1));
    expect(early).toEqual(["ready"]);
  });

  test("B11 B30: one accepts, another refuses: who accepted gets its end", async () => {
    const booted = boot("w");
    let sequence = 0;
    const counting = booted.register({
      name: "counting",
      invalidateProcessRange() {
        sequence++;
      },
      end() {
        sequence++;
      },
    });
    const refuser = hold(booted, {
      name: "refuser",
      answer() {
        throw new Error("cannot sleep");
      },
    });
    await counting.export(booted.mm, at(0));
    await refuser.subscriber.export(booted.mm, at(0));
    for (let round = 1; round <= 3; round++) {
      await errorOf(booted.mm.munmap(...pages(0, 1)));
      expect(sequence).toBe(2 * round);
    }
  });

  test("B12: a watch that begins or ends inside a bracket leaves no count behind", async () => {
    const booted = boot("ww");
    let active = 0;
    const watcher = booted.register({
      name: "watcher",
      invalidateProcessRange() {
        active++;
      },
      end() {
        active--;
      },
    });
    const { subscriber } = hold(booted, {
      answer() {
        if (active > 0) watcher.unwatch(booted.mm);
        else watcher.watch(booted.mm);
      },
    });
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    await booted.mm.munmap(...pages(0, 1));
    expect(active).toBe(0);
    await booted.mm.munmap(...pages(1, 2));
    expect(active).toBe(0);
    expect(booted.machine.check()).toBe(0);
  });

  test("B14: when unregister settles, nothing of it is on any list", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber, diary } = hold(booted, { deadline: 5, answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(5);
    expect(unmap.state).toBe("ETIMEDOUT");
    const left = watchPromise(
      booted.machine.exportNotifiers.unregister(subscriber, { deadline: 1000 }),
    );
    await settle();
    expect(left.state).toBe("pending");
    sleeper.open();
    await settle();
    expect([left.state, subscriber.state]).toEqual(["done", "gone"]);
    expect(diary).toEqual(["unmap 0-1", "end aborted"]);
  });

  test("B17: the same invalidation twice: letting go twice frees once", async () => {
    const booted = boot("w");
    const holder = hold(booted, {
      invalidateProcessRange(mm, start, end) {
        expect(holder.subscriber.unexportRange(mm, start, end)).toBe(1);
        expect(holder.subscriber.unexportRange(mm, start, end)).toBe(0);
        expect(holder.subscriber.release()).toBe(0);
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(booted.machine.check()).toBe(0);
  });
});

describe("stale frames", () => {
  //   holder                        machine
  //   export ── promise pending     munmap ── told ── lets go ── freed
  //   promise looked at: the page it names must not be usable
  test("B13: a page taken away before its promise is looked at cannot be used", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { sync: true });
    const promise = subscriber.export(booted.mm, at(0), { write: true });
    booted.mm.munmapSync(...pages(0, 1));
    expect(await errorOf(promise)).toMatchObject({ code: "SIGSEGV" });
  });

  test("B13: nor written when it was only lowered", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { sync: true });
    const promise = subscriber.export(booted.mm, at(0), { write: true });
    booted.mm.mprotectSync(...pages(0, 1), PROT_READ);
    expect((await promise).canWrite).toBe(false);
  });

  test("B15: a frame is counted while it is held, whatever becomes of its owner", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { letsGo: false });
    const page = await subscriber.export(booted.mm, at(0));
    expect(booted.mm.page(at(0))?.refCount).toBeGreaterThan(booted.mm.page(at(0))?.mapCount ?? 9);
    await booted.mm.exit();
    expect(page.bytes[0]).toBe(1);
    subscriber.unexport(booted.mm, at(0));
    expect(page.isRevoked).toBe(true);
  });

  test("B16: after fork a subscriber stays with the parent", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const child = await booted.mm.fork();
    diary.length = 0;
    await child.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
    expect([...subscriber.exported()].map(({ mm }) => mm)).toEqual([booted.mm]);
  });

  test("B19: tables are freed after the commit, never under a walk", async () => {
    const booted = boot("w");
    const tables = booted.machine.vmstat().nr_page_table_pages;
    const seen: number[] = [];
    const { subscriber } = hold(booted, {
      answer() {
        seen.push(booted.machine.vmstat().nr_page_table_pages);
        expect(booted.mm.page(at(0))?.present).toBe(true);
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(seen).toEqual([tables]);
    expect(booted.machine.vmstat().nr_page_table_pages).toBeLessThan(tables);
  });

  test("B20: the old address is unusable after a move, also for who held it", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    const to = await booted.mm.mremap(at(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(3));
    expect(page.isRevoked).toBe(true);
    expect(() => booted.mm.readSync(at(0), 1)).toThrow(/SIGSEGV/);
    expect(booted.mm.readSync(to, 1)[0]).toBe(1);
    expect((await subscriber.export(booted.mm, to)).pfn).toBe(page.pfn);
  });

  //   munmap [0,1)  ── sleeps       munmap [0,1) again
  //   (area still there)            must not return "nothing there" before the first is done
  test("B22: the second of two unmaps does not return too early", async () => {
    const booted = boot("w");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const [first, second] = [0, 1].map(() => watchPromise(booted.mm.munmap(...pages(0, 1))));
    await settle();
    expect([first?.state, second?.state]).toEqual(["pending", "pending"]);
    sleeper.open();
    await settle();
    expect([first?.state, second?.state]).toEqual(["done", "done"]);
  });
});

describe("faults and registration", () => {
  //   munmap [0,1) ── sleeps        export [0,1) waits, then there is nothing to export
  test("B24: a fault against an invalidation: the entry is never installed over it", async () => {
    const booted = boot("w");
    const sleeper = gate();
    const first = hold(booted, { name: "first", answer: () => sleeper.promise });
    const second = hold(booted, { name: "second" });
    await first.subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.mmap(at(0), PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
    const late = second.subscriber.export(booted.mm, at(0), { write: true });
    const state = watchPromise(late);
    await settle();
    expect([state.state, second.subscriber.exportedCount]).toEqual(["pending", 0]);
    sleeper.open();
    await unmap;
    const page = await late;
    expect(page.bytes[0]).toBe(0);
    expect(page.pfn).toBe(booted.mm.page(at(0))?.pfn);
  });

  test("B25: what a holder wrote before it answered is there after the commit", async () => {
    const booted = boot("w");
    let page: Page | null = null;
    const { subscriber } = hold(booted, {
      async answer() {
        await null;
        page?.bytes.set([9, 8, 7]);
      },
    });
    page = await subscriber.export(booted.mm, at(0), { write: true });
    const child = await booted.mm.fork();
    expect([...child.readSync(at(0), 3)]).toEqual([9, 8, 7]);
    expect([...booted.mm.readSync(at(0), 3)]).toEqual([9, 8, 7]);
  });

  test("B27: a child's held page does not see the parent's later write", async () => {
    const booted = boot("w");
    const child = await booted.mm.fork();
    const { subscriber } = hold(booted);
    const page = await subscriber.export(child, at(0));
    await booted.mm.write(at(0), Uint8Array.of(99));
    expect([page.bytes[0], child.readSync(at(0), 1)[0]]).toEqual([1, 1]);
    expect(page.isRevoked).toBe(false);
  });

  test("B29: a dead remote does not hold an exit for ever", async () => {
    const booted = boot("w");
    const dead = hold(booted, { name: "dead", answer: () => gate().promise });
    await dead.subscriber.export(booted.mm, at(0), { write: true });
    const exit = booted.mm.exit();
    const state = watchPromise(exit);
    await booted.clock.advance(10_000);
    expect(state.state).toBe("done");
    expect(await exit).toEqual({ quarantined: 1 });
    booted.machine.exportNotifiers.fence(dead.subscriber);
    expect(booted.machine.quarantined).toBe(0);
  });
});
