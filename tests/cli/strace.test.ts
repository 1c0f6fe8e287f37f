// Does `pagebell replay` take an strace log: by its content, packed or not, from standard input?

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const PERL = fileURLToPath(new URL("../fixtures/straces/perl-fork.strace", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagebell-strace-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function replay(args: readonly string[], stdin: Uint8Array = new Uint8Array()) {
  const child = spawn(process.execPath, [MAIN, "replay", ...args]);
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
  return { code, stdout, stderr };
}

describe("pagebell replay of an strace log", () => {
  test("prints what happened, process by process", async () => {
    const { code, stdout, stderr } = await replay([PERL]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^lines +91$/m);
    expect(stdout).toMatch(/^ {2}answered as the kernel did +83$/m);
    expect(stdout).toMatch(/^23663 +perl +fork of 23662 +exited 0 +0 +0 +0 +36 +0$/m);
    expect(stdout).toContain("perl-fork: every call answered as it did, and nobody was left");
    expect(stdout).toContain("--touch read or --touch write fills what is mapped");
  });

  test("--json prints one object; a log from standard input, packed, is the same", async () => {
    const { code, stdout } = await replay(["--json", "--touch", "write", PERL]);
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      file: PERL,
      format: "strace",
      touch: "write",
      ops: 83,
      agreed: 83,
      disagree: { errno: 0, address: 0 },
      touched: { pages: 1505, refused: 0, leftOut: 0 },
      notices: { sent: 28, pages: 1511, releases: 2 },
      exporter: { peak: 3010, violations: 0 },
      notModelled: [],
      unknown: [],
      fault: null,
      first: null,
    });
    const piped = await replay(["--json", "--touch", "write", "-"], gzipSync(readFileSync(PERL)));
    const other = JSON.parse(piped.stdout);
    const { seconds, opsPerSecond } = report;
    expect({ ...other, file: PERL, seconds, opsPerSecond }).toEqual(report);
    expect(other.file).toBe("standard input");
  });

  test("--trace writes a trace", async () => {
    const path = join(folder, "trace.json");
    expect(await replay([PERL, "--trace", path])).toMatchObject({ code: 0 });
    const names = JSON.parse(readFileSync(path, "utf8")).traceEvents.map(
      ({ name }: { name: string }) => name,
    );
    expect(names).toContain("munmap");
    expect(names).toContain("exporter.invalidateProcessRange");
  });

  test("what is left over is shown with a line of it, and is no failure", async () => {
    const path = join(folder, "odd.log");
    writeFileSync(path, `${readFileSync(PERL, "utf8")}23662 mseal(0x1000, 4096, 0) = 0\nwords\n`);
    const { code, stdout } = await replay([path]);
    expect(code).toBe(0);
    expect(stdout).toContain("Not modelled:\n  1 × mseal, the first in line 92: mseal(");
    expect(stdout).toContain("  1 × a line that is no call, the first in line 93: words");
  });
});
