// What becomes of the bytes between the end of a file and the end of its last page, which a mapping
// can write to? The answers are those of Linux 6.18: ext4 for `disk`, a memfd for `memory`.

import { expect, test } from "vitest";
import { MAP_FIXED, MAP_SHARED, MS_ASYNC, MS_SYNC } from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import type { Mm } from "../../src/mm.ts";
import { BASE, boot, PAGE, READ_WRITE } from "../support/boot.ts";

const SIZE = 5_000;
/** Bytes of the last page, before its end and beyond, that a mapping wrote. */
const MARKED = [4_150, 4_600, 5_000, 5_500, 6_000, 8_191];

type Change = (file: File, mm: Mm) => unknown;

/** The bytes at `MARKED` after `change`: "x" as they were, "0" zero. */
function after(kind: "disk" | "memory", change: Change): string {
  const { machine, mm } = boot();
  const file = machine.createFile({ kind, size: SIZE });
  mm.mmapSync(BASE, 4 * PAGE, READ_WRITE, MAP_FIXED | MAP_SHARED, file);
  for (const at of MARKED) mm.writeSync(BASE + at, Uint8Array.of(120));
  change(file, mm);
  expect(machine.check()).toBe(0);
  return MARKED.map((at) => (mm.readSync(BASE + at, 1)[0] === 120 ? "x" : "0")).join("");
}

const write = (at: number, bytes = 1): Change => {
  return (file) => file.writeSync(at, new Uint8Array(bytes).fill(120));
};
const punch = (start: number, length: number): Change => {
  return (file) => file.punchSync(start, length);
};
const truncate = (size: number): Change => {
  return (file) => file.truncateSync(size);
};

const CASES: readonly [string, Change, string, string][] = [
  ["truncate to 7,000", truncate(7_000), "xx0000", "xxxxxx"],
  ["truncate to 16,384", truncate(16_384), "xx0000", "xxxxxx"],
  ["write at 6,500", write(6_500), "xx000x", "xxxxxx"],
  ["write at 10,000", write(10_000), "xx0000", "xxxxxx"],
  ["write at 5,000, where it ends", write(5_000), "xxxxxx", "xxxxxx"],
  ["write across its end", write(4_999, 2), "xxxxxx", "xxxxxx"],
  ["punch below its end", punch(4_100, 100), "0xxxxx", "0xxxxx"],
  ["punch up to its end", punch(4_500, 500), "x0xxxx", "x0xxxx"],
  ["punch one byte beyond", punch(4_500, 501), "x00000", "x00xxx"],
  ["punch beyond its end", punch(5_200, 400), "xxxxxx", "xxx0xx"],
  ["punch from its end on", punch(5_000, 100), "xxxxxx", "xx0xxx"],
  ["msync, MS_SYNC", (_file, mm) => mm.msyncSync(BASE, 4 * PAGE, MS_SYNC), "xx0000", "xxxxxx"],
  ["msync, MS_ASYNC", (_file, mm) => mm.msyncSync(BASE, 4 * PAGE, MS_ASYNC), "xxxxxx", "xxxxxx"],
  ["fsync", (file) => file.syncSync(), "xx0000", "xxxxxx"],
  ["punch the page", punch(4_096, 4_096), "000000", "000000"],
];

test.each(CASES)("%s", (_name, change, disk, memory) => {
  expect([after("disk", change), after("memory", change)]).toEqual([disk, memory]);
});
