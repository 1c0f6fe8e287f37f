// Does every byte read back as it was written, whatever the machine does with pages meanwhile?
//
// A naive memory, a map from address space and address to byte, against the real engine with all
// its checkers on. SEED=… repeats a run, STEPS=… makes it longer.

import { expect, test } from "vitest";
import { SEED } from "../support/prng.ts";
import { World } from "./world.ts";

const STEPS = Number(process.env["STEPS"] ?? 200_000);
/** Steps between two looks at every byte. */
const SWEEP = 5_000;
/** Steps after which some call has lacked memory, and some page has come back from swap. */
const ENOUGH = 50_000;

test(`${STEPS} random operations, every byte as a naive memory has it (SEED=${SEED})`, {
  timeout: 600_000,
}, async () => {
  const world = new World(SEED, { memory: 2 ** 20, swap: { pages: 4_096 } });
  for (let step = 0; step < STEPS; step++) {
    await world.step();
    if (step % SWEEP === 0) await world.sweep();
  }
  await world.sweep();
  expect(world.booted.machine.check()).toBe(0);
  expect(world.booted.reports).toEqual([]);
  // It went on in spite of all: what lacked memory is the exception.
  expect(world.counts.get("ENOMEM") ?? 0).toBeLessThan(STEPS / 20);
  const { pgsteal_direct, pswpin } = world.booted.machine.vmstat();
  world.counts.set("reclaimed directly", pgsteal_direct).set("swapped in", pswpin);
  if (STEPS >= ENOUGH) {
    expect(pgsteal_direct).toBeGreaterThan(0);
    expect(pswpin).toBeGreaterThan(0);
  }
  console.log([...world.counts].map(([name, count]) => `${name} ${count}`).join(", "));
});
