// What the mail of 2008 promises to those who hold pages, sentence by sentence, and what it says of
// the notifiers that it wants to replace (mmu_ops #2).

import { describe, expect, test } from "vitest";
import { at, boot, draw, PAGE, PRIVATE, pages, READ_WRITE, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { swapping } from "../support/crowded.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { holdFile, shareFile, show } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const ONE = Uint8Array.of(1);

/** One page held by somebody who sleeps until the gate opens. */
async function sleeping(drawing = "w") {
  const booted = boot(drawing);
  const reply = gate();
  const holder = hold(booted, { answer: () => reply.promise });
  const page = await holder.subscriber.export(booted.mm, at(0), { write: true });
  return { ...booted, ...holder, page, reply };
}

describe("patch: a subsystem can export pages", () => {
  test('"Marking a series of pages using SetPageExported()"', async () => {
    const booted = boot("wwww");
    const { subscriber } = hold(booted);
    expect(await subscriber.exportRange(booted.mm, ...range(1, 3))).toBe(2);
    const marks = [0, 1, 2, 3].map((page) => booted.mm.page(at(page))?.exported);
    expect(marks).toEqual([false, true, true, false]);
  });

  test('"Page is referenced by something not in the rmaps": the walk does not see it', async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const { pfn } = await subscriber.export(booted.mm, at(0));
    expect(booted.machine.places(pfn).map(({ mm, address }) => [mm, address])).toEqual([
      [booted.mm, at(0)],
    ]);
    expect(booted.mm.page(at(0))).toMatchObject({ mapCount: 1, exports: 1, exported: true });
  });

  test('"mm struct has externally referenced pages": a watch alone is enough', async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await booted.mm.munmap(...pages(0, 1));
    subscriber.unwatch(booted.mm);
    draw(booted.mm, "w");
    await booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual(["unmap 0-1", "end done"]);
  });

  test('"no pages are exported anymore through the release callbacks"', async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted);
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    let idle = 0;
    subscriber.onIdle(() => {
      idle++;
    });
    await booted.mm.exit();
    expect([idle, subscriber.exportedCount]).toEqual([1, 0]);
    await booted.machine.exportNotifiers.unregister(subscriber);
    expect(subscriber.state).toBe("gone");
  });
});

describe("patch: callbacks in general", () => {
  test('"early before any spinlocks are taken": it may call the machine', async () => {
    const booted = boot("ww");
    const seen: number[] = [];
    const { subscriber } = hold(booted, {
      async answer({ machine, mm }) {
        const address = (await mm?.mmap(0, PAGE, READ_WRITE, PRIVATE)) ?? 0;
        await mm?.write(address, ONE);
        seen.push((await mm?.read(at(0), 1))?.[0] ?? 0, machine.frames.free);
        await mm?.munmap(address, PAGE);
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect([seen[0], seen.length]).toEqual([1, 2]);
  });

  test('"only proceed to unmap the page after confirmation has been received"', async () => {
    const { mm, reply, page } = await sleeping();
    const unmap = watchPromise(mm.munmap(...pages(0, 1)));
    await settle();
    expect([unmap.state, mm.page(at(0))?.pfn]).toEqual(["pending", page.pfn]);
    reply.open();
    await settle();
    expect([unmap.state, mm.page(at(0))]).toEqual(["done", null]);
  });

  test('"drop the locks and rescan the list": the reverse map answers in a callback', async () => {
    const booted = boot("w");
    const child = await booted.mm.fork();
    const found: number[] = [];
    const holder = hold(booted, {
      invalidatePage(page, why) {
        const places = why.machine.places(page.pfn);
        found.push(places.length, why.places.length);
        for (const { mm, address } of why.places) holder.subscriber.unexport(mm, address);
      },
    });
    const { pfn } = await holder.subscriber.export(child, at(0));
    await booted.machine.migrate(pfn);
    expect(found).toEqual([2, 2]);
  });
});

describe("patch: issues with mmu_ops #2", () => {
  test('"pages may already have been freed and reused": not while a holder answers', async () => {
    const { mm, page, reply } = await sleeping();
    const unmap = mm.munmap(...pages(0, 1));
    const start = mm.mmapSync(0, 100 * PAGE, READ_WRITE, PRIVATE);
    for (let index = 0; index < 100; index++) {
      expect(mm.faultSync(start + index * PAGE, { write: true })).not.toBe(page.pfn);
    }
    expect(page.bytes[0]).toBe(1);
    reply.open();
    await unmap;
  });

  test('"the foreign entity needs to drop its mappings first": else EBUSY', async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { letsGo: false });
    await subscriber.export(booted.mm, at(0));
    const error = await errorOf(booted.mm.munmap(...pages(0, 1)));
    expect(error).toMatchObject({ code: "EBUSY", holder: "holder" });
    expect(strip(booted.mm, 1)).toBe("W");
  });

  test('"the entities operated upon continue to exist": in a callback', async () => {
    const scene = shareFile();
    const seen: unknown[] = [];
    const { subscriber } = holdFile(scene, {
      answer: (why) => {
        seen.push(
          scene.file.size > 0,
          why.ranges.every(({ mm }) => mm.isAlive),
        );
      },
    });
    await subscriber.export(scene.mm, at(1));
    await scene.file.truncate(0);
    expect(seen).toEqual([true, true]);
  });

  test('"anon_vma/inode and pte locks are held": what is beside the range goes on', async () => {
    const { machine, mm, reply } = await sleeping("www");
    const unmap = watchPromise(mm.munmap(...pages(0, 1)));
    const other = machine.createMm();
    draw(other, "ww");
    await mm.write(at(1), ONE);
    await mm.munmap(...pages(2, 3));
    await (await other.fork()).exit();
    expect([unmap.state, strip(mm, 3)]).toEqual(["pending", "Ww."]);
    reply.open();
    await settle();
    expect(unmap.state).toBe("done");
  });
});

describe("patch: what each op says of itself", () => {
  test('"with the page lock held": who wants the same page waits', async () => {
    const { machine, page, reply } = await sleeping();
    const [first, second] = [0, 1].map(() => watchPromise(machine.migrate(page.pfn)));
    expect(() => machine.migrateSync(page.pfn)).toThrow(/EAGAIN/);
    await settle();
    expect([first?.state, second?.state]).toEqual(["pending", "pending"]);
    reply.open();
    await settle();
    // The second finds that the frame is nobody's any more.
    expect([first?.state, second?.state]).toEqual(["done", "EINVAL"]);
  });

  test('"with mmap_sem held": who wants the same range waits', async () => {
    const { mm, reply } = await sleeping();
    const first = watchPromise(mm.munmap(...pages(0, 1)));
    const second = watchPromise(mm.mprotect(...pages(0, 1), 0));
    await settle();
    expect([first.state, second.state]).toEqual(["pending", "pending"]);
    reply.open();
    await settle();
    expect([first.state, second.state]).toEqual(["done", "ENOMEM"]);
  });

  test('"Must clear PageExported()": a page that is kept does not move', async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, { letsGo: false });
    const { pfn } = await subscriber.export(booted.mm, at(0));
    // `letsGo: false` answers, and keeps: the commit looks again.
    expect(await errorOf(booted.machine.migrate(pfn))).toMatchObject({ code: "EBUSY" });
    expect(booted.mm.page(at(0))?.pfn).toBe(pfn);
  });

  test('"Must clear all PageExported for all pages in the range": one left is EBUSY', async () => {
    const booted = boot("ww");
    const holder = hold(booted, {
      invalidateProcessRange: (mm, start) => void holder.subscriber.unexport(mm, start),
    });
    await holder.subscriber.exportRange(booted.mm, ...range(0, 2));
    const error = await errorOf(booted.mm.munmap(...pages(0, 2)));
    expect(error).toMatchObject({ code: "EBUSY", address: at(1) });
    expect(strip(booted.mm, 2)).toBe("wW");
  });

  test('"that are owned by the subsystem": each lets go of its own', async () => {
    const scene = shareFile();
    const diary: string[] = [];
    const one = holdFile(scene, { name: "one" }, diary);
    const two = holdFile(scene, { name: "two" }, diary);
    await one.subscriber.export(scene.mm, at(1));
    await two.subscriber.export(scene.other, at(1));
    const owner = scene.machine.createMm();
    show(owner, scene.file, "private", 2);
    await two.subscriber.export(owner, at(1));
    await scene.file.punch(PAGE, PAGE);
    expect(diary.filter((line) => !line.includes("end"))).toEqual([
      "one punch 1-2 in 3",
      "two punch 1-2 in 3",
    ]);
    expect([one.subscriber.exportedCount, two.subscriber.exportedCount]).toEqual([0, 1]);
  });

  test('"increment the int pointed to by that amount": one user is enough', async () => {
    const booted = swapping();
    const counts = (name: string, count: number) =>
      hold(booted, { name, sync: true, determineReferences: (held) => held.map(() => count) });
    const [idle, busy] = [counts("idle", 0), counts("busy", 2)];
    idle.subscriber.exportSync(booted.mm, at(0));
    idle.subscriber.exportSync(booted.mm, at(1));
    busy.subscriber.exportSync(booted.mm, at(0));
    await booted.machine.reclaim({ pages: 8 });
    expect(strip(booted.mm, 2)).toBe("W_");
    expect([idle.subscriber.exportedCount, busy.subscriber.exportedCount]).toEqual([1, 1]);
  });
});
