// The rules of the house, each by its name; scripts/tidy/ says how they are checked.

import { describe, expect, test } from "vitest";
import { checkLayers } from "../scripts/tidy/layers.ts";
import { afterRatchet } from "../scripts/tidy/ratchet.ts";
import { checkSize } from "../scripts/tidy/size.ts";
import { parseSource, readSources, type Violation } from "../scripts/tidy/source.ts";
import { checkSurface } from "../scripts/tidy/surface.ts";
import { checkWords } from "../scripts/tidy/words.ts";
import { EXPORT_NAMES } from "../src/engine/exports.ts";

const RULES = [
  "fits-a-screen",
  "one-noun",
  "hundred",
  "downhill",
  "one-caller",
  "only-reexports",
  "browser",
  "seeded",
  "no-any",
  "no-heap",
  "named",
  "no-machine",
  "surface",
  "no-imports",
];

const sources = readSources();
const violations: readonly Violation[] = [
  ...sources.flatMap((source) => [...checkSize(source), ...checkWords(source)]),
  ...checkLayers(sources),
  ...checkSurface(sources, Object.keys(EXPORT_NAMES)),
];

describe("the house is tidy", () => {
  test("every violation has a rule of the list", () => {
    expect(violations.map(({ rule }) => rule).filter((rule) => !RULES.includes(rule))).toEqual([]);
    expect(sources.length).toBeGreaterThan(50);
  });

  test("no exception is left over in the ratchet", () => {
    expect(afterRatchet(violations).filter((line) => line.startsWith("ratchet.json"))).toEqual([]);
  });

  test.each(RULES)("%s", (rule) => {
    expect(afterRatchet(violations.filter((violation) => violation.rule === rule))).toEqual([]);
  });
});

/** A line of source that breaks a rule, and where it would stand. */
const BROKEN: readonly [rule: string, path: string, text: string][] = [
  ["hundred", "src/a.ts", `// ${"x".repeat(100)}\n`],
  ["one-noun", "src/a.ts", "\n".repeat(401)],
  ["fits-a-screen", "src/a.ts", `function a() {${"\n".repeat(70)}}\n`],
  ["fits-a-screen", "tests/a.test.ts", `test("a", () => {${"\n".repeat(70)}});\n`],
  ["downhill", "assembly/mem/a.ts", 'import { b } from "../map/b";\n'],
  ["downhill", "assembly/abi.ts", 'import { b } from "./mem/b";\n'],
  ["downhill", "assembly/abi/a.ts", 'export { b } from "../mem/b";\n'],
  ["downhill", "src/a.ts", 'import { b } from "../assembly/abi/b.ts";\n'],
  ["downhill", "assembly/elsewhere/a.ts", 'export { b } from "../../src/b";\n'],
  ["downhill", "src/a.ts", 'import { b } from "../assembly/map/b.ts";\n'],
  ["one-caller", "src/a.ts", "wasm.mm_munmap(1, 2, 3);\n"],
  ["one-caller", "src/a.ts", "engine.commit(1);\n"],
  ["only-reexports", "src/b/index.ts", "export const a = 1;\n"],
  ["browser", "src/index.ts", 'import { readFile } from "node:fs";\n'],
  ["seeded", "tests/a.test.ts", "const a = Math.random();\n"],
  ["seeded", "tests/a.test.ts", "setTimeout(() => {}, 5);\n"],
  ["seeded", "tests/a.test.ts", 'import { setTimeout } from "node:timers/promises";\n'],
  ["no-any", "src/a.ts", "let a: any;\n"],
  ["no-heap", "assembly/op/a.ts", "const a = new Foo();\n"],
  ["no-heap", "assembly/op/a.ts", "const a = [1, 2];\n"],
  ["no-heap", "assembly/op/a.ts", "const a = () => 1;\n"],
  ["no-heap", "assembly/op/a.ts", "class A { @inline b(): void {} }\n"],
  ["named", "src/utils.ts", "\n"],
  ["no-machine", "docs/a.md", `see ${"/home"}/somebody/notes\n`],
];

describe("each rule sees what it is for", () => {
  test.each(BROKEN)("%s in %s", (rule, path, text) => {
    const source = parseSource(path, text);
    const found = [...checkSize(source), ...checkWords(source), ...checkLayers([source])];
    expect(found.map((violation) => violation.rule)).toContain(rule);
  });

  test("a chapter of tests may be longer than a screen", () => {
    const source = parseSource("tests/a.test.ts", `describe("a", () => {${"\n".repeat(90)}});\n`);
    expect(checkSize(source)).toEqual([]);
  });
});
