// Does the engine do what the kernel underneath does, now, with operations nobody has seen before?
//
// It needs root and a kernel that the engine follows, so it runs only when it is asked for:
// KERNEL=1 npx vitest run tests/kernel. SEED=… records the same operations again.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseRecording } from "../../src/replay/recording.ts";
import { Replay } from "../../src/replay/replay.ts";
import { engineModule } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";

const RUN = fileURLToPath(new URL("../../scripts/run.mjs", import.meta.url));
const IS_WANTED = process.env["KERNEL"] === "1";
const OPERATIONS = 3_000;
/** A recording has half a kilobyte for each operation. */
const BYTES_MAX = 64 * 2 ** 20;
/** Checking after every commit takes its time on a machine that is busy. */
const PATIENCE = 300_000;
const TRIES_MAX = 4;

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

/** One recording of this kernel, as text. */
async function record(profile: string): Promise<string> {
  const asked = ["--profile", profile, "--seed", String(SEED), "--ops", String(OPERATIONS)];
  const { code, stdout, stderr } = await runRecorder(asked);
  if (code !== 0) throw new Error(`record ended with ${code}: ${stderr}`);
  return stdout;
}

/**
 * A recording that came out the same twice. A machine short of memory takes pages away or moves
 * them while it is recorded; that is not an answer to any operation.
 */
async function undisturbed(profile: string): Promise<string> {
  let last = await record(profile);
  for (let tries = 1; tries < TRIES_MAX; tries++) {
    const again = await record(profile);
    if (again === last) return again;
    last = again;
  }
  throw new Error(`${TRIES_MAX} recordings all differ: something else disturbs this kernel`);
}

describe.skipIf(!IS_WANTED)("the kernel that runs this", () => {
  test.each(["fork", "files"])(
    `agrees about ${OPERATIONS} operations of the profile %s (SEED=${SEED})`,
    async (profile) => {
      const recording = parseRecording(`${profile}-${SEED}`, await undisturbed(profile));
      const replay = new Replay(recording, { engine: engineModule("debug") });
      await replay.run();
      const { ops, first, disagree } = replay.tally;
      expect({ ops, first, ...disagree }).toEqual({
        ops: OPERATIONS,
        first: null,
        result: 0,
        maps: 0,
        pages: 0,
        data: 0,
      });
      expect(replay.exporter.violations).toBe(0);
      expect(replay.world.machine.check()).toBe(0);
    },
    PATIENCE,
  );
});

describe.skipIf(!IS_WANTED)("the recorder", () => {
  test.each([
    [["--profile", "huge"], "--profile"],
    [["--seed", "-1"], "--seed"],
    [["--ops", "0"], "--ops"],
    [["--span", "1e3"], "--span"],
    [["--state-every", ""], "--state-every"],
    [["--loud"], "--loud"],
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
});
