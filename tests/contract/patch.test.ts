// The export notifier as it was proposed in 2008: what it asks for, sentence by sentence, in short
// quotations. Its call sites are in patch-sites, its mistakes in patch-errata.

import { describe, expect, test } from "vitest";
import { PROT_READ } from "../../src/constants.ts";
import type { ExportNotifiers } from "../../src/notifier/registry.ts";
import { at, boot, pages, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { holdFile, shareFile } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const PG_EXPORTED_BIT = 30;

describe("patch: what it asks for", () => {
  test('"callbacks will occur if these pages are individually unmapped": bit 30', async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const flags = booted.mm.page(at(0))?.frameFlags ?? 0;
    expect((flags >>> PG_EXPORTED_BIT) & 1).toBe(1);
    await booted.machine.migrate(booted.mm.page(at(0))?.pfn ?? 0);
    expect(diary[0]).toBe("migrate pfn some");
  });

  test('"when the process exits or when ranges in the mm structs are removed"', async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await booted.mm.munmap(...pages(0, 1));
    await booted.mm.exit();
    expect(diary).toEqual(["unmap 0-1", "end done", "release", "end done"]);
  });

  test('"must at least have one mm that has MMF_EXPORTED set"', async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.exit();
    expect(diary).toEqual(["release", "end done"]);
  });

  test('"Called when exiting a process to release all resources"', async () => {
    const booted = boot("www");
    const { subscriber } = hold(booted);
    const child = await booted.mm.fork();
    await subscriber.exportRange(booted.mm, ...range(0, 3));
    await subscriber.export(child, at(0));
    await booted.mm.exit();
    expect([...subscriber.exported()].map(({ mm }) => mm?.id)).toEqual([child.id]);
  });

  test('"Called before the pages in mapping are removed"', async () => {
    const scene = shareFile();
    const cached: (number | undefined)[] = [];
    const answer = () => void cached.push(scene.other.page(at(1))?.mapCount);
    const { subscriber, diary } = holdFile(scene, { answer });
    const { pfn } = await subscriber.export(scene.mm, at(1));
    await scene.file.truncate(0);
    expect([diary, cached]).toEqual([["truncate 0-end in 2", "end done"], [2]]);
    expect(subscriber.exportedCount).toBe(0);
    expect(pfn).toBeGreaterThan(0);
  });

  test('"before a range of ptes is modified or removed"', async () => {
    const booted = boot("ww");
    const seen: string[] = [];
    const { subscriber } = hold(booted, { answer: () => void seen.push(strip(booted.mm, 2)) });
    await subscriber.exportRange(booted.mm, ...range(0, 2), { write: true });
    await booted.mm.mprotect(...pages(0, 1), PROT_READ);
    await booted.mm.munmap(...pages(0, 2));
    expect(seen).toEqual(["WW", "RW"]);
    expect(strip(booted.mm, 2)).toBe("..");
  });

  test('"sending out a message and waiting for reply", then it is unmapped', async () => {
    const booted = boot("w");
    const reply = gate();
    const { subscriber } = hold(booted, { answer: () => reply.promise });
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await settle();
    page.bytes[5] = 123;
    expect([unmap.state, booted.mm.readSync(at(0) + 5, 1)[0]]).toEqual(["pending", 123]);
    reply.open();
    await settle();
    expect([unmap.state, strip(booted.mm, 1)]).toEqual(["done", "."]);
  });

  test('"utilize its own reverse maps", or the anon/inode rmaps', async () => {
    const booted = boot("w");
    const own = new Map<number, number[]>();
    const seen: unknown[] = [];
    const holder = hold(booted, {
      invalidatePage(page, why) {
        seen.push(
          own.get(page.pfn),
          why.places.map(({ address }) => address),
        );
        for (const { mm, address } of why.places) holder.subscriber.unexport(mm, address);
      },
    });
    const page = await holder.subscriber.export(booted.mm, at(0));
    own.set(page.pfn, [at(0)]);
    await booted.machine.migrate(page.pfn);
    expect(seen).toEqual([[at(0)], [at(0)]]);
  });

  test("every op is optional", async () => {
    const booted = boot("ww");
    const bare = booted.register({ name: "bare" });
    bare.watch(booted.mm);
    await booted.mm.munmap(...pages(0, 1));
    await bare.export(booted.mm, at(1));
    expect(await errorOf(booted.mm.munmap(...pages(1, 2)))).toMatchObject({ holder: "bare" });
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
  });

  test("register, unregister and release exist under their names", async () => {
    const booted = boot("w");
    const notifiers: ExportNotifiers = booted.machine.exportNotifiers;
    const subscriber = notifiers.register({ name: "by name" });
    await subscriber.export(booted.mm, at(0));
    expect(notifiers.release(subscriber)).toBe(1);
    expect(notifiers.subscribers).toEqual([subscriber]);
    await notifiers.unregister(subscriber);
    expect(notifiers.subscribers).toEqual([]);
  });
});
