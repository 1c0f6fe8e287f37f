// Is every page that was written since somebody asked found again, wherever it went, and no other?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MADV_UNMERGEABLE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
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
import { dawdle, errorOf, hold } from "../support/holder.ts";
import { SEED } from "../support/prng.ts";
import { storeOf } from "../support/store.ts";

const ONE = Uint8Array.of(1);

/** Soft-dirty or not, a character a page: `d` or `-`; `.` without an entry. */
function dirt(mm: Mm, count = 8): string {
  return Array.from({ length: count }, (_, index) => {
    const page = mm.page(at(index));
    if (page === null) return ".";
    return page.softDirty ? "d" : "-";
  }).join("");
}

describe("what counts as written", () => {
  test("all that is new; after that what is written, by fault or not", () => {
    const { mm } = boot("wwr_");
    expect(dirt(mm, 4)).toBe("ddd.");
    mm.clearSoftDirtySync();
    expect(dirt(mm, 4)).toBe("---.");
    expect(strip(mm, 4)).toBe("rrr_");
    mm.readSync(at(0), 2 * PAGE);
    expect(dirt(mm, 4)).toBe("---.");
    mm.writeSync(at(1), ONE);
    mm.writeSync(at(3), ONE);
    expect(dirt(mm, 4)).toBe("-d-d");
    expect(strip(mm, 4)).toBe("rwrw");
    mm.clearSoftDirtySync();
    expect(dirt(mm, 4)).toBe("----");
  });

  test("the bytes and the frames stay", () => {
    const { mm } = boot("ww");
    const frames = [mm.page(at(0))?.pfn, mm.page(at(1))?.pfn];
    const bytes = mm.readSync(at(0), 2 * PAGE);
    mm.clearSoftDirtySync();
    mm.writeSync(at(0), bytes.subarray(0, 1));
    expect(mm.readSync(at(0), 2 * PAGE)).toEqual(bytes);
    expect([mm.page(at(0))?.pfn, mm.page(at(1))?.pfn]).toEqual(frames);
  });

  test("an area mapped anew where one was: every page, written or not", () => {
    const { mm } = boot("wwww");
    mm.clearSoftDirtySync();
    mm.mmapSync(...pages(1, 3), READ_WRITE, PRIVATE | MAP_FIXED);
    mm.readSync(at(1), PAGE);
    expect(mm.page(at(1))?.softDirty).toBe(true);
    expect(mm.maps().split("\n")).toHaveLength(2);
    // It has merged with what was there: as one area it counts as written.
    expect(dirt(mm, 4)).toBe("dd.d");
  });

  test("memory that grows: not what was there before", () => {
    const { mm } = boot("ww");
    mm.clearSoftDirtySync();
    mm.mremapSync(at(0), 2 * PAGE, 4 * PAGE, 0);
    mm.writeSync(at(3), ONE);
    expect(dirt(mm, 4)).toBe("--.d");
  });

  test("a split leaves both halves as they were", () => {
    const { mm } = boot("wwww");
    mm.clearSoftDirtySync();
    mm.writeSync(at(3), ONE);
    mm.mprotectSync(...pages(1, 2), PROT_READ);
    mm.madviseSync(...pages(3, 4), MADV_DONTFORK);
    expect(dirt(mm, 4)).toBe("---d");
    mm.madviseSync(...pages(3, 4), MADV_DOFORK);
    mm.mprotectSync(...pages(1, 2), READ_WRITE);
    expect(dirt(mm, 4)).toBe("---d");
    expect(mm.maps().split("\n")).toHaveLength(2);
  });

  test("what mremap moves, page by page and by whole tables", () => {
    const { mm } = boot("ww", { memory: 16 * MIB });
    const table = 512 * PAGE;
    const from = Math.ceil((BASE + 8 * PAGE) / table) * table;
    mm.mmapSync(from, table, READ_WRITE, PRIVATE | MAP_FIXED);
    mm.writeSync(from + 7 * PAGE, ONE);
    mm.readSync(from, PAGE);
    mm.clearSoftDirtySync();
    mm.mremapSync(at(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(4));
    expect([dirt(mm, 5), mm.page(at(1))?.softDirty]).toEqual([".-..d", false]);
    mm.mremapSync(from, table, table, MREMAP_MAYMOVE | MREMAP_FIXED, from + 4 * table);
    const moved = [...mm.pagemap(from)].map(({ address, softDirty }) => [address, softDirty]);
    expect(moved).toEqual([
      [from + 4 * table, true],
      [from + 4 * table + 7 * PAGE, true],
    ]);
  });

  test("the mark goes with the page: fork, swap, migration", async () => {
    const store = storeOf(false);
    const { mm, machine } = boot("wwww", { swap: { pages: 16, backing: store } });
    mm.clearSoftDirtySync();
    mm.writeSync(at(1), ONE);
    mm.writeSync(at(2), ONE);
    await mm.madvise(...pages(0, 2), MADV_PAGEOUT);
    await store.answer();
    expect([mm.page(at(0))?.swapped, mm.page(at(1))?.swapped]).toEqual([true, true]);
    expect(dirt(mm, 4)).toBe("-dd-");
    machine.migrateSync(mm.page(at(2))?.pfn ?? 0);
    expect(dirt(mm, 4)).toBe("-dd-");
    const child = mm.forkSync();
    expect(dirt(child, 4)).toBe("-dd-");
    await mm.read(at(0), 2 * PAGE);
    expect(dirt(mm, 4)).toBe("-dd-");
    expect(mm.page(at(0))?.writable).toBe(false);
    mm.clearSoftDirtySync();
    expect([dirt(mm, 4), dirt(child, 4)]).toEqual(["----", "-dd-"]);
    child.clearSoftDirtySync();
    expect(dirt(child, 4)).toBe("----");
    expect(machine.check()).toBe(0);
  });

  test("pages that are merged, and parted again, keep their marks", () => {
    const { mm, machine } = boot("wwww");
    mm.madviseSync(...pages(0, 4), MADV_MERGEABLE);
    mm.clearSoftDirtySync();
    for (const page of [1, 2]) mm.writeSync(at(page), new Uint8Array(PAGE).fill(9));
    for (let pass = 0; pass < 3; pass++) machine.mergePagesSync();
    expect(mm.page(at(1))?.pfn).toBe(mm.page(at(2))?.pfn);
    expect(dirt(mm, 4)).toBe("-dd-");
    mm.madviseSync(...pages(0, 4), MADV_UNMERGEABLE);
    expect(mm.page(at(1))?.pfn).not.toBe(mm.page(at(2))?.pfn);
    expect([dirt(mm, 4), machine.check()]).toEqual(["-dd-", 0]);
  });

  test("a COW break marks who broke it, and nobody else", () => {
    const { mm } = boot("ww");
    const child = mm.forkSync();
    mm.clearSoftDirtySync();
    child.clearSoftDirtySync();
    child.writeSync(at(0), ONE);
    expect([dirt(mm, 2), dirt(child, 2)]).toEqual(["--", "d-"]);
    mm.writeSync(at(0), ONE);
    expect([dirt(mm, 2), dirt(child, 2)]).toEqual(["d-", "d-"]);
  });
});

describe("shared memory", () => {
  const SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;

  test("a write through a mapping whose pages could be written at once faults, and is seen", () => {
    const { mm } = boot();
    mm.mmapSync(...pages(0, 4), READ_WRITE, SHARED);
    mm.writeSync(at(0), ONE);
    mm.readSync(at(1), PAGE);
    expect(strip(mm, 2)).toBe("ww");
    mm.clearSoftDirtySync();
    // Pages that are read now, around or not, must fault as well.
    mm.readSync(at(2), PAGE);
    expect(strip(mm, 3)).toBe("rrr");
    for (const page of [0, 2]) mm.writeSync(at(page), ONE);
    expect(dirt(mm, 3)).toBe("d-d");
  });

  test("mprotect that gives W back gives it only to what is marked", () => {
    const { mm, machine } = boot();
    mm.mmapSync(...pages(0, 3), READ_WRITE, SHARED);
    mm.writeSync(at(0), new Uint8Array(3 * PAGE));
    mm.clearSoftDirtySync();
    mm.writeSync(at(1), ONE);
    mm.mprotectSync(...pages(0, 3), PROT_READ);
    mm.mprotectSync(...pages(0, 3), READ_WRITE);
    expect(strip(mm, 3)).toBe("rwr");
    expect(dirt(mm, 3)).toBe("-d-");
    expect(machine.check()).toBe(0);
  });

  test("each mapping of a page has a mark of its own", () => {
    const { mm } = boot();
    mm.mmapSync(...pages(0, 1), READ_WRITE, SHARED);
    mm.writeSync(at(0), ONE);
    const child = mm.forkSync();
    child.readSync(at(0), 1);
    child.clearSoftDirtySync();
    mm.writeSync(at(0), ONE);
    expect([dirt(mm, 1), dirt(child, 1)]).toEqual(["d", "-"]);
  });
});

describe("who is told", () => {
  test("one range, everything, of who may write; who reads may stay", async () => {
    const booted = boot("ww..ww");
    const { mm } = booted;
    const { subscriber, whys } = hold(booted);
    await subscriber.exportRange(mm, ...range(0, 2), { write: true });
    await mm.clearSoftDirty();
    expect(whys).toHaveLength(1);
    expect(whys[0]).toMatchObject({ reason: "protect", demand: "writers", canWait: true });
    expect(strip(mm, 2)).toBe("RR");
    await subscriber.exportRange(mm, ...range(4, 6), { write: false });
    await mm.clearSoftDirty();
    expect(whys).toHaveLength(2);
    expect(strip(mm, 6)).toBe("RR..RR");
  });

  test("a holder that keeps the right to write: EBUSY, nothing cleared", async () => {
    const { mm, register } = boot("w");
    const holder = register({});
    await holder.export(mm, at(0), { write: true });
    expect(await errorOf(mm.clearSoftDirty())).toMatchObject({ code: "EBUSY", holder: "holder" });
    expect([dirt(mm, 1), strip(mm, 1)]).toEqual(["d", "W"]);
    holder.lower(mm, ...range(0, 1));
    await mm.clearSoftDirty();
    expect([dirt(mm, 1), strip(mm, 1)]).toEqual(["-", "R"]);
  });

  test("a holder that was made to let go cannot write unseen: it must fault again", async () => {
    const booted = boot("w");
    const { mm } = booted;
    const { subscriber } = hold(booted);
    await subscriber.export(mm, at(0), { write: true });
    await mm.clearSoftDirty();
    await subscriber.export(mm, at(0), { write: true });
    expect(dirt(mm, 1)).toBe("d");
    subscriber.setDirty(mm, at(0));
    expect(booted.machine.check()).toBe(0);
  });

  test("writes wait while it is told, and Sync is EAGAIN", async () => {
    const booted = boot("w");
    const { mm } = booted;
    const { subscriber, go } = dawdle(booted);
    await subscriber.export(mm, at(0), { write: true });
    const clearing = mm.clearSoftDirty();
    expect(() => mm.writeSync(at(0), ONE)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    expect(() => mm.clearSoftDirtySync()).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    const written = mm.write(at(0), ONE);
    go();
    await clearing;
    await written;
    expect(dirt(mm, 1)).toBe("d");
  });

  test("after exit: ESRCH", async () => {
    const { mm } = boot("w");
    mm.exitSync();
    expect(() => mm.clearSoftDirtySync()).toThrow(expect.objectContaining({ code: "ESRCH" }));
    expect(() => mm.clearReferencedSync()).toThrow(expect.objectContaining({ code: "ESRCH" }));
  });
});

describe("what was used", () => {
  test("forgetting tells nobody and takes no right", async () => {
    const booted = boot("ww");
    const { mm, machine } = booted;
    const { subscriber, whys } = hold(booted);
    await subscriber.exportRange(mm, ...range(0, 2), { write: true });
    const file = machine.createFile({ size: PAGE });
    mm.mmapSync(...pages(4, 5), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.readSync(at(4), 1);
    const used = () => [0, 1, 4].map((page) => mm.page(at(page))?.accessed);
    await mm.clearReferenced("mapped");
    expect(used()).toEqual([true, true, false]);
    mm.clearReferencedSync("anonymous");
    expect(used()).toEqual([false, false, false]);
    mm.readSync(at(1), 1);
    mm.readSync(at(4), 1);
    expect(used()).toEqual([false, true, true]);
    mm.clearReferencedSync();
    expect(used()).toEqual([false, false, false]);
    expect([strip(mm, 2), whys]).toEqual(["WW", []]);
    expect(() => mm.clearReferencedSync("some" as never)).toThrow(TypeError);
  });
});

test("random operations: a page whose bytes differ from when it was cleared is marked", () => {
  const step = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 7 }), fc.nat({ max: 7 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { mm, machine } = boot("wwww__rr");
      const other = mm.forkSync();
      const look = () => Array.from({ length: 8 }, (_, page) => contents(mm, page));
      mm.clearSoftDirtySync();
      let before = look();
      for (const [what, page, value] of steps) {
        act([mm, other], what, page, value);
        if (what === 7) {
          mm.clearSoftDirtySync();
          before = look();
        }
      }
      const after = look();
      after.forEach((bytes, page) => {
        if (bytes !== "" && bytes !== before[page]) expect(dirt(mm, 8)[page]).toBe("d");
      });
      expect(machine.check()).toBe(0);
    }),
    { numRuns: 100, seed: SEED },
  );
});

/** Nothing where no page has contents: pages that go are not written, as Linux has it. */
function contents(mm: Mm, page: number): string {
  if ((mm.page(at(page))?.pfn ?? 0) === 0) return "";
  return mm.readSync(at(page), 2).join();
}

function act([mm, other]: [Mm, Mm], what: number, page: number, value: number): void {
  const data = Uint8Array.of(value, what);
  try {
    if (what <= 2) mm.writeSync(at(page), data);
    if (what === 3) other.writeSync(at(page), data);
    if (what === 4) mm.mprotectSync(...pages(page, page + 1), value % 2 ? PROT_READ : READ_WRITE);
    if (what === 5) mm.readSync(at(page), 1);
    if (what === 6) mm.mremapSync(at(page), PAGE, PAGE, 3, at(value));
  } catch {
    // A step that Linux refuses is no step.
  }
}
