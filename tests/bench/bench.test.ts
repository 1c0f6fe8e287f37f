// Every benchmark, as small as it goes: the sides do the same work, and the report has its shape.
// No time is looked at.

import { describe, expect, test } from "vitest";
import { readArguments, UsageError } from "../../bench/arguments.ts";
import { runBench } from "../../bench/bench.ts";
import { type BenchCase, parameter } from "../../bench/case.ts";
import { CASES } from "../../bench/cases.ts";
import { compare, HashMismatch } from "../../bench/compare.ts";
import { GROWTH } from "../../bench/growth/cases.ts";
import { exponentOf, slopeOf } from "../../bench/growth/fit.ts";
import { measureGrowth } from "../../bench/growth/measure.ts";
import { LocalRunner, type Proof, type Runner } from "../../bench/runner.ts";
import { OURS, SIDE_NAMES, SIDES, type SideName } from "../../bench/sides/all.ts";
import { figuresOf } from "../../bench/statistics.ts";
import { createMachineSync } from "../../src/sync.ts";

const PLAN = { warmups: 0, rounds: 1, runs: 1, milliseconds: 0 };
const REFERENCES = SIDE_NAMES.filter((side) => side !== OURS);

const local = (one: BenchCase, side: SideName): Runner => new LocalRunner(one, SIDES[side], "test");

describe.each(CASES.map((one) => ({ name: one.name, one })))("$name", ({ one }) => {
  test("every side does the same work, and the report says so", async () => {
    const runners = new Map(SIDE_NAMES.map((side) => [side, local(one, side)]));
    const report = await compare(one, runners, PLAN);
    expect(report).toMatchObject({ name: one.name, question: one.question, unit: one.unit });
    expect(report.hash).toMatch(/^[0-9a-f]{16}$/);
    expect(report.median).toBeGreaterThan(0);
    expect(Object.keys(report.references)).toEqual(REFERENCES);
    for (const { hash, median, ratio } of Object.values(report.references)) {
      expect(hash).toBe(report.hash);
      expect(ratio).toBeCloseTo(median / report.median, 1);
    }
  });

  test("the hash is of the work, not of the run: it is the same each time", async () => {
    const first = await local(one, OURS).prove();
    expect(await local(one, OURS).prove()).toEqual(first);
    expect(first.units).toBeGreaterThan(0);
  });
});

test("hashes of different cases differ", async () => {
  const hashes = await Promise.all(CASES.map(async (one) => (await local(one, OURS).prove()).hash));
  // Mapping and unmapping and unmapping touched pages both end with nothing mapped, and differ.
  expect(new Set(hashes).size).toBe(hashes.length);
});

describe("a case whose figures would mean nothing", () => {
  test("is refused when one side did other work", async () => {
    const lying = (one: BenchCase, side: SideName): Runner => {
      const runner = local(one, side);
      if (side !== "js-map") return runner;
      const prove = async (): Promise<Proof> => ({ ...(await runner.prove()), hash: "another" });
      return { prove, round: (round) => runner.round(round), close: () => runner.close() };
    };
    const asked = readArguments(["--only", "map-unmap", "--size", "test"]);
    const { report, refused } = await runBench(asked, lying);
    expect(report.cases).toEqual([]);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toBeInstanceOf(HashMismatch);
    expect(refused[0]?.message).toContain("js-map another");
  });

  test("is an error when a timed run does other work than the one that was hashed", async () => {
    let run = 0;
    const unsteady: BenchCase = {
      name: "unsteady",
      question: "",
      unit: "ns/run",
      memory: () => 2 ** 20,
      prepare: () => ({ units: 1, setup: () => {}, run: () => run++, digest: () => {} }),
    };
    const runner = local(unsteady, OURS);
    await runner.prove();
    await expect(runner.round(PLAN)).rejects.toThrow(/other work/);
  });
});

describe("arguments", () => {
  test("name a case, or the beginning of several", async () => {
    const namesOf = async (only: string) => {
      const asked = readArguments(["--only", only, "--size", "test", "--rounds", "1"]);
      return (await runBench(asked, local)).report.cases.map(({ name }) => name);
    };
    expect(await namesOf("munmap")).toEqual(["munmap"]);
    expect(await namesOf("recording")).toEqual(["recording-private-1", "recording-fork-1"]);
  });

  test.each([
    [["--only", "nothing"], /no case "nothing"/],
    [["--size", "huge"], /"huge" is not a size/],
    [["--rounds", "0"], /"0" is not a number of rounds/],
    [["--save", "--only", "fault"], /full run of every case/],
    [["--profile", "v8"], /no side "v8"/],
    [["--what"], /--what/],
  ])("%j are refused", (args, why) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(why);
  });
});

test("a parameter has a value for each size, and the environment's when there is one", () => {
  const pages = parameter("BENCH_TEST_PAGES", { test: 3, full: 5 });
  expect([pages("test"), pages("full")]).toEqual([3, 5]);
  process.env["BENCH_TEST_PAGES"] = "7";
  expect(pages("full")).toBe(7);
  process.env["BENCH_TEST_PAGES"] = "seven";
  expect(() => pages("full")).toThrow(RangeError);
  delete process.env["BENCH_TEST_PAGES"];
});

test("a median lies between its quartiles", () => {
  expect(figuresOf([5, 1, 4, 2, 3])).toEqual({ median: 3, spread: [2, 4] });
  expect(figuresOf([1, 2]).median).toBe(1.5);
});

describe.each(GROWTH.map((one) => ({ name: one.name, one })))("$name", ({ one }) => {
  test("does the same work each time, and its report says how cost grows", async () => {
    const report = await measureGrowth(one, "test");
    expect(report.points.map(({ size }) => size)).toEqual(one.sizes.test);
    expect(report.exponent).toEqual(expect.any(Number));
    for (const size of one.sizes.test) {
      const work = one.prepare(
        createMachineSync({ memory: one.memory(size), overcommit: 2 ** 47 }),
        size,
      );
      work.setup();
      const first = work.run();
      work.setup();
      expect(work.run()).toBe(first);
    }
  });
});

test("an exponent is 1 for what is linear and 0 for what is flat", () => {
  const at = (size: number, median: number) => ({ size, median });
  expect(exponentOf([at(1, 5), at(10, 50), at(100, 500)])).toBeCloseTo(1);
  expect(exponentOf([at(1, 5), at(10, 5), at(100, 5)])).toBeCloseTo(0);
  expect(exponentOf([at(1, 5), at(10, 500)])).toBeCloseTo(2);
  expect(slopeOf([at(1, 5), at(11, 25)])).toBe(2);
});
