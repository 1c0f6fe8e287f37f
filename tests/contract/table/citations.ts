// Tests that a document names: `file` "words of a test's name", "words of another".

import { readFileSync } from "node:fs";

export interface Citation {
  /** Below tests/, without its ending. */
  readonly file: string;
  readonly words: readonly string[];
}

const TESTS = new URL("../../", import.meta.url);
const STRING = `${String.raw`(?:"([^"\n]+)"|'([^'\n]+)'|`}\`([^\`\\n]+)\`)`;
const TEST = new RegExp(String.raw`\btest\(\s*${STRING}`, "g");
const GROUP = new RegExp(String.raw`\bdescribe\(\s*${STRING}`, "g");
const EACH = new RegExp(String.raw`\]?\)\(\s*${STRING},`, "g");
/** A row of `test.each`: its name, perhaps a word, and what it does. */
const ROW = new RegExp(String.raw`\[\s*${STRING},(?:\s*"\w+",)?\s*\(`, "g");

function foundIn(file: string, patterns: readonly RegExp[]): string[] {
  const source = readFileSync(new URL(`${file}.test.ts`, TESTS), "utf8");
  const matches = patterns.flatMap((pattern) => [...source.matchAll(pattern)]);
  return matches.map(([, ...strings]) => strings.find(Boolean) ?? "");
}

/** Names of the tests of a file that are written out, each for itself. */
export function testsIn(file: string): string[] {
  return foundIn(file, [TEST]);
}

/** The same, with groups, with `test.each` and its rows. */
export function namesIn(file: string): string[] {
  return foundIn(file, [TEST, GROUP, EACH, ROW]);
}

export function citationsOf(text: string): Citation[] {
  return [...text.matchAll(/`([a-z/-]+)`((?:,? "[^"]+")+)/g)].map(([, file = "", list = ""]) => ({
    file,
    words: [...list.matchAll(/"([^"]+)"/g)].map(([, words = ""]) => words),
  }));
}

/** What is cited, and is in no name. */
export function missingIn({ file, words }: Citation): string[] {
  const names = namesIn(file);
  const missing = words.filter((some) => !names.some((name) => name.includes(some)));
  return missing.map((some) => `${file} "${some}"`);
}
