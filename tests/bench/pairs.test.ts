// Pairs at their smallest: both do the same work each time, and the report has the cases' shape.

import { describe, expect, test } from "vitest";
import { readArguments } from "../../bench/arguments.ts";
import { runBench } from "../../bench/bench.ts";
import { measurePair } from "../../bench/pairs/measure.ts";
import type { Pair } from "../../bench/pairs/pair.ts";
import { PAIRS } from "../../bench/pairs/pairs.ts";

const noRunner = () => {
  throw new Error("a pair has no runner");
};

describe.each(PAIRS.map((one) => ({ name: one.name, one })))("$name", ({ one }) => {
  test("is reported as a case with its one reference", async () => {
    const report = await measurePair(one, "test");
    expect(report).toMatchObject({ name: one.name, unit: one.unit });
    expect(Object.keys(report.references)).toEqual([one.reference]);
    expect(report.references[one.reference]?.hash).toBe(report.hash);
    expect((await measurePair(one, "test")).hash).toBe(report.hash);
  });
});

test("a pair is asked for by its name, or by the beginning of several", async () => {
  const asked = readArguments(["--only", "subscriber", "--size", "test"]);
  const { report } = await runBench(asked, noRunner);
  expect(report.cases.map(({ name }) => name)).toEqual(
    PAIRS.map(({ name }) => name).filter((name) => name.startsWith("subscriber-")),
  );
});

test("subscribers hear of every call, with a machine and without", async () => {
  const pair = PAIRS.find(({ name }) => name === "subscriber-64-at-once");
  const { works } = (await pair?.prepare("test")) ?? { works: [] };
  const heard: number[] = [];
  for (const work of works) {
    work.setup();
    heard.push(await work.run());
  }
  expect(heard).toEqual([2 * 65, 2, 2 * 64]);
});

test("a run that does other work is an error", async () => {
  let run = 0;
  const pair: Pair = {
    name: "unsteady",
    question: "",
    unit: "ns/run",
    reference: "another",
    prepare: async () => ({
      works: [{ setup: () => {}, run: () => run++ }],
      figures: ([ours = 0]) => ({ ours, theirs: ours }),
    }),
  };
  await expect(measurePair(pair, "test")).rejects.toThrow(/other work/);
});
