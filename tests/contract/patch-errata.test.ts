// What the export notifier of 2008 got wrong, one test for each mistake: what it does, quoted, and
// what happens here instead. More of it in patch-gaps.

import { describe, expect, test } from "vitest";
import { MADV_DONTNEED, MADV_FREE, MAP_FIXED, MREMAP_MAYMOVE } from "../../src/constants.ts";
import {
  at,
  boot,
  MIB,
  PAGE,
  PRIVATE,
  pages,
  pattern,
  READ_WRITE,
  strip,
} from "../support/boot.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("patch: what it got wrong", () => {
  test('"if (mm->flags & MMF_EXPORTED)", a bit number as a mask: not here', async () => {
    const booted = boot("w");
    const { diary } = hold(booted);
    await booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
  });

  test("start, end: half open, neighbours of [2,4) are not announced", async () => {
    const booted = boot("wwwwww");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(1));
    await subscriber.export(booted.mm, at(4));
    await booted.mm.munmap(...pages(2, 4));
    expect(diary).toEqual([]);
    await booted.mm.munmap(...pages(4, 5));
    expect(diary).toEqual(["unmap 4-5", "end done"]);
  });

  test('"the range is announced before it is validated": validate, then notify', async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    expect(await errorOf(booted.mm.munmap(at(0) + 8, PAGE))).toMatchObject({ code: "EINVAL" });
    expect(diary).toEqual([]);
  });

  test('"release comes after the page tables are freed": here it is first', async () => {
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
  test('"no end": no re-map between callback and pte change', async () => {
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

  test('"clears the mark even when the unmap then fails": an aborted bracket says so', async () => {
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

  test('"no failure, no timeout, no would-block": all three', async () => {
    const booted = boot("www");
    const { subscriber } = hold(booted, { deadline: 1, answer: () => gate().promise });
    await subscriber.export(booted.mm, at(0));
    expect(() => booted.mm.munmapSync(...pages(0, 1))).toThrow(/EAGAIN/);
    const unmap = errorOf(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(1);
    expect(await unmap).toMatchObject({ code: "ETIMEDOUT" });
  });

  test('"no dirty hand-back": what was written from outside is not lost as clean', async () => {
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

  test('"one bit for many subscribers": counted per subscriber', async () => {
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

  test('"the flag survives the free of the page": not here', async () => {
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

  test('"the mm flag is inherited by fork": a child starts without it', async () => {
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
