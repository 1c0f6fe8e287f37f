// Targets: what a report says of each, and how that is shown.

import { expect, test } from "vitest";
import type { CaseReport } from "../../bench/report.ts";
import { markdownTable } from "../../bench/table.ts";
import { targetsTable } from "../../bench/targets/table.ts";
import { timesFaster } from "../../bench/targets/target.ts";
import { isMet, TARGETS, targetsOf } from "../../bench/targets.ts";

const SIDE = { median: 20, spread: [19, 21], hash: "0123456789abcdef" } as const;
const FORK: CaseReport = {
  name: "fork-exit",
  question: "fork",
  unit: "ns/page",
  ...SIDE,
  perSecond: 1,
  references: { kernel: { ...SIDE, ratio: 20 } },
};

test("a wish is a comparison and a number", () => {
  expect(isMet(">= 7", 7)).toBe(true);
  expect(isMet(">= 7", 6.99)).toBe(false);
  expect(isMet("<= 1.01", 1.01)).toBe(true);
  expect(isMet("<= 1.01", 1.02)).toBe(false);
  expect(() => isMet("about 3", 3)).toThrow(RangeError);
});

test("a target is in the report only if what it is of was measured", () => {
  const wanted = [timesFaster("fork-exit", "kernel", 20), timesFaster("fork-exit", "c", 1)];
  const found = targetsOf({ cases: [FORK], growth: [] }, wanted);
  expect(found).toEqual([{ name: "fork-exit, beside kernel", want: ">= 20", got: 20, met: true }]);
});

test("every target has a name of its own, and a wish that can be met", () => {
  expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  for (const { want } of TARGETS) expect(isMet(want, 1)).toEqual(expect.any(Boolean));
});

test("the tables say met or missed", () => {
  const targets = [
    { name: "one", want: ">= 7", got: 8, met: true },
    { name: "two", want: "<= 1.01", got: 2.5, met: false },
  ];
  const [, one, two] = targetsTable({ targets }).split("\n");
  expect(one?.split(/ {2,}/)).toEqual(["one", "met", ">= 7", "8"]);
  expect(two?.split(/ {2,}/)).toEqual(["two", "missed", "<= 1.01", "2.5"]);
  const machine = { cpu: "", cores: 1, memoryBytes: 1, os: "", node: "", v8: "", date: "" };
  const text = markdownTable({ machine, cases: [], growth: [], targets });
  expect(text).toContain("| two | <= 1.01 | 2.5 | missed |");
  expect(markdownTable({ machine, cases: [], growth: [], targets: [] })).not.toContain("target");
});
