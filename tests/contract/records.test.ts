// protocol.md, "Records and gates".

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, READ_WRITE, range, strip } from "../support/boot.ts";
import { errorOf, hold } from "../support/holder.ts";

const PG_EXPORTED = 2 ** 30;

describe("an export is a record: subscriber, mm, page, frame, rights", () => {
  test("the pte's software bit says that a record exists for it", async () => {
    const booted = boot("wwww");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(1), { write: true });
    expect(strip(booted.mm, 4)).toBe("wWww");
    subscriber.unexport(booted.mm, at(1));
    expect(strip(booted.mm, 4)).toBe("wwww");
  });

  test("PG_exported of a frame is set while any record names it", async () => {
    const booted = boot("w");
    const [one, two] = [hold(booted, { name: "one" }), hold(booted, { name: "two" })];
    const flagged = () => ((booted.mm.page(at(0))?.frameFlags ?? 0) & PG_EXPORTED) !== 0;
    expect(flagged()).toBe(false);
    await one.subscriber.export(booted.mm, at(0));
    await two.subscriber.export(booted.mm, at(0));
    one.subscriber.unexport(booted.mm, at(0));
    expect(flagged()).toBe(true);
    two.subscriber.unexport(booted.mm, at(0));
    expect(flagged()).toBe(false);
  });

  test("exporting twice is one record; rights are added", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const first = await subscriber.export(booted.mm, at(0));
    expect([...subscriber.exported()][0]?.mm).toBe(booted.mm);
    const second = await subscriber.export(booted.mm, at(0), { write: true });
    expect(subscriber.exportedCount).toBe(1);
    expect([...subscriber.exported()]).toEqual([
      { mm: booted.mm, address: at(0), pfn: second.pfn, write: true },
    ]);
    expect(first.pfn).toBe(second.pfn);
  });

  test("the zero page can be exported", async () => {
    const booted = boot("r");
    const { subscriber } = hold(booted);
    const page = await subscriber.export(booted.mm, at(0));
    expect(page.pfn).toBe(0);
    expect(strip(booted.mm, 1)).toBe("R");
    expect(page.bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("a page that is not there is faulted in first; nowhere is SIGSEGV", async () => {
    const booted = boot("_.");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    expect(strip(booted.mm, 2)).toBe("W.");
    const error = await errorOf(subscriber.export(booted.mm, at(1)));
    expect(error).toMatchObject({ code: "SIGSEGV", siCode: "SEGV_MAPERR", op: "export" });
  });

  test("what the mm may not read cannot be exported", async () => {
    const booted = boot("w");
    booted.mm.mprotectSync(...pages(0, 1), PROT_NONE);
    const error = await errorOf(hold(booted).subscriber.export(booted.mm, at(0)));
    expect(error).toMatchObject({ code: "SIGSEGV", siCode: "SEGV_ACCERR" });
  });

  test("exportRange exports a series of pages; fault: false leaves absent ones out", async () => {
    const booted = boot("w_w_");
    const { subscriber } = hold(booted);
    expect(await subscriber.exportRange(booted.mm, ...range(0, 4), { fault: false })).toBe(2);
    expect(strip(booted.mm, 4)).toBe("W_W_");
    expect(subscriber.exportRangeSync(booted.mm, ...range(0, 4))).toBe(4);
    expect(strip(booted.mm, 4)).toBe("WRWR");
  });

  test("fault: false looks only where there is something, however far apart", async () => {
    const booted = boot("w_w");
    const { subscriber } = hold(booted);
    const everything: [number, number] = [0, Number.MAX_SAFE_INTEGER];
    expect(subscriber.exportRangeSync(booted.mm, ...everything, { fault: false })).toBe(2);
    expect(await subscriber.exportRange(booted.mm, ...everything, { fault: false })).toBe(2);
    expect(strip(booted.mm, 3)).toBe("W_W");
  });

  test("a series that meets a hole says how many bytes were done", async () => {
    const booted = boot("ww.w");
    const { subscriber } = hold(booted);
    const error = await errorOf(subscriber.exportRange(booted.mm, ...range(0, 4)));
    expect(error).toMatchObject({ code: "SIGSEGV", done: 2 * PAGE, address: at(2) });
    expect(subscriber.exportedCount).toBe(2);
  });
});

describe("a range operation reaches who has a record in the range, and who watches", () => {
  test("others are not called", async () => {
    const booted = boot("wwwwwwww");
    const diary: string[] = [];
    const inside = hold(booted, { name: "inside" }, diary);
    const beside = hold(booted, { name: "beside" }, diary);
    const watcher = hold(booted, { name: "watcher" }, diary);
    hold(booted, { name: "stranger" }, diary);
    await inside.subscriber.export(booted.mm, at(3));
    await beside.subscriber.export(booted.mm, at(6));
    watcher.subscriber.watch(booted.mm);
    await booted.mm.munmap(...pages(2, 6));
    expect(diary).toEqual([
      "inside unmap 2-6",
      "watcher unmap 2-6",
      "watcher end done",
      "inside end done",
    ]);
  });

  test("a watcher hears all range operations (MMF_EXPORTED)", async () => {
    const booted = boot("wwww");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await booted.mm.madvise(...pages(0, 1), MADV_DONTNEED);
    await booted.mm.mprotect(...pages(1, 2), PROT_READ);
    subscriber.unwatch(booted.mm);
    await booted.mm.munmap(...pages(2, 3));
    expect(diary).toEqual(["clear 0-1", "end done", "protect 1-2", "end done"]);
  });

  test("watching twice is watching once", async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    subscriber.watch(booted.mm);
    subscriber.unwatch(booted.mm);
    await booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
  });
});

describe("letting go", () => {
  test("unexport is always allowed, also inside a bracket, and counts at once", async () => {
    const booted = boot("ww");
    const counts: number[] = [];
    const { subscriber } = hold(booted, {
      invalidateProcessRange(mm, start) {
        counts.push(subscriber.exportedCount);
        subscriber.unexport(mm, start);
        counts.push(subscriber.exportedCount);
        subscriber.unexport(mm, start + PAGE);
      },
    });
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    await booted.mm.munmap(...pages(0, 2));
    expect(counts).toEqual([2, 1]);
    expect(subscriber.unexport(booted.mm, at(0))).toBe(false);
  });

  test("exportedCount and onIdle tell that nothing of its own is exported any more", async () => {
    const booted = boot("www");
    const { subscriber } = hold(booted);
    let idle = 0;
    const stop = subscriber.onIdle(() => {
      idle++;
    });
    await subscriber.exportRange(booted.mm, ...range(0, 3));
    subscriber.unexport(booted.mm, at(0));
    expect([subscriber.exportedCount, idle]).toEqual([2, 0]);
    await booted.mm.munmap(...pages(0, 3));
    expect([subscriber.exportedCount, idle]).toEqual([0, 1]);
    stop();
  });

  test("release() drops all its records; it stays registered", async () => {
    const booted = boot("www");
    const { subscriber, diary } = hold(booted);
    await subscriber.exportRange(booted.mm, ...range(0, 3));
    expect(booted.machine.exportNotifiers.release(subscriber)).toBe(3);
    await booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual([]);
    await subscriber.export(booted.mm, at(1));
    await booted.mm.munmap(...pages(1, 2));
    expect(diary).toEqual(["unmap 1-2", "end done"]);
  });

  test("a page given out by export throws once its record is gone", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    page.bytes[0] = 77;
    expect(booted.mm.readSync(at(0), 1)[0]).toBe(77);
    await booted.mm.munmap(...pages(0, 1));
    expect(page.isRevoked).toBe(true);
    expect(() => page.bytes).toThrow(/ESTALE/);
  });
});

describe("what must be gone before a commit", () => {
  const stubborn = { letsGo: false };

  test.each([
    ["unmap", (b: ReturnType<typeof boot>) => b.mm.munmap(...pages(0, 1))],
    ["clear", (b: ReturnType<typeof boot>) => b.mm.madvise(...pages(0, 1), MADV_DONTNEED)],
    ["protect to none", (b: ReturnType<typeof boot>) => b.mm.mprotect(...pages(0, 1), PROT_NONE)],
    [
      "move",
      (b: ReturnType<typeof boot>) =>
        b.mm.mremap(at(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(6)),
    ],
    ["migrate", (b: ReturnType<typeof boot>) => b.machine.migrate(b.mm.page(at(0))?.pfn ?? 0)],
  ])("%s: every record in reach, read-only ones too", async (_name, operate) => {
    const booted = boot("w");
    const before = booted.mm.readSync(at(0), PAGE);
    const { subscriber } = hold(booted, stubborn);
    await subscriber.export(booted.mm, at(0));
    const error = await errorOf(operate(booted));
    expect(error).toMatchObject({ code: "EBUSY", holder: "holder" });
    expect(strip(booted.mm, 1)).toBe("W");
    expect(booted.mm.readSync(at(0), PAGE)).toEqual(before);
    subscriber.unexport(booted.mm, at(0));
    await operate(booted);
  });

  test("fork: records with write; they may be lowered to read", async () => {
    const booted = boot("ww");
    const { subscriber, diary, whys } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    await subscriber.export(booted.mm, at(1));
    const child = await booted.mm.fork();
    expect(diary[0]).toMatch(/^protect/);
    expect(whys[0]?.demand).toBe("writers");
    expect([...subscriber.exported()].map(({ write }) => write)).toEqual([false, false]);
    expect(strip(booted.mm, 2)).toBe("RR");
    expect(strip(child, 2)).toBe("rr");
  });

  test("loss of write permission: records with write, read-only ones may stay", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted, stubborn);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.mprotect(...pages(0, 1), PROT_READ);
    expect(strip(booted.mm, 1)).toBe("R");
    await subscriber.export(booted.mm, at(1), { write: true });
    expect(await errorOf(booted.mm.mprotect(...pages(1, 2), PROT_READ))).toMatchObject({
      code: "EBUSY",
    });
  });

  test("widening permissions: told, nothing demanded", async () => {
    const booted = boot("r");
    const { subscriber, diary, whys } = hold(booted, stubborn);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.mprotect(...pages(0, 1), READ_WRITE);
    expect(diary).toEqual(["protect 0-1", "end done"]);
    expect(whys[0]).toMatchObject({ demand: "nothing", oldProt: PROT_READ, newProt: READ_WRITE });
    expect(subscriber.exportedCount).toBe(1);
  });

  test("commit refuses, naming the holder", async () => {
    const booted = boot("ww");
    hold(booted, { name: "polite" });
    const { subscriber } = hold(booted, { name: "rude", letsGo: false });
    await subscriber.export(booted.mm, at(1));
    const error = await errorOf(booted.mm.munmap(...pages(0, 2)));
    expect(error).toMatchObject({ code: "EBUSY", holder: "rude", address: at(1), op: "munmap" });
    expect(error.message).toMatch(/rude/);
  });
});

describe("a COW break concerns one (mm, page)", () => {
  test("it is a process range of one page with reason cow", async () => {
    const booted = boot("www");
    const { subscriber, diary } = hold(booted);
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(1));
    await booted.mm.write(at(1), pattern(9, 1));
    expect(diary).toEqual(["cow 1-2", "end done"]);
    await child.write(at(0), pattern(9, 1));
    expect(diary).toHaveLength(2);
  });

  test("exports never change mapcounts, or whether a break reuses the page", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(0));
    expect(booted.mm.page(at(0))?.mapCount).toBe(2);
    await child.exit();
    const pfn = booted.mm.page(at(0))?.pfn;
    await booted.mm.write(at(0), pattern(3, 1));
    expect(booted.mm.page(at(0))?.pfn).toBe(pfn);
    expect(diary).toEqual([]);
  });
});

describe("page-wide operations", () => {
  test("invalidatePage once per subscriber, with every place of the rmap walk", async () => {
    const booted = boot("w");
    const { subscriber, diary, whys } = hold(booted);
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(0));
    await subscriber.export(child, at(0));
    const old = booted.mm.page(at(0))?.pfn ?? 0;
    const moved = await booted.machine.migrate(old);
    expect(diary).toEqual(["migrate pfn some", "end done"]);
    const places = whys[0]?.places.map(({ mm, address }) => [mm.id, address]);
    expect(new Set(places?.map(String))).toEqual(
      new Set([[booted.mm.id, at(0)].join(), [child.id, at(0)].join()]),
    );
    expect(booted.mm.page(at(0))?.pfn).toBe(moved);
    expect(child.page(at(0))?.pfn).toBe(moved);
    expect(moved).not.toBe(old);
  });
});

describe("order", () => {
  test("subscribers are called in order of registration, ends in reverse", async () => {
    const booted = boot("ww");
    const diary: string[] = [];
    const holders = ["a", "b", "c"].map((name) => hold(booted, { name }, diary));
    for (const { subscriber } of [...holders].reverse()) await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 2));
    expect(diary).toEqual([
      "a unmap 0-2",
      "b unmap 0-2",
      "c unmap 0-2",
      "c end done",
      "b end done",
      "a end done",
    ]);
  });

  test("or all at once with parallel", async () => {
    const booted = boot("ww", { exportNotifiers: { parallel: true } });
    const diary: string[] = [];
    const answer = async () => {
      await null;
      diary.push("woke");
    };
    for (const name of ["a", "b"]) {
      const { subscriber } = hold(booted, { name, answer }, diary);
      await subscriber.export(booted.mm, at(0));
    }
    await booted.mm.munmap(...pages(0, 2));
    expect(diary.slice(0, 4)).toEqual(["a unmap 0-2", "b unmap 0-2", "woke", "woke"]);
  });
});
