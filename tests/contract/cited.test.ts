// The lists of docs/contract.md: every sentence of the patch with its test, every test of the patch
// with its sentence, and every file that is named is there.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Citation, citationsOf, missingIn, testsIn } from "./table/citations.ts";

const TESTS = new URL("../", import.meta.url);
const read = (name: string) => readFileSync(new URL(`../docs/${name}`, TESTS), "utf8");
const contract = read("contract.md");
const citations: readonly Citation[] = citationsOf(contract);

/** Files of tests that are named, as `folder/file`. */
function filesIn(text: string): string[] {
  const folders = readdirSync(TESTS, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  const named = new RegExp(`\`((?:${folders.join("|")})/[a-z0-9/-]+)\``, "g");
  return [...new Set([...text.matchAll(named)].map(([, file = ""]) => file))];
}

function isThere(file: string): boolean {
  return ["", ".ts", ".test.ts", ".spec.ts"].some((end) => existsSync(new URL(file + end, TESTS)));
}

describe("docs/contract.md", () => {
  test("cites tests that are there", () => {
    expect(citations.length).toBeGreaterThan(50);
    expect(citations.flatMap(missingIn)).toEqual([]);
  });

  test("has a test for each sentence, call site and mistake", () => {
    const [, after = ""] = contract.split("## The patch of 2008, sentence by sentence\n");
    const [part = ""] = after.split("\n## ");
    const rows = part.split("\n").filter((line) => /^\| (?!---)(?!.* \| test \|$)/.test(line));
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((row) => citationsOf(row).length === 0)).toEqual([]);
  });

  test("has every test that quotes the patch", () => {
    const files = readdirSync(new URL("contract", TESTS)).filter((name) => /^patch/.test(name));
    expect(files.length).toBeGreaterThan(4);
    for (const name of files) {
      const file = `contract/${name.replace(".test.ts", "")}`;
      const words = citations.flatMap((one) => (one.file === file ? one.words : []));
      const isCited = (name: string) => words.some((some) => name.includes(some));
      const uncited = testsIn(file).filter((name) => !isCited(name));
      expect({ file, uncited }).toEqual({ file, uncited: [] });
    }
  });

  test("has a scenario for every bug that is replayed, and none besides", () => {
    const replayed = ["race/bugs", "race/bugs-later"]
      .flatMap(testsIn)
      .flatMap((name) => [...(name.split(":")[0] ?? "").matchAll(/\bB\d+/g)].map(([bug]) => bug));
    const listed = contract.split("\n").flatMap((line) => {
      const [, from, to] = /^\| B(\d+)(?:–B(\d+))?/.exec(line) ?? [];
      if (from === undefined) return [];
      const first = Number(from);
      const last = Number(to ?? from);
      const range = Array.from({ length: last - first + 1 }, (_, index) => `B${first + index}`);
      return [...range, ...(/^\| B\d+, (B\d+)/.exec(line)?.slice(1) ?? [])];
    });
    expect([...new Set(listed)].sort()).toEqual([...new Set(replayed)].sort());
    expect(new Set(listed).size).toBe(30);
  });
});

test.each(["contract.md", "operations.md", "invariants-shell.md"])(
  "docs/%s names files of tests that are there",
  (name) => {
    const files = filesIn(read(name));
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !isThere(file))).toEqual([]);
  },
);
