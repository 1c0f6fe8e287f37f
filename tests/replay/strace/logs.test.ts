// Two logs of real programs, to the number: whatever changes here has to be understood.
//
// Where every page is touched the release build replays: checking all of the machine after each of
// tens of thousands of brackets says nothing that the others do not.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readReplayable } from "../../../src/replay/source.ts";
import { parseStrace } from "../../../src/replay/strace/log.ts";
import type { StraceReport } from "../../../src/replay/strace/report.ts";
import { engineModule } from "../../support/boot.ts";
import { replayed } from "./support.ts";

const textOf = (name: string) =>
  readFileSync(new URL(`../../fixtures/straces/${name}.strace`, import.meta.url), "utf8");
const RELEASE = { engine: engineModule("release"), debug: false };
const load = (name: string) => parseStrace(name, textOf(name));

/** What stays the same whatever is touched. */
function facts({ agreed, disagree, first, lines, ops, placement, presumedPages }: StraceReport) {
  return { agreed, disagree, first, lines, ops, placement, presumedPages };
}

const WELL = { disagree: { errno: 0, address: 0 }, first: null };
const NOTHING_LEFT = { blank: 0, messages: 0, notModelled: 0, unknown: 0 };

const BASH = {
  ...WELL,
  ops: 264,
  agreed: 264,
  placement: { asked: 132, agreed: 132 },
  presumedPages: 24,
  lines: { total: 368, operations: 314, followed: 33, otherCalls: 18, signals: 3, ...NOTHING_LEFT },
};

const PERL = {
  ...WELL,
  ops: 83,
  agreed: 83,
  placement: { asked: 19, agreed: 19 },
  presumedPages: 18,
  lines: { total: 91, operations: 83, followed: 5, otherCalls: 2, signals: 1, ...NOTHING_LEFT },
};

describe("bash.strace", () => {
  test.each([
    ["none", { sent: 102, pages: 0, releases: 16 }, 0, 0],
    ["read", { sent: 102, pages: 10_098, releases: 16 }, 15_178, 4229],
    ["write", { sent: 174, pages: 6842, releases: 16 }, 6668, 2264],
  ] as const)("--touch %s", async (touch, notices, pages, peak) => {
    const report = await replayed(load("bash"), { touch, ...RELEASE });
    expect(facts(report)).toEqual(BASH);
    expect(report.notices).toEqual(notices);
    expect(report.touched).toEqual({ pages, refused: 0, leftOut: 0 });
    expect(report.exporter).toEqual({ peak, violations: 0 });
    expect(report.quarantined).toBe(0);
  });

  test("process by process", async () => {
    const { processes } = await replayed(load("bash"), { touch: "write", ...RELEASE });
    expect(processes).toHaveLength(16);
    expect(processes[0]).toEqual({
      pid: 23667,
      parent: null,
      program: "/usr/bin/bash",
      began: "exec",
      ended: "exited 0",
      operations: { brk: 3, mmap: 25, mprotect: 4, munmap: 1, fork: 9 },
      agreed: 42,
      differed: 0,
      placement: { asked: 18, agreed: 18 },
      presumedPages: 6,
      notices: 84,
      noticedPages: 566,
      areas: 30,
      pages: 62,
    });
    expect(processes.filter(({ began }) => began === "fork")).toHaveLength(9);
    const sed = processes.filter(({ program }) => program === "/usr/bin/sed");
    expect(sed.map(({ pid, parent, areas }) => [pid, parent, areas])).toEqual([
      [23669, 23669, 41],
      [23672, 23672, 41],
      [23675, 23675, 41],
    ]);
  });

  test("with a holder that answers later, all is the same", async () => {
    const report = await replayed(load("bash"), { touch: "write", answersLater: true, ...RELEASE });
    expect(facts(report)).toEqual(BASH);
    expect(report.notices).toEqual({ sent: 174, pages: 6842, releases: 16 });
  });
});

describe("perl-fork.strace", () => {
  test.each([
    ["none", { sent: 17, pages: 0, releases: 2 }, 0],
    ["read", { sent: 17, pages: 726, releases: 2 }, 3089],
    ["write", { sent: 28, pages: 1511, releases: 2 }, 1505],
  ] as const)("--touch %s", async (touch, notices, pages) => {
    const report = await replayed(load("perl-fork"), {
      touch,
      ...(touch === "read" ? RELEASE : {}),
    });
    expect(facts(report)).toEqual(PERL);
    expect(report.notices).toEqual(notices);
    expect(report.touched.pages).toBe(pages);
    expect(report.exporter.violations).toBe(0);
  });
});

describe("the same calls, written otherwise", () => {
  const plain = textOf("bash").trimEnd().split("\n");
  const rewritten = (write: (line: string, index: number) => string) =>
    parseStrace("bash", plain.map(write).join("\n"));

  test.each<[string, (line: string, index: number) => string]>([
    ["[pid N]", (line) => line.replace(/^(\d+) /, "[pid $1] ")],
    ["-ttt", (line, at) => line.replace(/^(\d+) /, `$1 17000000${at % 10}0.123456 `)],
    ["-r", (line) => line.replace(/^(\d+) /, "[pid $1]      0.000042 ")],
    ["-T", (line) => (/ = \S/.test(line) ? `${line} <0.000042>` : line)],
    ["-i", (line) => line.replace(/^(\d+) /, "$1 [00007f0123456789] ")],
    ["without -y", (line) => line.replace(/(\d)<\/[^>]*>/g, "$1")],
    ["with CR LF", (line) => `${line}\r`],
  ])("%s", async (_what, write) => {
    expect(facts(await replayed(rewritten(write)))).toEqual(BASH);
  });

  test("packed with gzip, found by its content", async () => {
    const found = await readReplayable("log", gzipSync(textOf("bash")));
    expect(found.kind).toBe("strace");
    if (found.kind === "strace") expect(found.log.lines).toEqual(BASH.lines);
  });
});
