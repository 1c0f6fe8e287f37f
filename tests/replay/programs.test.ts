// What does the start of a program's recording become, and what do its odd places do?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Recording } from "../../src/replay/format.ts";
import { observe } from "../../src/replay/observe.ts";
import { parseRecording } from "../../src/replay/recording.ts";
import { Replay } from "../../src/replay/replay.ts";
import { engineModule } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";
import { op, PROGRAM, text } from "./lines.ts";

const engine = engineModule("debug");
const FILE = { op: "file", file: 0, path: "libc.so.6", size: 40960 };
const VDSO = "7ffff7fc8000";
const STACK = ["7ffffffde000", "7ffffffff000", "rw-p", "0", "[stack]"];
const VSYSCALL = ["ffffffffff600000", "ffffffffff601000", "--xp", "0", "[vsyscall]"];

const MAPS = [
  ["555555554000", "555555556000", "r-xp", "1000", "f0"],
  ["555555556000", "555555558000", "rw-p", "3000", "f0"],
  ["555555558000", "55555557a000", "rw-p", "0", "[heap]"],
  ["7ffff7d00000", "7ffff7d02000", "rw-s", "0", "shm"],
  ["7ffff7d04000", "7ffff7d05000", "r--p", "0", "/usr/lib/locale"],
  ["7ffff7fc2000", "7ffff7fc6000", "r--p", "0", "[vvar]"],
  ["7ffff7fc6000", VDSO, "r--p", "0", "[vvar_vclock]"],
  [VDSO, "7ffff7fca000", "r-xp", "0", "[vdso]"],
  STACK,
  VSYSCALL,
];

const PAGES = { "555555556000": ["PX", 0, 1], "555555559000": ["Z"], "7fffffffe000": ["PX", 1, 1] };

const START = {
  op: "start",
  proc: 1,
  brk: ["555555558000", "55555557a000"],
  maps: MAPS,
  pages: PAGES,
};

function program(...lines: readonly object[]): Recording {
  return parseRecording("program.jsonl", text(PROGRAM, ...lines));
}

async function run(source: Recording) {
  const replay = new Replay(source, { engine, debug: true });
  return { replay, report: await replay.run() };
}

const fault = (addr: string, write = false) => op("fault", { proc: 1, addr, write });
const state = (fields: object = {}) => ({
  op: "state",
  proc: 1,
  maps: MAPS,
  pages: PAGES,
  ...fields,
});
const NOTHING = { result: 0, maps: 0, pages: 0, data: 0 };

describe("the start of a program", () => {
  test("is imported with every area, name and page; the vsyscall page is nobody's", async () => {
    const { report, replay } = await run(program(FILE, START, state()));
    expect(report.first).toBe(null);
    expect(report.disagree).toEqual(NOTHING);
    const maps = replay.world.procs.get(1)?.maps() ?? "";
    expect(maps).toContain("[heap]");
    expect(maps).not.toContain("[vsyscall]");
  });

  test("gives the heap's break: brk goes on from there", async () => {
    const ask = op("brk", { proc: 1, addr: "0", ret: "55555557a000" });
    const grow = op("brk", { proc: 1, addr: "55555557c000", ret: "55555557c000" });
    const { report } = await run(program(FILE, START, ask, grow));
    expect(report.first).toBe(null);
  });

  test("of a process that is there is exec: what it had is gone", async () => {
    const again = { ...START, maps: [STACK, VSYSCALL], pages: {}, brk: ["1000", "1000"] };
    const lines = [FILE, START, fault("555555556010", true), again];
    const { report, replay } = await run(
      program(...lines, state({ maps: [STACK, VSYSCALL], pages: {} })),
    );
    expect(report.first).toBe(null);
    expect(report.notices.releases).toBe(1);
    expect(replay.world.machine.mms).toHaveLength(1);
    expect(replay.world.machine.vmstat().nr_anon_pages).toBe(0);
  });

  test("that cannot be imported is an error of its line", async () => {
    const page = { ...START, pages: { "1000": ["PX", 0, 1] } };
    await expect(run(program(FILE, page))).rejects.toThrow(
      "program.jsonl:3: import: EINVAL at 0x1000",
    );
  });

  test("with a file that no machine has is an error of its line", async () => {
    const huge = { ...FILE, size: 2 ** 70 };
    await expect(run(program(huge))).rejects.toThrow("program.jsonl:2: createFile: ");
  });

  test("with a file larger than memory reads it on demand", async () => {
    const large = { ...FILE, size: 2 ** 36 };
    const { report } = await run(program(large, START, fault("555555554010"), state()));
    expect(report.first).toBe(null);
    expect(report.faults).toBe(1);
  });

  test("with anonymous memory that a program has named: it is no file", async () => {
    const named = ["7ffff7d06000", "7ffff7d08000", "rw-p", "0", "[anon: heap of x]"];
    const pages = { "7ffff7d06000": ["PX", 0, 1] };
    const maps = [named, STACK];
    const begin = { ...START, maps, pages: {} };
    const lines = [begin, fault("7ffff7d06000", true), state({ maps, pages })];
    const { report } = await run(program(...lines));
    expect(report.first).toBe(null);
  });

  test("places new mappings below the recorded base", async () => {
    const map = op("mmap", {
      proc: 1,
      addr: "0",
      len: 4096,
      prot: 3,
      flags: 0x22,
      file: -1,
      off: 0,
      ret: "7ffff7ffe000",
    });
    const { report } = await run(program(FILE, START, map));
    expect(report.first).toBe(null);
  });
});

describe("a fault", () => {
  test.each([["7ffff7fc2010"], ["7ffff7fc6010"], ["7ffff7fc8010"], ["ffffffffff600010"]])(
    "at %s, which the kernel provides, has no effect",
    async (addr) => {
      const { report } = await run(program(FILE, START, fault(addr), state()));
      expect({ first: report.first, faults: report.faults }).toEqual({ first: null, faults: 0 });
    },
  );

  test("that the kernel took and the engine cannot is a disagreement", async () => {
    const { report } = await run(program(FILE, START, fault("1000")));
    expect(report.disagree).toEqual({ ...NOTHING, result: 1 });
    expect(report.first).toEqual({
      line: 4,
      want: "fault: done",
      got: "fault: SIGSEGV, code 1",
    });
  });

  test("of a file's page shows in no state: programs list anonymous pages", async () => {
    const { report, replay } = await run(program(FILE, START, fault("555555554010"), state()));
    expect(report.first).toBe(null);
    expect(replay.world.procs.get(1)?.page(0x555555554000)?.present).toBe(true);
  });

  test("that breaks a copy on write shows: an anonymous page of a file's area", async () => {
    const pages = { ...PAGES, "555555557000": ["PX", 9, 1] };
    const { report } = await run(
      program(FILE, START, fault("555555557010", true), state({ pages })),
    );
    expect(report.first).toBe(null);
  });
});

describe("files", () => {
  test("shrink, grow and get holes", async () => {
    const shrink = op("ftruncate", { proc: 1, file: 0, size: 4096, ret: 0 });
    const grow = op("ftruncate", { proc: 1, file: 0, size: 81920, ret: 0 });
    const punch = op("punch", { proc: 1, file: 0, off: 0, len: 4096, ret: 0 });
    const { report } = await run(program(FILE, START, shrink, grow, punch));
    expect({ first: report.first, disagree: report.disagree }).toEqual({
      first: null,
      disagree: NOTHING,
    });
  });

  test("can be read and written, and end where they end", async () => {
    const lines = [
      op("fwrite", { proc: 1, file: 0, off: 5000, byte: 9, ret: 0 }),
      op("fread", { proc: 1, file: 0, off: 5000, ret: 9 }),
      op("fread", { proc: 1, file: 0, off: 40960, ret: null }),
    ];
    const { report } = await run(program(FILE, START, ...lines));
    expect(report.first).toBe(null);
  });
});

const PAGE = 4096;

/** Areas with gaps between them, some with pages. */
const layouts = fc.array(
  fc.record({
    gap: fc.integer({ min: 1, max: 600 }),
    pages: fc.integer({ min: 1, max: 40 }),
    rights: fc.constantFrom("rw-p", "r--p", "r-xp", "---p", "rwxp", "-w-p"),
    present: fc.subarray(Array.from({ length: 40 }, (_, index) => index)),
    zero: fc.boolean(),
  }),
  { maxLength: 20 },
);

describe("any layout", () => {
  test(`imported and observed is what was recorded (SEED=${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(layouts, async (layout) => {
        const maps: unknown[] = [];
        const pages: Record<string, unknown> = {};
        let [next, frame] = [0x10000, 0];
        for (const { gap, pages: count, rights, present, zero } of layout) {
          const start = next + gap * PAGE;
          next = start + count * PAGE;
          maps.push([start.toString(16), next.toString(16), rights, "0", ""]);
          for (const page of present.filter((index) => index < count)) {
            const entry = zero ? ["Z"] : ["PX", frame++, 1];
            pages[(start + page * PAGE).toString(16)] = entry;
          }
        }
        const begin = { ...START, brk: ["1000", "1000"], maps, pages };
        const source = program(begin, state({ maps, pages }));
        const { report, replay } = await run(source);
        expect(report.first).toBe(null);
        const mm = replay.world.procs.get(1);
        expect(mm && observe(mm, source.header).pages.size).toBe(Object.keys(pages).length);
      }),
      { seed: SEED, numRuns: 30 },
    );
  });
});
