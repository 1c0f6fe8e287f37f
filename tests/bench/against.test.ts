// A report beside an earlier one: ratios are compared, and only of the same work.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { changesSince, changesTable, isWorse } from "../../bench/against.ts";
import type { CaseReport } from "../../bench/report.ts";
import { ROOT } from "../../bench/root.ts";

const MAIN = join(ROOT, "build/bench/main.js");
const HASH = "0123456789abcdef";

/** A case that takes 10, beside references that take so many times as long. */
function report(ratios: Readonly<Record<string, number>>, hash = HASH) {
  const side = (median: number) => ({ median, spread: [median, median] as const, hash });
  const references = Object.fromEntries(
    Object.entries(ratios).map(([name, ratio]) => [name, { ...side(10 * ratio), ratio }]),
  );
  const one: CaseReport = {
    name: "munmap",
    question: "",
    unit: "ns/page",
    ...side(10),
    perSecond: 1,
    references,
  };
  return { cases: [one] };
}

const changeOf = (...[earlier, now]: readonly ReturnType<typeof report>[]) =>
  changesSince(earlier as ReturnType<typeof report>, now as ReturnType<typeof report>, true)[0];

describe("a case", () => {
  test.each([
    [2, 1.7, "slower"],
    [2, 1.75, "same"],
    [2, 2.2, "same"],
    [2, 2.4, "faster"],
  ])("whose ratio was %d and is %d is %s", (before, now, verdict) => {
    const change = changeOf(report({ "js-typed": before }), report({ "js-typed": now }));
    expect(change).toMatchObject({ side: "js-typed", before, now, verdict });
  });

  test("is measured by C where both have it, else by typed arrays, else by what both have", () => {
    const all = { kernel: 9, "js-map": 5, "js-typed": 3, c: 1 };
    expect(changeOf(report(all), report(all))?.side).toBe("c");
    const { c: _, ...rest } = all;
    expect(changeOf(report(all), report(rest))?.side).toBe("js-typed");
    expect(changeOf(report({ kernel: 9, "js-map": 5 }), report({ "js-map": 5 }))?.side).toBe(
      "js-map",
    );
    expect(changesSince(report({ kernel: 9 }), report({ c: 1 }), true)).toEqual([]);
  });

  test("that did other work is not compared, and is no good", () => {
    const change = changeOf(report({ c: 1 }), report({ c: 1 }, "another"));
    expect(change?.verdict).toBe("other work");
    expect([change].filter((one) => one !== undefined && isWorse(one))).toHaveLength(1);
  });

  test("that only one report has is left out", () => {
    expect(changesSince({ cases: [] }, report({ c: 1 }), true)).toEqual([]);
  });
});

test("the table says what has changed, by what measure", () => {
  const [, row] = changesTable(changesSince(report({ c: 2 }), report({ c: 1 }), true)).split("\n");
  expect(row?.split(/ {2,}/)).toEqual(["munmap", "slower, by c", "2", "1", "2"]);
});

describe("--compare", () => {
  const bench = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ["--expose-gc", MAIN, "--size", "test", "--only", "munmap", ...args],
      {
        encoding: "utf8",
      },
    );

  test("of a tiny run looks at hashes only", () => {
    const folder = mkdtempSync(join(tmpdir(), "pagebell-bench-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "earlier.json");
    const { stdout } = bench("--json");
    writeFileSync(path, stdout);
    const same = bench("--compare", path);
    expect(same.stdout).toMatch(/munmap +same, by/);
    expect(same.status).toBe(0);
    writeFileSync(path, stdout.replaceAll(/"hash":"[0-9a-f]{16}"/g, `"hash":"${HASH}"`));
    const other = bench("--compare", path);
    expect(other.stdout).toMatch(/munmap +other work, by/);
    expect(other.status).toBe(1);
  });

  test("with what is no report is a wrong argument", () => {
    const { status, stderr } = bench("--compare", join(ROOT, "package.json"));
    expect(stderr).toMatch(/package\.json is not a report/);
    expect(status).toBe(2);
  });
});
