// The references do the same job: they answer every call of the recordings as the kernel did.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Space } from "../../bench/memory.ts";
import { dispatch, stepsOf } from "../../bench/recording.bench.ts";
import { ROOT } from "../../bench/root.ts";
import { SIDE_NAMES, SIDES } from "../../bench/sides/all.ts";
import type { RecordedOperation, RecordedResult } from "../../src/replay/format.ts";
import { loadRecording } from "../../src/replay/node.ts";

const FOLDER = join(ROOT, "tests/fixtures/kernel-runs/synthetic");
const NAMES = [
  "private-1",
  "private-2",
  "private-3",
  "private-4",
  "fork-1",
  "fork-2",
  "fork-3",
  "fork-4",
];
const MEMORY = 32 * 1024 * 1024;
const SI_CODE: Readonly<Record<string, number>> = { SEGV_MAPERR: 1, SEGV_ACCERR: 2 };

describe.each(SIDE_NAMES)("%s", (side) => {
  test.each(NAMES)("answers %s as the kernel did", async (name) => {
    const recording = await loadRecording(join(FOLDER, `${name}.jsonl.gz`));
    const spaces: (Space | undefined)[] = [SIDES[side](MEMORY).createSpace()];
    const wrong: string[] = [];
    for (const step of stepsOf(recording) as RecordedOperation[]) {
      const got = answer(spaces, step);
      const want = wanted(step);
      if (got !== want) wrong.push(`line ${step.line} ${step.call.op}: ${got}, not ${want}`);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

function answer(spaces: (Space | undefined)[], { proc, call }: RecordedOperation): string {
  const space = spaces[proc];
  if (space === undefined) return "no such process";
  try {
    if (call.op === "mincore") return space.mincore(call.addr, call.len).join("");
    return String(dispatch(spaces, space, proc, call));
  } catch (error) {
    const { code, siCode } = error as { code: string; siCode?: string };
    return siCode === undefined ? code : `${code} ${SI_CODE[siCode]}`;
  }
}

function wanted({ result }: RecordedOperation): string {
  const { ret, errno, signal, code }: RecordedResult = result;
  if (errno !== undefined) return errno;
  return signal === undefined ? String(ret) : `${signal} ${code}`;
}
