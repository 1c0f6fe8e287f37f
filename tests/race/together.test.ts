// Everything at once: huge pages, merged, pinned, soft-dirty, locked, swapped and file pages,
// drivers' mappings and groups with limits, under holders that answer as they like and backings
// that answer late, or fail. Whatever meets whatever, every invariant holds after each step.
// A failure prints fast-check's seed and path; SEED=… repeats a run.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SEED } from "../support/prng.ts";
import { type Scene, scenes } from "./together/scene.ts";
import { Together } from "./together/world.ts";

const RUNS = Number(process.env["RUNS"] ?? 100);

async function play(scheduler: fc.Scheduler, scene: Scene): Promise<Together> {
  const world = new Together(scheduler, scene);
  for (const step of scene.steps) await world.step(step);
  await world.settle();
  return world;
}

describe("everything at once", () => {
  test(`whatever meets whatever, every invariant holds (SEED=${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), scenes, async (scheduler, scene) => {
        const world = await play(scheduler, scene);
        expect(world.wrong).toEqual([]);
        expect(world.isSettled).toBe(true);
        expect(world.machine.load).toEqual({ brackets: 0, waiting: 0 });
        expect(world.machine.check()).toBe(0);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`when all have gone, every frame is free (SEED=${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), scenes, async (scheduler, scene) => {
        const world = await play(scheduler, scene);
        await world.end();
        expect(world.wrong).toEqual([]);
        expect(world.left()).toEqual({ frames: 0, quarantined: 0, huge: 0, pins: 0 });
      }),
      { seed: SEED, numRuns: Math.ceil(RUNS / 4) },
    );
  });
});
