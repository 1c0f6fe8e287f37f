// Does a power cut, at any moment and whatever the disk had begun, leave every byte that was
// synced?

import { describe, expect, test } from "vitest";
import { boot, PAGE, pattern } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { FileHistory } from "../support/file-history.ts";
import { watchPromise } from "../support/holder.ts";
import { recordingBacking } from "../support/power-cut.ts";
import { prng, SEED } from "../support/prng.ts";
import { Dormitory } from "../support/sleeper.ts";

const RUNS = Number(process.env["RUNS"] ?? 1);
const STEPS = 80;
/** Many an answer is looked at, and looking at a disk takes long. */
const LONG = { timeout: 240_000 * RUNS };

/** A history on a disk that answers in any order, looked at after every answer and every step. */
async function live(seed: number, isSlow: boolean): Promise<number> {
  const random = prng(seed);
  const waiting = new Dormitory(random);
  const stored = pattern(0, 5 * PAGE + 100);
  const disk = recordingBacking({
    stored,
    sector: 1024,
    ...(isSlow ? { wait: () => waiting.sleep() } : {}),
  });
  const { machine, reports } = boot("");
  const file = await machine.openFile({ backing: disk });
  const history = new FileHistory(machine, file, stored, random);
  const survives = (times: number) => {
    if (!random.oneIn(times)) return;
    for (const image of disk.crashes(random, 3)) {
      expect([seed, history.lostIn(image)]).toEqual([seed, null]);
    }
  };
  for (let step = 0; step < STEPS; step++) {
    const doing = watchPromise(history.step());
    while (doing.state === "pending") {
      await settle();
      survives(8);
      if (doing.state === "pending") expect(await waiting.wakeOne()).toBe(true);
    }
    expect(doing.state).toBe("done");
    survives(2);
  }
  const last = watchPromise(history.settled());
  await settle();
  await waiting.wakeAll();
  expect(last.state).toBe("done");
  const reading = file.read(0, file.size);
  await settle();
  await waiting.wakeAll();
  expect(disk.current).toEqual(await reading);
  expect([disk.breaches, reports, machine.check()]).toEqual([[], [], 0]);
  return history.syncs;
}

describe("a power cut", () => {
  test(`one thing after another, on a disk that answers at once (SEED=${SEED})`, LONG, async () => {
    for (let run = 0; run < RUNS; run++) expect(await live(SEED + run, false)).toBeGreaterThan(5);
  });

  test(`on a disk that answers in any order (SEED=${SEED})`, LONG, async () => {
    for (let run = 0; run < RUNS; run++) expect(await live(SEED + run, true)).toBeGreaterThan(5);
  });
});
