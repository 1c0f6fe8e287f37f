// Does the command line keep its word? Exit codes, what is on stdout, and the shape of its JSON.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { pathOf } from "../conformance/recordings.ts";
import { MAP, READ, STATE, SYNTHETIC, text, UNMAP, WRITE } from "../replay/lines.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagebell-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function pagebell(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

/** A file in a folder of its own, with these bytes. */
function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const GOOD = file("good.jsonl", text(SYNTHETIC, MAP, WRITE, READ, STATE, UNMAP));
const BAD = file("bad.jsonl", text(SYNTHETIC, MAP, { ...READ, ret: 1 }, UNMAP));
const BROKEN = file("broken.jsonl", text(SYNTHETIC, MAP, "{"));
const STRACE = file(
  "strace.log",
  "1234 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000\n",
);
const NEITHER = file("words.txt", "these are not the lines\n");

describe("pagebell conformance", () => {
  test("--json prints one object, of exactly this shape", async () => {
    const { code, stdout, stderr } = await pagebell("conformance", "--json", GOOD, GOOD);
    const { runs, total } = JSON.parse(stdout);
    const sums = {
      disagree: { result: 0, maps: 0, pages: 0, data: 0 },
      notices: { kernelPages: 1, missed: 0, extra: 0 },
    };
    const run = { file: GOOD, ops: 4, states: 1, ...sums, first: null };
    expect({ code, stderr, count: runs.length }).toEqual({ code: 0, stderr: "", count: 2 });
    expect(runs[0]).toEqual({ ...run, seconds: expect.any(Number) });
    expect(Object.keys(runs[0])).toEqual([
      "file",
      "ops",
      "states",
      "disagree",
      "notices",
      "seconds",
      "first",
    ]);
    expect(total).toEqual({
      ops: 8,
      states: 2,
      disagree: sums.disagree,
      notices: { kernelPages: 2, missed: 0, extra: 0 },
      seconds: expect.closeTo(runs[0].seconds + runs[1].seconds),
    });
  });

  test("exits with 1 on a disagreement, and says where the first one is", async () => {
    const { code, stdout } = await pagebell("conformance", "--json", BAD);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).runs[0]).toMatchObject({
      disagree: { result: 0, maps: 0, pages: 0, data: 1 },
      first: { line: 3, want: "read: 1", got: "read: 0" },
    });
  });

  test("without --json, prints a table and the first disagreement", async () => {
    const { code, stdout } = await pagebell("conformance", BAD);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ +ops +states +results +maps +pages +data/);
    expect(stdout).toContain(`${BAD}:3\n  want  read: 1\n  got   read: 0`);
  });

  test("reads a packed recording", async () => {
    const { code, stdout } = await pagebell("conformance", "--json", pathOf("synthetic/private-1"));
    const { total } = JSON.parse(stdout);
    expect({ code, states: total.states }).toEqual({ code: 0, states: 31 });
    expect(total.ops).toBeGreaterThan(1000);
  });

  test.each<[string, string[], string]>([
    ["a broken line", [BROKEN], `${BROKEN}:3: not JSON`],
    ["a broken line after a good file", [GOOD, BROKEN], `${BROKEN}:3: not JSON`],
    ["a file that is not there", [join(folder, "none.jsonl")], "ENOENT"],
    ["a folder", [folder], "EISDIR"],
    ["an strace log", [STRACE], "strace.log is an strace log; only recordings"],
    ["no file", [], "missing required argument"],
    ["an unknown option", ["--jsno", GOOD], "unknown option"],
  ])("exits with 2 on %s, nothing on stdout", async (_what, args, message) => {
    const { code, stdout, stderr } = await pagebell("conformance", "--json", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });
});

describe("pagebell replay", () => {
  test("prints what happened", async () => {
    const { code, stdout, stderr } = await pagebell("replay", GOOD);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^operations +4$/m);
    expect(stdout).toContain("good: as the kernel did it, and nobody was left behind");
  });

  test("prints where the engine and the kernel part", async () => {
    const { code, stdout } = await pagebell("replay", BAD);
    expect(code).toBe(0);
    expect(stdout).toContain("bad: line 3\n  the kernel   read: 1\n  the engine   read: 0");
  });

  test("--json prints the report", async () => {
    const { code, stdout } = await pagebell("replay", "--json", GOOD);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      file: GOOD,
      program: null,
      ops: 4,
      notices: { sent: 1, kernelPages: 1, missed: 0, extra: 0 },
      exporter: { peak: 1, violations: 0 },
      quarantined: 0,
      first: null,
    });
  });

  test("--trace writes a trace of every call and every notice", async () => {
    const path = join(folder, "trace.json");
    const { code } = await pagebell("replay", GOOD, "--trace", path);
    expect(code).toBe(0);
    const { traceEvents } = JSON.parse(readFileSync(path, "utf8"));
    const names = traceEvents.map(({ name }: { name: string }) => name);
    expect(names).toContain("munmap");
    expect(names).toContain("exporter.invalidateProcessRange");
  });

  test.each<[string, string[], string]>([
    ["a broken line", [BROKEN], `${BROKEN}:3: not JSON`],
    ["an unknown --touch", [STRACE, "--touch", "all"], "Allowed choices are none, read, write"],
    ["a file that is neither", [NEITHER], "neither a recording (mm-run/1) nor an strace log"],
    ["two files", [GOOD, GOOD], "too many arguments"],
  ])("exits with 2 on %s", async (_what, args, message) => {
    const { code, stdout, stderr } = await pagebell("replay", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("pagebell start", () => {
  test("replays the bundled programs, a holder told of everything, and reports", async () => {
    const { code, stdout, stderr } = await pagebell("start", "--json");
    const { recordings } = JSON.parse(stdout);
    expect({ code, stderr, count: recordings.length }).toEqual({ code: 0, stderr: "", count: 4 });
    for (const report of recordings) {
      expect(report).toMatchObject({
        disagree: { result: 0, maps: 0, pages: 0, data: 0 },
        exporter: { violations: 0 },
        first: null,
      });
      expect(report.notices.missed).toBe(0);
      expect(report.notices.sent).toBeGreaterThan(0);
      expect(report.faults).toBeGreaterThan(500);
      expect(report.peakFrames).toBeLessThanOrEqual(report.frames);
    }
  });

  test("for a person, a table: a column for each program and one for all", async () => {
    const { code, stdout } = await pagebell("start");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +bash +gcc +python-fork +redis +total$/m);
    expect(stdout).toMatch(/^ {2}missed by the engine( +0){5}$/m);
    expect(stdout).not.toContain("\u001b");
  });
});

describe("pagebell", () => {
  test("--version is the package's", async () => {
    const manifest = new URL("../../package.json", import.meta.url);
    const { version } = JSON.parse(readFileSync(manifest, "utf8"));
    expect(await pagebell("--version")).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test("--help names every verb", async () => {
    const { code, stdout } = await pagebell("--help");
    expect(code).toBe(0);
    for (const verb of ["start", "conformance", "replay", "bench"]) expect(stdout).toContain(verb);
  });

  test.each([[["fly"]], [[]]])("%j is no verb: exit code 2", async (args) => {
    expect(await pagebell(...args)).toMatchObject({ code: 2, stdout: "" });
  });
});
