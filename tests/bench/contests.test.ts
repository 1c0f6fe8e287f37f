// Contests: everybody who can take part does the same work, and who cannot is left out with a word.

import { describe, expect, test } from "vitest";
import { readArguments } from "../../bench/arguments.ts";
import { runBench } from "../../bench/bench.ts";
import { compare } from "../../bench/compare.ts";
import { CONTESTS } from "../../bench/contests/all.ts";
import type { Contest } from "../../bench/contests/contest.ts";
import { familiesOf } from "../../bench/families.ts";
import type { CaseReport } from "../../bench/report.ts";
import { OURS } from "../../bench/sides/all.ts";

const PLAN = { warmups: 0, rounds: 1, runs: 1, milliseconds: 0 };

function present(one: Contest) {
  return one.contestants.filter((side) => side.missing() === null);
}

describe.each(CONTESTS.map((one) => ({ name: one.name, one })))("$name", ({ one }) => {
  test("everybody does the same work, and the report says so", async () => {
    expect(one.contestants[0]?.name).toBe(OURS);
    const runners = new Map(present(one).map((side) => [side.name, side.run(one, "test")]));
    const report = await compare(one, runners, PLAN);
    expect(report).toMatchObject({ name: one.name, question: one.question, unit: one.unit });
    expect(report.median).toBeGreaterThan(0);
    const proof = await one.contestants[0]?.run(one, "test").prove();
    expect(report.hash).toBe(proof?.hash);
    for (const { hash } of Object.values(report.references)) {
      expect([proof?.hash, proof?.outcome]).toContain(hash);
    }
    expect(Object.keys(report.references)).toHaveLength(present(one).length - 1);
  });
});

test("contests have names of their own, and hashes that differ", async () => {
  expect(new Set(CONTESTS.map(({ name }) => name)).size).toBe(CONTESTS.length);
  const first = CONTESTS.map((one) => one.contestants[0]?.run(one, "test").prove());
  const hashes = (await Promise.all(first)).map((proof) => proof?.hash);
  expect(new Set(hashes).size).toBe(CONTESTS.length);
});

test("a run of those whose names begin so has a row for each", async () => {
  const asked = readArguments(["--only", "dispatch", "--size", "test", "--rounds", "1"]);
  const progress: string[] = [];
  const { report, refused } = await runBench(
    asked,
    () => {
      throw new Error("these are no cases of address spaces");
    },
    (text) => progress.push(text),
  );
  expect(refused).toEqual([]);
  const names = CONTESTS.map(({ name }) => name).filter((name) => name.startsWith("dispatch-"));
  expect(report.cases.map(({ name }) => name)).toEqual(names);
  expect(progress).toEqual(names);
  expect(Object.keys(report.cases[0]?.references ?? {})).toContain("tapable");
});

test("cases that share a reference stand in one table, others in another", () => {
  const side = { median: 2, spread: [1, 3], hash: "0123456789abcdef" } as const;
  const row = (name: string, ...beside: string[]): CaseReport => ({
    name,
    question: name,
    unit: "ns",
    ...side,
    perSecond: 1,
    references: Object.fromEntries(beside.map((other) => [other, { ...side, ratio: 1 }])),
  });
  const rows = [row("a", "x"), row("b", "z"), row("c", "y"), row("d", "y", "x"), row("e")];
  const names = familiesOf(rows).map((family) => family.map(({ name }) => name));
  expect(names).toEqual([["a", "c", "d"], ["b"], ["e"]]);
});
