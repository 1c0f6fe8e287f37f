// Does smaps say what there is: of each area, of all of them, in Linux's own words?

import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { MADV_FREE, MADV_PAGEOUT, MAP_FIXED, MAP_SHARED, PROT_READ } from "../../src/constants.ts";
import type { MemorySums } from "../../src/smaps.ts";
import { at, boot, PAGE, pages, READ_WRITE } from "../support/boot.ts";
import { storeOf } from "../support/store.ts";

const ONE = Uint8Array.of(1);

/** What is not zero, in pages. */
function sums(all: MemorySums): Record<string, number> {
  const known = Object.keys(NOTHING) as (keyof MemorySums)[];
  return Object.fromEntries(
    known.filter((name) => all[name] !== 0).map((name) => [name, all[name] / PAGE]),
  );
}

const NOTHING: MemorySums = {
  rss: 0,
  pss: 0,
  pssDirty: 0,
  pssAnon: 0,
  pssFile: 0,
  pssShmem: 0,
  sharedClean: 0,
  sharedDirty: 0,
  privateClean: 0,
  privateDirty: 0,
  referenced: 0,
  anonymous: 0,
  ksm: 0,
  lazyFree: 0,
  swap: 0,
  swapPss: 0,
  locked: 0,
};

describe("of an area", () => {
  test("private memory: alone, then with a child", () => {
    const { mm } = boot("ww_.");
    mm.readSync(at(2), 1);
    const alone = { rss: 2, pss: 2, pssDirty: 2, pssAnon: 2, referenced: 2, anonymous: 2 };
    expect(mm.smapsAreas().map(sums)).toEqual([{ ...alone, privateDirty: 2 }]);
    const child = mm.forkSync();
    child.writeSync(at(0), ONE);
    expect(mm.smapsAreas().map(sums)).toEqual([
      {
        ...alone,
        pss: 1.5,
        pssAnon: 1.5,
        pssDirty: 1.5,
        privateDirty: 1,
        sharedDirty: 1,
      },
    ]);
    expect(child.smapsTotal()).toMatchObject({ rss: 2 * PAGE, referenced: PAGE });
  });

  test("a file's pages: clean, written, shared by three", () => {
    const { mm, machine } = boot();
    const file = machine.createFile({ kind: "disk", size: 3 * PAGE });
    mm.mmapSync(...pages(0, 3), READ_WRITE, MAP_SHARED | MAP_FIXED, file);
    mm.writeSync(at(0), ONE);
    mm.readSync(at(1), 1);
    const others = [machine.createMm(), machine.createMm()];
    for (const other of others) {
      other.mmapSync(...pages(0, 1), PROT_READ, MAP_SHARED | MAP_FIXED, file);
      other.readSync(at(0), 1);
    }
    const [area] = mm.smapsAreas();
    expect(area).toMatchObject({ size: 3 * PAGE, sharedDirty: PAGE, anonymous: 0 });
    expect(area?.pssFile).toBe(Math.floor(PAGE / 3) + (area?.privateClean ?? 0));
    const [seen] = others[0]?.smapsAreas() ?? [];
    expect(seen).toMatchObject({ rss: PAGE, sharedDirty: PAGE, pss: Math.floor(PAGE / 3) });
  });

  test("swap, its part of a child's, locked pages, pages that may vanish", async () => {
    const store = storeOf(false);
    const { mm } = boot("wwww", { swap: { pages: 16, backing: store } });
    await mm.madvise(...pages(0, 1), MADV_PAGEOUT);
    await store.answer();
    mm.madviseSync(...pages(1, 2), MADV_FREE);
    mm.mlockSync(...pages(3, 4));
    expect(mm.smapsTotal()).toMatchObject({
      rss: 3 * PAGE,
      swap: PAGE,
      swapPss: PAGE,
      lazyFree: PAGE,
      locked: PAGE,
      privateClean: PAGE,
    });
    const child = mm.forkSync();
    expect(mm.smapsTotal()).toMatchObject({ swap: PAGE, swapPss: PAGE / 2, locked: PAGE / 2 });
    expect(child.smapsTotal()).toMatchObject({ swap: PAGE, swapPss: PAGE / 2, locked: 0 });
  });

  test("flags in smaps' words; soft-dirty goes with clear_refs", () => {
    const { mm } = boot("w.r");
    const words = () => mm.smapsAreas().map(({ vmFlags }) => vmFlags.join(" "));
    expect(words()).toEqual(["rd wr mr mw me ac sd", "rd mr mw me sd"]);
    mm.clearSoftDirtySync();
    expect(words()).toEqual(["rd wr mr mw me ac", "rd mr mw me"]);
  });
});

test("the rollup is the sum, and so is the text", () => {
  const { mm } = boot("ww.rr.w");
  mm.forkSync();
  const total = sums(mm.smapsTotal());
  for (const [name, value] of Object.entries(total)) {
    const parts = mm.smapsAreas().map((area) => area[name as keyof MemorySums] / PAGE);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(value);
  }
  expect(mm.smapsRollup()).toMatch(/ ---p 00000000 00:00 0 +\[rollup\]\nRss: +12 kB\nPss: +6 kB\n/);
  const empty = boot().mm;
  expect([empty.smaps(), sums(empty.smapsTotal())]).toEqual(["", {}]);
  expect(empty.smapsRollup()).toMatch(/^00000000-00000000 /);
});

test("after exit: ESRCH", () => {
  const { mm } = boot("w");
  mm.exitSync();
  for (const look of [() => mm.smaps(), () => mm.smapsRollup(), () => mm.smapsTotal()]) {
    expect(look).toThrow(expect.objectContaining({ code: "ESRCH" }));
  }
});

/** The names of the lines of one area, in order, from a text of smaps. */
function fields(text: string): string[] {
  return [...text.matchAll(/^([A-Z]\w+):/gm)].map((match) => match[1] ?? "");
}

// Two lines depend on how a kernel was configured.
const CONFIGURED = new Set(["ProtectionKey", "KSM"]);

test("the text has the lines of this kernel's smaps, laid out as they are there", () => {
  const { mm } = boot("w");
  const ours = mm.smaps();
  expect(ours.split("\n")).toHaveLength(26);
  for (const line of ours.split("\n").slice(1, -3)) expect(line).toMatch(/^.{16} {0,8}\d+ kB$/);
  if (process.platform !== "linux") return;
  let text: string;
  try {
    text = execFileSync("cat", ["/proc/self/smaps"], { encoding: "utf8" });
  } catch {
    return;
  }
  const first = text.slice(0, text.indexOf("VmFlags"));
  const theirs = fields(`${first}VmFlags:`).filter((name) => !CONFIGURED.has(name));
  const known = fields(ours).filter((name) => !CONFIGURED.has(name));
  // An older kernel has fewer lines, none in another order.
  expect(theirs.filter((name) => !known.includes(name))).toEqual([]);
  expect(known.filter((name) => theirs.includes(name))).toEqual(theirs);
  expect(text.split("\n")[1]?.length).toBe(ours.split("\n")[1]?.length);
});
