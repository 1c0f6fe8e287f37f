// numbered: each invariant of the engine has a number, a checker and a test, and the lists agree.
//
//   header   //   V3  A slot's gap is the largest …      assembly/map/area-node.ts
//   checker  /** V3: the gap of a slot. */ Gap = 213,    assembly/map/check-area-tree.ts
//   test     test("V3: a gap that is larger …            tests/engine/map/check-area-tree.spec.ts
//   row      | V3 | A slot's gap … | … | 213 | … |       docs/invariants.md

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSources, type Source } from "../scripts/tidy/source.ts";

/** One line of a list: what it says of an invariant, and where. */
interface Entry {
  readonly number: string;
  readonly says: string;
  readonly path: string;
}

interface Row {
  readonly number: string;
  readonly holds: string;
  readonly module: string;
  readonly checkers: readonly string[];
  readonly tests: readonly string[];
}

const NUMBERS = String.raw`[A-Z]\d+(?:, [A-Z]\d+)*`;
/** Layout's checker answers with the invariant's own digit, not with an enum. */
const LAYOUT_CHECKS = ["Y1", "Y3", "Y4"];
/** What the table says is nobody's to recount, and why, below it. */
const UNCHECKED = ["J1", "K1", "K2", "Y2"];
const UNTESTED = ["K1"];

const sources = readSources();

function sourcesIn(folder: string, name: RegExp): Source[] {
  return sources.filter(({ path }) => path.startsWith(folder) && name.test(path));
}

/** The invariants of a header: a number, and a sentence that may go on in the next lines. */
function headerOf({ path, text }: Source): Entry[] {
  return [...text.matchAll(/^\/\/ {3}([A-Z]\d+) {2}(.*(?:\n\/\/ {7}\S.*)*)/gm)].map((match) => ({
    number: match[1] ?? "",
    says: (match[2] ?? "").replace(/\n\/\/ +/g, " "),
    path: path.replace("assembly/", ""),
  }));
}

/** What `pattern` finds: its first group a list of numbers, its second what is said of them. */
function entriesOf({ path, text }: Source, pattern: RegExp): Entry[] {
  return [...text.matchAll(pattern)].flatMap((match) =>
    (match[1] ?? "").split(", ").map((number) => ({ number, says: match[2] ?? "", path })),
  );
}

function rows(): Row[] {
  const text = readFileSync(new URL("../docs/invariants.md", import.meta.url), "utf8");
  return [...text.matchAll(/^\| ([A-Z]\d+) \| (.*) \| `(.*)` \| (.*) \| (.*) \|$/gm)].map(
    ([, number = "", holds = "", module = "", checkers = "", tests = ""]) => ({
      number,
      holds,
      module,
      checkers: checkers === "—" ? [] : checkers.split(", "),
      tests: tests === "—" ? [] : tests.replaceAll("`", "").split(", "),
    }),
  );
}

function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

/** What a list has for `number`. */
function of(number: string, entries: readonly Entry[], key: "says" | "path"): string[] {
  return sorted(entries.filter((entry) => entry.number === number).map((entry) => entry[key]));
}

const headers = sourcesIn("assembly/", /\.ts$/).flatMap(headerOf);
const checkers = sourcesIn("assembly/", /\/check[^/]*\.ts$/).flatMap((source) =>
  entriesOf(source, new RegExp(String.raw`/\*\* (${NUMBERS}): [^*]*\*/\s*\w+ = (\d+)`, "g")),
);
const tests = sourcesIn("tests/engine/", /\.spec\.ts$/).flatMap((source) =>
  entriesOf(
    { ...source, path: source.path.slice("tests/engine/".length, -".spec.ts".length) },
    new RegExp(String.raw`test\(\s*(?:seeded\()?"(${NUMBERS}):`, "g"),
  ),
);
const table = rows();

describe("numbered: the invariants of the engine", () => {
  test("a number means one thing", () => {
    const numbers = headers.map(({ number }) => number);
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
    expect(numbers.length).toBeGreaterThan(60);
  });

  test("the table has the headers' sentences, all of them, and no others", () => {
    const inTable = table.map(({ number, holds, module }) => `${number} ${module}: ${holds}`);
    const inHeaders = headers.map(({ number, says, path }) => `${number} ${path}: ${says}`);
    expect(inTable.sort()).toEqual(inHeaders.sort());
  });

  test("each has a checker with a number, or the table says why not", () => {
    for (const { number, checkers: told } of table) {
      if (LAYOUT_CHECKS.includes(number)) expect(told).toEqual([number.slice(1)]);
      else
        expect({ number, told: sorted(told) }).toEqual({
          number,
          told: of(number, checkers, "says"),
        });
    }
    const unchecked = table.filter((row) => row.checkers.length === 0).map((row) => row.number);
    expect(unchecked.sort()).toEqual(UNCHECKED);
  });

  test("a checker's number means the same wherever it is answered", () => {
    const known = new Set(headers.map(({ number }) => number));
    expect(checkers.filter(({ number }) => !known.has(number))).toEqual([]);
  });

  test("each has a test that is named after it, in the files that the table names", () => {
    for (const { number, tests: told } of table) {
      expect({ number, told: sorted(told) }).toEqual({ number, told: of(number, tests, "path") });
    }
    const untested = table.filter((row) => row.tests.length === 0).map((row) => row.number);
    expect(untested.sort()).toEqual(UNTESTED);
  });
});

/** "B1–B4", "L1, L2", "S1–S3": every number. */
function expand(cell: string): string[] {
  return cell.split(", ").flatMap((part) => {
    const [, letter = "", from = "", to = from] = /^([A-Z])(\d+)(?:–[A-Z](\d+))?$/.exec(part) ?? [];
    const count = Number(to) - Number(from) + 1;
    return Array.from({ length: count }, (_, index) => `${letter}${Number(from) + index}`);
  });
}

describe("numbered: the invariants of the shell", () => {
  const text = readFileSync(new URL("../docs/invariants-shell.md", import.meta.url), "utf8");
  const shell = sourcesIn("src/", /\.ts$/).flatMap(({ path, text: source }) =>
    [...source.matchAll(/^\/\/ {3}([A-Z]\d+) {1,2}\S/gm)].map(([, number = ""]) => ({
      number,
      path: path.replace("src/", ""),
    })),
  );
  const listed = [...text.matchAll(/^\| ([A-Z]\d\S*(?:, [A-Z]\d+)*) \| .* \| (`.*`) \| .* \|$/gm)];

  test("a number means one thing, in code and in the list", () => {
    const inCode = shell.map(({ number }) => number);
    const inList = listed.flatMap(([, cell = ""]) => expand(cell));
    expect(inCode.filter((number, index) => inCode.indexOf(number) !== index)).toEqual([]);
    expect(inList.sort()).toEqual(inCode.sort());
    expect(inCode.length).toBeGreaterThan(90);
  });

  test("the list names the file", () => {
    for (const { number, path } of shell) {
      const row = listed.find(([, cell = ""]) => expand(cell).includes(number));
      expect({ number, where: row?.[2] }).toEqual({ number, where: expect.stringContaining(path) });
    }
  });
});
