// The page of plots: of every report that is kept, and of nothing else.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pageOf } from "../../bench/plots/page.ts";
import type { BenchReport } from "../../bench/report.ts";
import { pageOfKept } from "../../bench/results.ts";
import { ROOT } from "../../bench/root.ts";
import { MACHINE, SIDE } from "./figures.ts";

const REPORT: BenchReport = {
  machine: { ...MACHINE, cpu: "a <processor>" },
  cases: [
    {
      name: "map-unmap",
      question: "map and unmap",
      unit: "ns/pair",
      ...SIDE,
      perSecond: 50_000_000,
      references: { "js-map": { ...SIDE, median: 2_000, ratio: 100 } },
    },
  ],
  growth: [
    {
      name: "fork-pages",
      question: "fork",
      of: "pages",
      wanted: 1,
      points: [
        { size: 1_024, median: 1_000, spread: [900, 1_100] },
        { size: 2_048, median: 2_000, spread: [1_900, 2_100] },
      ],
      exponent: 1.02,
      slope: 1_000,
      ratio: 2,
    },
  ],
  targets: [{ name: "map-unmap, beside js-map", want: ">= 500", got: 100, met: false }],
};

test("a report's rows, sides, curves and targets are on its page, and its machine", () => {
  const page = pageOf([REPORT]);
  expect(page).toContain("a &lt;processor&gt;, 2 cores, an os");
  expect(page).toContain("2026-01-02, Node 20.0.0");
  expect(page).toContain("<title>map-unmap, pair: pagebell 20 ns</title>");
  expect(page).toContain("<title>map-unmap, pair: js-map 2000 ns</title>");
  expect(page).toMatch(/fork-pages<\/b>: to the power of 1\.02; wanted: 1/);
  expect(page).toMatch(
    /map-unmap, beside js-map<td>&gt;= 500<td class="number">100<td class="missed"/,
  );
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).not.toContain("NaN");
});

test("several reports have their medians beside each other", () => {
  const older = { ...REPORT, machine: { ...REPORT.machine, date: "2025-12-31T00:00:00.000Z" } };
  const page = pageOf([REPORT, older]);
  expect(page).toContain("All reports");
  expect(page).toContain("<title>map-unmap, pair: 2025-12-31, Node 20.0.0 20 ns</title>");
  expect(page.match(/<svg/g)).toHaveLength(5);
});

test("the page that is kept is of the reports that are kept", async () => {
  const path = join(ROOT, "bench/results/index.html");
  if (!existsSync(path)) return;
  expect(readFileSync(path, "utf8")).toBe(await pageOfKept());
});
