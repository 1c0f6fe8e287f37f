// A process that is killed at any moment: is every byte that it reported as synced in the file?

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGE } from "../support/boot.ts";
import { prng, SEED } from "../support/prng.ts";

const WORKER = fileURLToPath(new URL("../support/kill-worker.mjs", import.meta.url));
const KILLS = Number(process.env["KILLS"] ?? 100);
/** Processes at once. */
const LANES = 2;
/** Reported lines before a kill, at most. */
const LINES_MAX = 60;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagebell-kill-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a page may hold: one byte throughout, or, where it was touched since, any mix of these. */
type Possible = Map<number, Set<number>>;

/** Starts a worker, kills it after `lines` lines, and follows what it had said by then. */
async function killed(path: string, seed: number, lines: number) {
  const child = spawn(process.execPath, [WORKER, path, String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const possible: Possible = new Map();
  let said = 0;
  let syncs = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [, page, byte] = /^touch (\d+) (\d+)$/.exec(line) ?? [];
    if (page !== undefined) touch(possible, Number(page), Number(byte));
    if (line === "synced") {
      syncs++;
      settle(possible);
    }
    said++;
    if (said === lines) child.kill("SIGKILL");
  }
  return { possible, syncs, said };
}

/** The bytes that were there may still be, until a sync: a page that was not there has none. */
function touch(possible: Possible, page: number, byte: number): void {
  const bytes = possible.get(page) ?? new Set<number>([0]);
  bytes.delete(byte);
  possible.set(page, bytes.add(byte));
}

/** What was written last is there, and nothing else. */
function settle(possible: Possible): void {
  for (const bytes of possible.values()) {
    const last = [...bytes].at(-1) ?? 0;
    bytes.clear();
    bytes.add(last);
  }
}

function lostIn(content: Uint8Array, possible: Possible): string[] {
  const lost: string[] = [];
  for (const [page, bytes] of possible) {
    const isDurable = bytes.size === 1;
    const here = content.subarray(page * PAGE, (page + 1) * PAGE);
    if (isDurable && here.byteLength < PAGE) lost.push(`page ${page} is cut off`);
    const wrong = here.find((byte) => !bytes.has(byte));
    if (wrong !== undefined) lost.push(`page ${page}: ${wrong}, not ${[...bytes]}`);
  }
  return lost;
}

describe("a process that is killed", () => {
  const title = `${KILLS} times, at any moment, has lost nothing that it had synced (SEED=${SEED})`;
  test(title, { timeout: 180_000 }, async () => {
    const random = prng(SEED);
    const plans = Array.from({ length: KILLS }, (_, index) => ({
      path: join(folder, `${index}`),
      seed: random.below(2 ** 31),
      lines: 1 + random.below(LINES_MAX),
    }));
    let syncs = 0;
    const lane = async () => {
      for (let plan = plans.pop(); plan !== undefined; plan = plans.pop()) {
        const seen = await killed(plan.path, plan.seed, plan.lines);
        const content = await readFile(plan.path);
        expect([plan, lostIn(content, seen.possible)]).toEqual([plan, []]);
        expect(seen.said).toBeGreaterThanOrEqual(plan.lines);
        syncs += seen.syncs;
        await rm(plan.path);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect(syncs).toBeGreaterThan(KILLS);
  });
});
