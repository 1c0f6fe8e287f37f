// The export notifier as it was proposed in 2008: what it asks for, in short quotations, and what
// it got wrong, each with what happens here instead. Only operations that exist so far.

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
} from "../../src/constants.ts";
import type { ExportNotifiers } from "../../src/notifier/registry.ts";
import {
  at,
  boot,
  MIB,
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
import { holdFile, shareFile } from "../support/shared-file.ts";
import { gate } from "../support/sleeper.ts";

const PG_EXPORTED_BIT = 30;

describe("patch: what it asks for", () => {
  test("PG_exported is bit 30: callbacks when this page is individually unmapped", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const flags = booted.mm.page(at(0))?.frameFlags ?? 0;
    expect((flags >>> PG_EXPORTED_BIT) & 1).toBe(1);
    await booted.machine.migrate(booted.mm.page(at(0))?.pfn ?? 0);
    expect(diary[0]).toBe("migrate pfn some");
  });

  test("MMF_EXPORTED: callbacks when ranges of the mm go or the process exits", async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await booted.mm.munmap(...pages(0, 1));
    await booted.mm.exit();
    expect(diary).toEqual(["unmap 0-1", "end done", "release", "end done"]);
  });

  test("a page that is exported is mapped by at least one mm with MMF_EXPORTED", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.exit();
    expect(diary).toEqual(["release", "end done"]);
  });

  test("release(mm): exit of a process, release everything of this mm", async () => {
    const booted = boot("www");
    const { subscriber } = hold(booted);
    const child = await booted.mm.fork();
    await subscriber.exportRange(booted.mm, ...range(0, 3));
    await subscriber.export(child, at(0));
    await booted.mm.exit();
    expect([...subscriber.exported()].map(({ mm }) => mm?.id)).toEqual([child.id]);
  });

  test("invalidate_mapping_range: before the pages of a mapping are removed", async () => {
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

  test("callbacks are made early: before ptes are modified or removed", async () => {
    const booted = boot("ww");
    const seen: string[] = [];
    const { subscriber } = hold(booted, { answer: () => void seen.push(strip(booted.mm, 2)) });
    await subscriber.exportRange(booted.mm, ...range(0, 2), { write: true });
    await booted.mm.mprotect(...pages(0, 1), PROT_READ);
    await booted.mm.munmap(...pages(0, 2));
    expect(seen).toEqual(["WW", "RW"]);
    expect(strip(booted.mm, 2)).toBe("..");
  });

  test("they may sleep: only after the reply is the local page unmapped", async () => {
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

  test("a subscriber may use its own reverse map, or the engine's", async () => {
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

describe("patch: what it got wrong", () => {
  test("the mm flag is tested as a bit: an mm that nobody watches tells nobody", async () => {
    const booted = boot("w");
    const { diary } = hold(booted);
    await booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
  });

  test("the range is half open: neighbours of [2,4) are not announced", async () => {
    const booted = boot("wwwwww");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(1));
    await subscriber.export(booted.mm, at(4));
    await booted.mm.munmap(...pages(2, 4));
    expect(diary).toEqual([]);
    await booted.mm.munmap(...pages(4, 5));
    expect(diary).toEqual(["unmap 4-5", "end done"]);
  });

  test("validate, then notify", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    expect(await errorOf(booted.mm.munmap(at(0) + 8, PAGE))).toMatchObject({ code: "EINVAL" });
    expect(diary).toEqual([]);
  });

  test("release is the first step of exit: the contents are still there", async () => {
    const booted = boot("w");
    const seen: number[] = [];
    const holder = hold(booted, {
      release(mm) {
        const page = [...holder.subscriber.exported()][0];
        seen.push(page?.pfn ?? -1, mm.id, held.bytes[0] ?? -1);
        holder.subscriber.release();
      },
    });
    const held = await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.exit();
    expect(seen).toEqual([held.pfn, booted.mm.id, 1]);
  });

  //   2008:   callback ── re-map ── pte change: never told again
  //   here:   callback ── export: EAGAIN ── commit ── end ── export: SIGSEGV
  test("no re-map between callback and pte change", async () => {
    const booted = boot("w");
    const codes: (string | undefined)[] = [];
    const holder = hold(booted, {
      async invalidateProcessRange(mm, start, end) {
        holder.subscriber.unexportRange(mm, start, end);
        codes.push((await errorOf(holder.subscriber.export(mm, start))).code);
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(codes).toEqual(["EAGAIN"]);
    expect(holder.subscriber.exportedCount).toBe(0);
  });

  test("an aborted bracket leaves the page exportable again and says so", async () => {
    const booted = boot("w");
    const seen: string[] = [];
    const holder = hold(booted, {
      end(_bracket, { committed }) {
        seen.push(String(committed));
        holder.subscriber.exportSync(booted.mm, at(0), { write: true });
        seen.push(strip(booted.mm, 1));
      },
    });
    const refuser = hold(booted, {
      name: "refuser",
      answer() {
        throw new Error("no");
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await refuser.subscriber.export(booted.mm, at(0));
    await errorOf(booted.mm.munmap(...pages(0, 1)));
    expect(seen).toEqual(["false", "W"]);
  });

  test("failure, timeout and would-block exist", async () => {
    const booted = boot("www");
    const { subscriber } = hold(booted, { deadline: 1, answer: () => gate().promise });
    await subscriber.export(booted.mm, at(0));
    expect(() => booted.mm.munmapSync(...pages(0, 1))).toThrow(/EAGAIN/);
    const unmap = errorOf(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(1);
    expect(await unmap).toMatchObject({ code: "ETIMEDOUT" });
  });

  test("dirty hand-back: what was written from outside is not lost as clean", async () => {
    const booted = boot("r");
    const file = booted.machine.createFile({ size: PAGE });
    const start = booted.mm.mmapSync(0, PAGE, READ_WRITE, 1, file);
    const holder = hold(booted, {
      invalidateProcessRange(mm, first, end) {
        holder.subscriber.setDirty(mm, first);
        holder.subscriber.unexportRange(mm, first, end);
      },
    });
    booted.mm.writeSync(start, Uint8Array.of(1));
    const page = await holder.subscriber.export(booted.mm, start, { write: true });
    page.bytes[1] = 2;
    await booted.mm.munmap(start, PAGE);
    expect([...file.readSync(0, 2)]).toEqual([1, 2]);
    expect(() => holder.subscriber.setDirty(booted.mm, at(0))).toThrow(/ENOENT/);
  });

  test("one bit for many subscribers: counted per subscriber", async () => {
    const booted = boot("w");
    const one = hold(booted, { name: "one" });
    const two = hold(booted, { name: "two", letsGo: false });
    await one.subscriber.export(booted.mm, at(0));
    await two.subscriber.export(booted.mm, at(0));
    const counts = () => [one, two].map(({ subscriber }) => subscriber.exportedCount);
    expect(counts()).toEqual([1, 1]);
    expect(await errorOf(booted.mm.munmap(...pages(0, 1)))).toMatchObject({ holder: "two" });
    expect(counts()).toEqual([0, 1]);
    expect(booted.mm.page(at(0))?.exported).toBe(true);
  });

  test("the flag does not survive the page's free", async () => {
    const booted = boot("w", { memory: MIB });
    const { subscriber } = hold(booted);
    const { pfn } = await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    const start = booted.mm.mmapSync(0, 200 * PAGE, READ_WRITE, PRIVATE);
    for (let page = 0; page < 200; page++) {
      const got = booted.mm.faultSync(start + page * PAGE, { write: true });
      if (got !== pfn) continue;
      expect(booted.mm.page(start + page * PAGE)?.exported).toBe(false);
      return;
    }
    expect.unreachable("the frame never came back");
  });

  test("the mm flag is not inherited by fork", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    const child = await booted.mm.fork();
    diary.length = 0;
    await child.write(at(0), pattern(4, 1));
    await child.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
  });

  test.each([
    ["fork's write-protect", "protect", (b: ReturnType<typeof boot>) => b.mm.fork()],
    [
      "MADV_DONTNEED",
      "clear",
      (b: ReturnType<typeof boot>) => b.mm.madvise(...pages(0, 1), MADV_DONTNEED),
    ],
    ["MADV_FREE", "clear", (b: ReturnType<typeof boot>) => b.mm.madvise(...pages(0, 1), MADV_FREE)],
    [
      "mremap",
      "unmap",
      (b: ReturnType<typeof boot>) => b.mm.mremap(at(0), PAGE, 9 * PAGE, MREMAP_MAYMOVE),
    ],
    [
      "MAP_FIXED over a mapping",
      "unmap",
      (b: ReturnType<typeof boot>) => b.mm.mmap(at(0), PAGE, READ_WRITE, PRIVATE | MAP_FIXED),
    ],
  ])("not covered at all in 2008: %s", async (_name, reason, operate) => {
    const booted = boot("w.w");
    const { subscriber, whys, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    await operate(booted);
    expect(whys[0]?.reason).toBe(reason);
    expect(diary.filter((line) => line.startsWith("end"))).toEqual(["end done"]);
  });

  test("not covered at all in 2008: the COW break", async () => {
    const booted = boot("w");
    await booted.mm.fork();
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.write(at(0), pattern(5, 1));
    expect(diary).toEqual(["cow 0-1", "end done"]);
  });
});
