// The benchmarks as they are run: sides in workers, one JSON object, and what is made of it.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NATIVE_SIDES, nativeCases } from "../../bench/native-runner.ts";
import type { BenchReport } from "../../bench/report.ts";
import { jsonText, newestReport, withTable } from "../../bench/results.ts";
import { ROOT } from "../../bench/root.ts";
import { SIDE_NAMES } from "../../bench/sides/all.ts";
import { markdownTable, textTable } from "../../bench/table.ts";
import { MACHINE, SIDE } from "./figures.ts";

const MAIN = join(ROOT, "build/bench/main.js");
const README = join(ROOT, "README.md");

const REPORT: BenchReport = {
  machine: MACHINE,
  cases: [
    {
      name: "map-unmap",
      question: "map and unmap",
      unit: "ns/pair",
      ...SIDE,
      perSecond: 50_000_000,
      references: {
        "js-typed": { ...SIDE, median: 30, ratio: 1.5 },
        "js-map": { ...SIDE, median: 2_000, ratio: 100 },
      },
    },
    {
      name: "subscriber",
      question: "tell one",
      unit: "ns/subscriber",
      ...SIDE,
      perSecond: 50_000_000,
      references: { "bare-call": { ...SIDE, median: 5, ratio: 0.25 } },
    },
  ],
  growth: [
    {
      name: "fork-pages",
      question: "fork",
      of: "pages",
      wanted: 1,
      points: [
        { size: 1, median: 1_000, spread: [900, 1_100] },
        { size: 2_048, median: 2_048_000, spread: [2_000_000, 2_100_000] },
      ],
      exponent: 1,
      slope: 1_000,
      ratio: 2_048,
    },
  ],
  targets: [
    { name: "map-unmap, beside js-map", want: ">= 50", got: 100, met: true },
    { name: "another", want: "<= 1.01", got: 1.5, met: false },
  ],
};

function run(...args: string[]) {
  return spawnSync(process.execPath, ["--expose-gc", MAIN, ...args], { encoding: "utf8" });
}

test("--json prints one object of the agreed shape", () => {
  const { status, stdout, stderr } = run("--json", "--size", "test", "--only", "map-unmap");
  expect(stderr).toBe("bench: map-unmap\n");
  expect(status).toBe(0);
  const { machine, cases } = JSON.parse(stdout) as BenchReport;
  expect(machine).toMatchObject({ node: process.versions.node, cpu: expect.any(String) });
  expect(cases).toHaveLength(1);
  const [one] = cases;
  expect(one).toMatchObject({ name: "map-unmap", unit: "ns/pair", median: expect.any(Number) });
  const built = NATIVE_SIDES.filter((side) => nativeCases(side).includes("map-unmap"));
  expect(Object.keys(one?.references ?? {})).toEqual([...SIDE_NAMES.slice(1), ...built]);
  for (const [side, reference] of Object.entries(one?.references ?? {})) {
    expect(reference).toMatchObject({ median: expect.any(Number), ratio: expect.any(Number) });
    if (SIDE_NAMES.some((name) => name === side)) expect(reference.hash).toBe(one?.hash);
  }
});

test("--profile runs one side in one thread", () => {
  const args = ["--profile", "js-typed", "--size", "test", "--only", "map-unmap"];
  const { status, stdout, stderr } = run(...args);
  expect(stderr).toMatch(/^bench: map-unmap: [\d.]+ ns\/pair\n$/);
  const [head, ...rows] = stdout.split("\n");
  expect(head).toMatch(/^function +where +self +with callees$/);
  expect(rows.at(-2)).toBe("build/profile/map-unmap-js-typed.cpuprofile");
  expect(existsSync(join(ROOT, "build/profile/map-unmap-js-typed.cpuprofile"))).toBe(true);
  expect(status).toBe(0);
});

test("a wrong argument: what is wrong, how it is used, exit code 2", () => {
  const { status, stdout, stderr } = run("--only", "nothing");
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/no case "nothing"[\s\S]*usage: npm run bench/);
});

test("the tables say what was measured, where, and how it compares", () => {
  const rows = textTable(REPORT).split("\n");
  const [head, row, , pairs, pair] = rows.map((line) => line.split(/ {2,}/));
  const first = ["unit", "pagebell", "quartiles"];
  expect(head).toEqual(["case", ...first, "js-typed", "×", "js-map", "×"]);
  expect(row).toEqual(["map-unmap", "ns/pair", "20", "19–21", "30", "1.5", "2,000", "100"]);
  expect(pairs?.slice(0, 5)).toEqual(["case", ...first, "bare-call"]);
  expect(pair).toEqual(["subscriber", "ns/subscriber", "20", "19–21", "5", "0.25"]);
  const text = markdownTable(REPORT);
  expect(text).toContain("| map and unmap | 20 ns/pair | 50,000,000 | 30 | 1.5 | 2,000 | 100 |");
  expect(text).toContain("| tell one | 20 ns/subscriber | 50,000,000 | 5 | 0.25 |");
  expect(text).toContain("Node 20.0.0, a processor, an os, 2026-01-02.");
});

test("a report is kept as the formatter has it", () => {
  const text = jsonText(REPORT);
  expect(JSON.parse(text)).toEqual(REPORT);
  expect(text).toContain('"spread": [19, 21],\n');
});

test("a table goes between its markers and nowhere else", () => {
  const text = "before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n";
  const filled = withTable(text, REPORT);
  expect(filled).toMatch(
    /^before\n<!-- bench:begin -->\n\n\|[\s\S]*\n\n<!-- bench:end -->\nafter\n$/,
  );
  expect(filled).not.toContain("old");
  expect(withTable(filled, REPORT)).toBe(filled);
  expect(withTable("no markers", REPORT)).toBe("no markers");
});

test("the README's table is of the newest report that is kept", async () => {
  const report = await newestReport();
  expect(report).not.toBeNull();
  if (report === null || !existsSync(README)) return;
  const text = readFileSync(README, "utf8");
  expect(withTable(text, report)).toBe(text);
});
