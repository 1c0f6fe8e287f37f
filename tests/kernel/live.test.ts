// Does the engine do what the kernel underneath does, now, with operations nobody has seen before?
//
// It needs root and a kernel that the engine follows, so it runs only when it is asked for:
// KERNEL=1 npx vitest run tests/kernel. SEED=… records the same operations again.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseRecording } from "../../src/replay/recording.ts";
import { Replay } from "../../src/replay/replay.ts";
import { expectSame } from "../conformance/recordings.ts";
import { engineModule } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";

const RUN = fileURLToPath(new URL("../../scripts/run.mjs", import.meta.url));
const IS_WANTED = process.env["KERNEL"] === "1";
const PROFILES = [
  "private",
  "fork",
  "files",
  "mixed",
  "errors",
  "remove",
  "swap",
  "placement",
  "rare",
  "huge",
  "huge-tight",
];
const OPERATIONS = 2_000;
/** A recording has half a kilobyte for each operation; `placement` has large states. */
const BYTES_MAX = 256 * 2 ** 20;
/** Checking after every commit takes its time on a machine that is busy. */
const PATIENCE = 300_000;
const TRIES_MAX = 6;

if (!IS_WANTED) console.warn("skipped: the live kernel; set KERNEL=1, as root, to compare with it");

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function runRecorder(options: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const args = [RUN, "record", ...options];
    execFile(process.execPath, args, { maxBuffer: BYTES_MAX }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

async function record(options: readonly string[]): Promise<Outcome> {
  const outcome = await runRecorder(options);
  if (outcome.code !== 0) throw new Error(`record ended with ${outcome.code}: ${outcome.stderr}`);
  return outcome;
}

/**
 * A recording that came out the same twice. A machine short of memory takes pages away or moves
 * them while it is recorded; that is not an answer to any operation.
 */
async function undisturbed(profile: string): Promise<Outcome> {
  const asked = ["--profile", profile, "--seed", String(SEED), "--ops", String(OPERATIONS)];
  let last = await record(asked);
  for (let tries = 1; tries < TRIES_MAX; tries++) {
    const again = await record(asked);
    if (again.stdout === last.stdout) return again;
    last = again;
  }
  throw new Error(`${TRIES_MAX} recordings all differ: something else disturbs this kernel`);
}

/** Replays it with all checks; expects agreement in everything that it has. */
async function expectAgreement(name: string, { stdout, stderr }: Outcome): Promise<Replay> {
  const recording = parseRecording(name, stdout);
  const engine = engineModule("debug");
  const replay = new Replay(recording, { engine, follows: "as recorded" });
  await replay.run();
  const { notices } = replay.tally;
  const hasNotices = !stderr.includes("without notices");
  expectSame(replay);
  expect(notices.kernelPages > 0).toBe(hasNotices);
  if (hasNotices) expect(notices.extra).toBe(0);
  expect(replay.world.machine.check()).toBe(0);
  return replay;
}

describe.skipIf(!IS_WANTED)("the kernel that runs this", () => {
  test.each(PROFILES)(
    `agrees about ${OPERATIONS} operations of the profile %s (SEED=${SEED})`,
    async (profile) => {
      const outcome = await undisturbed(profile);
      const { tally } = await expectAgreement(`${profile}-${SEED}`, outcome);
      expect(tally.ops).toBe(OPERATIONS);
    },
    PATIENCE,
  );

  test(
    "agrees about a program that forks, execs and ends",
    async () => {
      const script = "for i in 1 2 3; do echo $i | sed s/1/2/ | sort; done";
      const { tally } = await expectAgreement(
        "program",
        await record(["--program", "--", "bash", "-c", script]),
      );
      expect(tally.ops).toBeGreaterThan(200);
      expect(tally.states).toBeGreaterThan(3);
    },
    PATIENCE,
  );
});

describe.skipIf(!IS_WANTED)("the recorder", () => {
  test.each([
    [["--profile", "vast"], "--profile"],
    [["--seed", "-1"], "--seed"],
    [["--ops", "0"], "--ops"],
    [["--span", "1e3"], "--span"],
    [["--state-every", ""], "--state-every"],
    [["--loud"], "--loud"],
    [["--program"], "--program"],
    [["7"], '"7"'],
  ])("refuses %j with 2, names it, and prints no line", async (options, name) => {
    const { code, stdout, stderr } = await runRecorder(options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(name);
  });

  test("has a state every so many operations, and one at the end", async () => {
    const options = ["--ops", "25", "--state-every", "10", "--seed", String(SEED)];
    const { stdout } = await runRecorder(options);
    const { events } = parseRecording("short", stdout);
    const states = events.flatMap(({ kind }, index) => (kind === "state" ? [index] : []));
    expect(states).toEqual([10, 21, 27]);
  });

  test("begins placement with the whole address space", async () => {
    const { stdout } = await runRecorder(["--profile", "placement", "--ops", "12"]);
    const { header, events } = parseRecording("short", stdout);
    expect(header.mmapBase).toBe(0x7ffff7fff000);
    expect(events[0]?.kind).toBe("start");
  });
});
