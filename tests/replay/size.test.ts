// How large is the machine that replays a recording, and what if it is too small?

import { describe, expect, test } from "vitest";
import { parseRecording } from "../../src/replay/recording.ts";
import { Replay } from "../../src/replay/replay.ts";
import { memoryFor } from "../../src/replay/size.ts";
import { engineModule, MIB } from "../support/boot.ts";
import { op, PROGRAM, recording, text } from "./lines.ts";

const START = { op: "start", proc: 1, brk: ["1000", "1000"], maps: [], pages: {} };

function processes(count: number, isAtOnce: boolean) {
  const lines: object[] = [START];
  for (let child = 2; child < count + 2; child++) {
    lines.push(op("fork", { proc: 1, child, ret: 0 }));
    if (!isAtOnce) lines.push(op("exit", { proc: child }));
  }
  return parseRecording("processes.jsonl", text(PROGRAM, ...lines));
}

describe("memory", () => {
  test("has room for tables of all processes that live at once", () => {
    const one = memoryFor(processes(1, true));
    expect(memoryFor(processes(101, true)) - one).toBe(100 * 2 * MIB);
  });

  test("does not grow with those that live one after the other", () => {
    expect(memoryFor(processes(3000, false))).toBe(memoryFor(processes(1, false)));
  });

  test("too small for the holder's records: it goes on, and nobody is left behind", async () => {
    const map = { addr: "10000000", prot: 3, flags: 0x32, file: -1, off: 0, ret: "10000000" };
    const full = recording(
      op("mmap", { ...map, len: 4 * MIB }),
      op("write", { addr: "10000000", byte: 1, ret: 0 }),
      op("madvise", { addr: "10000000", len: 4 * MIB, advice: 23, errno: "ENOMEM" }),
      op("munmap", { addr: "10000000", len: 4 * MIB, ret: 0 }),
    );
    const run = new Replay(full, { engine: engineModule(), memory: 2 * MIB });
    const { disagree, exporter } = await run.run();
    expect(disagree).toEqual({ result: 0, maps: 0, pages: 0, data: 0 });
    expect(exporter.violations).toBe(0);
    expect(exporter.peak).toBeGreaterThan(0);
    expect(run.world.machine.vmstat().nr_anon_pages).toBe(0);
  });
});
