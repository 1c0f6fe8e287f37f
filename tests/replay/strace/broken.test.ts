// Whatever happens to a log on its way: it is read line by line, or refused with one clear word.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RecordingError } from "../../../src/replay/recording.ts";
import { readReplayable } from "../../../src/replay/source.ts";
import { StraceReplay } from "../../../src/replay/strace/replay.ts";
import type { Touch } from "../../../src/replay/strace/touch.ts";
import { engineModule } from "../../support/boot.ts";
import { SEED } from "../../support/prng.ts";
import { A, ANON } from "./support.ts";

const READ_RUNS = 300;
const REPLAY_RUNS = 40;
const NEITHER = /: it is neither a recording \(mm-run\/1\) nor an strace log$|: not JSON: |:1: /;

const fixture = new URL("../../fixtures/straces/bash.strace", import.meta.url);
const WHOLE = readFileSync(fixture, "utf8").split("\n");

/** Lines of every kind, so that damage meets all of the reader. */
const LINES = [
  ...WHOLE.slice(0, 25),
  `23667 clone(child_stack=0x1, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, tls=0x0) = 23700`,
  `[pid 23700] 1700000000.123456 mmap(NULL, 65536, ${ANON} <unfinished ...>`,
  `[pid 23667] mmap(${A}, 8192, PROT_WRITE, MAP_SHARED|MAP_FIXED, 3</dev/shm/x>, 0) = ${A}`,
  "[pid 23700] <... mmap resumed>) = 0x7f2200000000 <0.000012>",
  "23667 mremap(0x7f2200000000, 65536, 131072, MREMAP_MAYMOVE) = 0x7f3300000000",
  `23667 mprotect(${A}, 4096, PROT_READ) = 0`,
  `23667 madvise(${A}, 8192, MADV_DONTNEED) = 0`,
  `23667 mlock2(${A}, 8192, MLOCK_ONFAULT) = -1 ENOMEM (Cannot allocate memory)`,
  'memfd_create("m", MFD_CLOEXEC) = 7</memfd:m (deleted)>',
  "ftruncate(7, 65536) = 0",
  "fallocate(7, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 4096, 8192) = 0",
  "shmget(IPC_PRIVATE, 10000, IPC_CREAT|0600) = 8",
  "shmat(8, NULL, 0) = 0x7f4400000000",
  "shmdt(0x7f4400000000) = 0",
  "mlockall(MCL_CURRENT|MCL_FUTURE) = 0",
  ...WHOLE.slice(48, 70),
  "23700 +++ superseded by execve in pid 23667 +++",
];

const piece = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    "<unfinished ...>",
    " resumed>",
    "0xffffffffffffffff",
    "-1",
    "|",
    "\n",
    "{",
    "<",
    '"',
  ),
  fc.constantFrom("99999999999999999999", "= ?", "0x7fffffffffff", "fork() = 23667", "[pid 0] "),
);

/** One damage: of `line`, from a point of it on, so many letters become something else. */
const damage = fc.record({
  line: fc.nat({ max: LINES.length - 1 }),
  from: fc.nat({ max: 120 }),
  letters: fc.nat({ max: 40 }),
  piece,
});

const broken = fc.record({
  damages: fc.array(damage, { maxLength: 30 }),
  gone: fc.array(fc.nat({ max: LINES.length - 1 }), { maxLength: 20 }),
  length: fc.nat({ max: LINES.join("\n").length * 2 }),
  touch: fc.constantFrom<Touch>("none", "read", "write"),
});

type Broken = typeof broken extends fc.Arbitrary<infer T> ? T : never;

function textOf({ damages, gone, length }: Broken): string {
  const lines: (string | null)[] = [...LINES];
  for (const { from, letters, line, piece: put } of damages) {
    const text = lines[line] ?? "";
    lines[line] = text.slice(0, from) + put + text.slice(from + letters);
  }
  for (const line of gone) lines[line] = null;
  return lines
    .filter((line) => line !== null)
    .join("\n")
    .slice(0, length);
}

async function readBroken(text: string) {
  try {
    return await readReplayable("broken", new TextEncoder().encode(text));
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    expect(error.message).toMatch(NEITHER);
    return null;
  }
}

function linesOf(text: string): number {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.length - 1 : lines.length;
}

describe("a log that is broken", () => {
  test(`R15, R17: is read, every line counted once (SEED=${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(broken, async (given) => {
        const text = textOf(given);
        const found = await readBroken(text);
        if (found?.kind !== "strace") return;
        const { total, ...fates } = found.log.lines;
        expect(total).toBe(linesOf(text));
        expect(Object.values(fates).reduce((sum, count) => sum + count, 0)).toBe(total);
      }),
      { seed: SEED, numRuns: READ_RUNS },
    );
  });

  test(`is replayed, and nobody is left behind (SEED=${SEED})`, async () => {
    const engine = engineModule("release");
    await fc.assert(
      fc.asyncProperty(broken, async (given) => {
        const found = await readBroken(textOf(given));
        if (found?.kind !== "strace") return;
        const run = new StraceReplay(found.log, { engine, touch: given.touch, memory: 2 ** 25 });
        const report = await run.run();
        expect(report.exporter.violations).toBe(0);
        expect(report.agreed + report.disagree.errno + report.disagree.address).toBe(report.ops);
        expect(report.fault).toBeNull();
      }),
      { seed: SEED, numRuns: REPLAY_RUNS },
    );
  });

  test("cut off anywhere, it is read or refused", async () => {
    const text = LINES.slice(0, 6).join("\n");
    for (let length = 0; length <= text.length; length++) {
      const found = await readBroken(text.slice(0, length));
      if (found?.kind === "strace") expect(found.log.lines.total).toBeGreaterThan(0);
    }
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["blank lines", "\n\n\n"],
    ["words", "these are\nnot the lines\n"],
    ["a program", 'int main(void) {\n  printf("x");\n}\n'],
    ["half a call", "23667 execve("],
  ])("%s is neither", async (_what, text) => {
    await expect(readReplayable("some", new TextEncoder().encode(text))).rejects.toThrow(
      "some: it is neither a recording (mm-run/1) nor an strace log",
    );
  });

  test("bytes that are no text stand in the way of nothing", async () => {
    const lines = [new TextEncoder().encode('write(1, "'), Uint8Array.of(0xff, 0xfe)];
    const rest = new TextEncoder().encode(`", 2) = 2\nmmap(NULL, 4096, ${ANON}) = ${A}\n`);
    const found = await readReplayable("bytes", Buffer.concat([...lines, rest]));
    expect(found.kind === "strace" && found.log.lines).toMatchObject({ total: 2, operations: 1 });
  });

  test("what begins as a recording is told what is wrong with it", async () => {
    const begun = readReplayable("some", new TextEncoder().encode('{"format":"mm-run/1"\n{}\n'));
    await expect(begun).rejects.toThrow("some:1: not JSON: ");
  });
});
