// Does a replay notice when the engine and the recording differ? Each kind of difference, forged.

import { describe, expect, test } from "vitest";
import { runOf, summarize } from "../../src/replay/conformance.ts";
import type { Recording } from "../../src/replay/format.ts";
import { Replay, replay } from "../../src/replay/replay.ts";
import { engineModule } from "../support/boot.ts";
import { MAP, op, READ, recording, STATE, UNMAP, WRITE } from "./lines.ts";

const engine = engineModule("debug");
const NOTHING = { result: 0, maps: 0, pages: 0, data: 0 };

const run = async (forged: Recording) => runOf(await replay(forged, { engine }));

/** The state after MAP and WRITE, with other areas or pages. */
function state(maps: unknown[], pages: object): object {
  return { op: "state", procs: { "0": { maps, pages } } };
}

const AREA = ["10000000", "10002000", "rw-p", "0", ""];
const PAGE = { "10000000": ["PX", 0, 1] };

describe("agreement", () => {
  test("of a recording that is true: nothing differs, and first is null", async () => {
    const { ops, states, disagree, notices, first } = await run(
      recording(MAP, WRITE, READ, STATE, UNMAP),
    );
    expect({ ops, states, disagree, first }).toEqual({
      ops: 4,
      states: 1,
      disagree: NOTHING,
      first: null,
    });
    expect(notices).toEqual({ kernelPages: 1, missed: 0, extra: 0 });
  });

  test.each<[string, object, Partial<typeof NOTHING>, string, string]>([
    [
      "another address",
      { ...MAP, ret: "10004000" },
      { result: 1 },
      "mmap: 10004000",
      "mmap: 10000000",
    ],
    [
      "success where it failed",
      { ...UNMAP, ret: undefined, errno: "EINVAL" },
      { result: 1 },
      "munmap: EINVAL",
      "munmap: 0",
    ],
    [
      "another error",
      op("munmap", { addr: "10000001", len: 4096, errno: "ENOMEM" }),
      { result: 1 },
      "munmap: ENOMEM",
      "munmap: EINVAL",
    ],
    ["a byte that differs", { ...READ, ret: 8 }, { data: 1 }, "read: 8", "read: 7"],
    [
      "a signal where there was a byte",
      op("read", { addr: "1f000000", ret: 0 }),
      { result: 1 },
      "read: 0",
      "read: SIGSEGV, code 1",
    ],
    [
      "another code of the same signal",
      op("read", { addr: "1f000000", signal: "SIGSEGV", code: 2 }),
      { result: 1 },
      "read: SIGSEGV, code 2",
      "read: SIGSEGV, code 1",
    ],
    [
      "residence that differs, a byte a page",
      op("mincore", { addr: "10000000", len: 8192, ret: "01" }),
      { data: 2 },
      "mincore: 01",
      "mincore: 10",
    ],
    [
      "an area that ends elsewhere",
      state([["10000000", "10003000", "rw-p", "0", ""]], PAGE),
      { maps: 1 },
      "process 0: 10000000-10003000 rw-p 0",
      "process 0: 10000000-10002000 rw-p 0",
    ],
    [
      "an area that is split",
      state(
        [
          ["10000000", "10001000", "rw-p", "0", ""],
          ["10001000", "10002000", "rw-p", "0", ""],
        ],
        PAGE,
      ),
      { maps: 2 },
      "process 0: 10000000-10001000 rw-p 0",
      "process 0: 10000000-10002000 rw-p 0",
    ],
    [
      "rights that differ",
      state([["10000000", "10002000", "r--p", "0", ""]], PAGE),
      { maps: 1 },
      "process 0: 10000000-10002000 r--p 0",
      "process 0: 10000000-10002000 rw-p 0",
    ],
    [
      "a name that differs",
      state([["10000000", "10002000", "rw-p", "0", "shm"]], PAGE),
      { maps: 1 },
      "process 0: 10000000-10002000 rw-p 0 shm",
      "process 0: 10000000-10002000 rw-p 0",
    ],
    [
      "an offset that differs",
      state([["10000000", "10002000", "rw-p", "1000", ""]], PAGE),
      { maps: 1 },
      "process 0: 10000000-10002000 rw-p 1000",
      "process 0: 10000000-10002000 rw-p 0",
    ],
    [
      "a page that is not there",
      state([AREA], { ...PAGE, "10001000": ["Z"] }),
      { pages: 1 },
      "process 0: page 10001000 zero",
      "process 0: page 10001000 nothing",
    ],
    [
      "a page that is there",
      state([AREA], {}),
      { pages: 1 },
      "process 0: page 10000000 nothing",
      expect.stringMatching(/^process 0: page 10000000 PX frame \d+ mapcount 1$/) as string,
    ],
    [
      "a page that is swapped out",
      state([AREA], { "10000000": ["S"] }),
      { pages: 1 },
      "process 0: page 10000000 swapped",
      expect.stringContaining("PX") as string,
    ],
    [
      "a mapcount that differs",
      state([AREA], { "10000000": ["PX", 0, 2] }),
      { pages: 1 },
      "process 0: page 10000000 PX frame 0 mapcount 2",
      expect.stringContaining("mapcount 1") as string,
    ],
    [
      "flags that differ",
      state([AREA], { "10000000": ["PFX", 0, 1] }),
      { pages: 1 },
      "process 0: page 10000000 PFX frame 0 mapcount 1",
      expect.stringContaining("PX") as string,
    ],
  ])("sees %s", async (_what, line, differs, want, got) => {
    const { disagree, first } = await run(recording(MAP, WRITE, line));
    expect(disagree).toEqual({ ...NOTHING, ...differs });
    expect(first).toEqual({ line: 4, want, got });
  });

  test("sees a process that the kernel has not", async () => {
    const { disagree } = await run(
      recording(
        MAP,
        WRITE,
        { ...op("fork", { child: 1, ret: 0 }) },
        {
          ...STATE,
          procs: { "0": { maps: [AREA], pages: { "10000000": ["P", 0, 2] } } },
        },
      ),
    );
    expect(disagree).toEqual({ ...NOTHING, maps: 1, pages: 1 });
  });

  test("sees a process that only the kernel has: its calls fail, its state is empty", async () => {
    const child = { ...WRITE, proc: 1 };
    const { disagree } = await run(
      recording(MAP, op("fork", { child: 1, ret: 0 }), op("exit", { proc: 1, ret: 0 }), child),
    );
    expect(disagree).toEqual({ ...NOTHING, result: 1 });
  });

  test("goes on with the engine's own state: one early mistake shows once", async () => {
    const wrongly = { ...MAP, ret: "10008000" };
    const { disagree, first } = await run(recording(wrongly, WRITE, READ, STATE, UNMAP));
    expect(disagree).toEqual({ ...NOTHING, result: 1 });
    expect(first?.line).toBe(2);
  });
});

describe("frames are compared as a partition", () => {
  const second = op("write", { addr: "10001010", byte: 1, ret: 0 });

  test("whatever their numbers are", async () => {
    const pages = { "10000000": ["PX", 91, 1], "10001000": ["PX", 17, 1] };
    const { disagree } = await run(recording(MAP, WRITE, second, state([AREA], pages)));
    expect(disagree).toEqual(NOTHING);
  });

  test("two pages of one frame against two frames differ", async () => {
    const pages = { "10000000": ["PX", 3, 1], "10001000": ["PX", 3, 1] };
    const { disagree } = await run(recording(MAP, WRITE, second, state([AREA], pages)));
    expect(disagree).toEqual({ ...NOTHING, pages: 1 });
  });

  test("across processes: two frames against one frame differ", async () => {
    const fork = op("fork", { child: 1, ret: 0, notified: [[0, "10000000", "10002000"]] });
    const space = (frame: number) => ({ maps: [AREA], pages: { "10000000": ["P", frame, 2] } });
    const shared = { op: "state", procs: { "0": space(0), "1": space(0) } };
    const apart = { op: "state", procs: { "0": space(0), "1": space(1) } };
    const { disagree } = await run(recording(MAP, WRITE, fork, shared, apart));
    expect(disagree).toEqual({ ...NOTHING, pages: 1 });
  });
});

describe("an engine that fails", () => {
  test("ends the run: what is left counts as not agreed, and first says why", async () => {
    const source = recording(MAP, WRITE, READ, STATE, UNMAP);
    const broken = new Replay(source, {
      engine,
      progress: () => void broken.core.engine.poison(new Error("out of order")),
    });
    const { disagree, first, ops } = await broken.run();
    expect({ disagree, ops }).toEqual({ disagree: { ...NOTHING, result: 3 }, ops: 4 });
    expect(first).toMatchObject({ line: 3, got: expect.stringContaining("out of order") });
  });
});

describe("totals", () => {
  test("are the sums of the runs", async () => {
    const one = await run(recording(MAP, WRITE, { ...READ, ret: 1 }, UNMAP));
    const other = await run(recording(MAP, WRITE, READ, STATE));
    const { total } = summarize([one, other]);
    expect(total).toEqual({
      ops: 7,
      states: 1,
      disagree: { ...NOTHING, data: 1 },
      notices: { kernelPages: 1, missed: 0, extra: 0 },
      seconds: one.seconds + other.seconds,
    });
  });
});
