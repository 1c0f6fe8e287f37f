// Sides that are processes: they do the same work as ours, by the outcome of each case.
//
// Where a program was not built, for want of gcc or of Linux, its side is left out, here as there.

import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { BenchCase } from "../../bench/case.ts";
import { CASES } from "../../bench/cases.ts";
import { compare, HashMismatch } from "../../bench/compare.ts";
import {
  NATIVE_SIDES,
  NativeRunner,
  type NativeSide,
  nativeCases,
  programOf,
} from "../../bench/native-runner.ts";
import { LocalRunner, type Proof, type Runner } from "../../bench/runner.ts";
import { OURS, SIDES } from "../../bench/sides/all.ts";

const PLAN = { warmups: 0, rounds: 1, runs: 1, milliseconds: 0 };

const takesPart = (side: NativeSide, one: BenchCase) =>
  one.native !== undefined && nativeCases(side).includes(one.name);

const pairs = NATIVE_SIDES.flatMap((side) =>
  CASES.flatMap((one) => (takesPart(side, one) ? [{ side, one, name: one.name }] : [])),
);

describe.skipIf(pairs.length === 0)("a process", () => {
  test.each(pairs)("$side does the work of $name", async ({ side, one }) => {
    const theirs = new NativeRunner(programOf(side), one.name, (await one.native?.("test")) ?? []);
    const runners = new Map<string, Runner>([
      [OURS, new LocalRunner(one, SIDES[OURS], "test")],
      [side, theirs],
    ]);
    const { references } = await compare(one, runners, PLAN);
    expect(references[side]?.hash).toMatch(/^[0-9a-f]{8}$/);
    expect(references[side]?.median).toBeGreaterThan(0);
  });

  test.each(NATIVE_SIDES.filter((side) => nativeCases(side).length > 0))(
    "%s knows only cases that there are",
    (side) => {
      const names = CASES.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining([...nativeCases(side)]));
    },
  );

  test("one that cannot do it is left out, and what it said is told", async () => {
    const theirs = new NativeRunner(programOf("kernel"), "fault", [-1]);
    await expect(theirs.prove()).rejects.toThrow(/no answer to "prove"/);
    const [one] = CASES;
    if (one === undefined) throw new Error("there is no case");
    const told = once(process, "warning");
    const runners = new Map<string, Runner>([
      [OURS, new LocalRunner(one, SIDES[OURS], "test")],
      ["kernel", new NativeRunner(programOf("kernel"), "fault", [-1])],
    ]);
    const { references } = await compare(one, runners, PLAN);
    expect(references).toEqual({});
    expect(String(await told)).toMatch(/fault: without kernel: /);
  });
});

test("an outcome that differs is refused, whatever the hashes", async () => {
  const [one] = CASES;
  if (one === undefined) throw new Error("there is no case");
  const ours = new LocalRunner(one, SIDES[OURS], "test");
  const prove = async (): Promise<Proof> => ({ hash: null, outcome: "another", units: 64 });
  const theirs: Runner = { prove, round: async () => [1], close: async () => {} };
  const runners = new Map<string, Runner>([
    [OURS, ours],
    ["kernel", theirs],
  ]);
  await expect(compare(one, runners, PLAN)).rejects.toThrow(HashMismatch);
});
