// What does a replay leave behind? The same bytes every time, the same memory size, and nothing.

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Vmstat } from "../../assembly/abi.ts";
import type { Core } from "../../src/core.ts";
import { coreFor, Replay } from "../../src/replay/replay.ts";
import { engineModule } from "../support/boot.ts";
import { expectAgreement, load, namesOf, replayed } from "./recordings.ts";

const engine = engineModule("release");

/** All of physical memory and every process, in one number. */
function digest(replay: Replay): string {
  const { engine } = replay.core;
  const hash = createHash("sha256").update(visible(replay));
  for (let pfn = 0; pfn < engine.framesTotal; pfn++) hash.update(engine.frame(pfn));
  return hash.update(JSON.stringify(replay.world.machine.vmstat())).digest("hex");
}

/** What the processes can see: their areas, their pages, and what is in them. */
function visible({ core, world }: Replay): string {
  const hash = createHash("sha256");
  for (const [proc, mm] of world.procs) {
    const pages = [...mm.pagemap()];
    hash.update(`${proc}\n${mm.maps()}${JSON.stringify(pages)}`);
    for (const { present, pfn } of pages) if (present) hash.update(core.engine.frame(pfn));
  }
  return hash.digest("hex");
}

const SMALL = { memory: 64 * 2 ** 20 };

describe("determinism", () => {
  test.each(["synthetic/private-1", "synthetic/fork-2", "programs/bash"])(
    "%s twice leaves the same bytes in every frame, the same counters and processes",
    async (name) => {
      const once = digest(await replayed(name, "release", SMALL));
      expect(digest(await replayed(name, "release", SMALL))).toBe(once);
    },
  );

  test.each(["synthetic/private-1", "synthetic/fork-2"])(
    "%s: neither the build nor how a holder answers changes what processes see",
    async (name) => {
      const once = visible(await replayed(name, "release", SMALL));
      expect(visible(await replayed(name, "debug", SMALL))).toBe(once);
      expect(visible(await replayed(name, "debug", { ...SMALL, answersLater: true }))).toBe(once);
    },
  );

  test("another recording leaves other bytes", async () => {
    const one = visible(await replayed("synthetic/private-1", "release", SMALL));
    expect(visible(await replayed("synthetic/private-2", "release", SMALL))).not.toBe(one);
  });
});

/** Frames that are free, or hold records that the engine keeps for the next time. */
function spare({ engine }: Core): number {
  return engine.framesFree + engine.counter(Vmstat.nr_slab);
}

describe("one machine for many replays", () => {
  test("100,000 operations leave linear memory at its size, and every frame free", async () => {
    const recording = await load("programs/python-fork");
    const core = coreFor(recording, { engine });
    const { memoryBytes } = core.engine;
    const before = spare(core);
    let operations = 0;
    while (operations < 100_000) {
      const replay = new Replay(recording, { engine }, core);
      await replay.run();
      expectAgreement(replay);
      await replay.close();
      operations += replay.tally.ops;
      expect(spare(core)).toBe(before);
    }
    expect(core.engine.memoryBytes).toBe(memoryBytes);
    expect(core.engine.check()).toBe(0);
  });

  test.each([...namesOf("programs"), ...namesOf("synthetic", "fork-")])(
    "%s: what it used comes back",
    async (name) => {
      const recording = await load(name);
      const core = coreFor(recording, { engine });
      const before = spare(core);
      const replay = new Replay(recording, { engine }, core);
      await replay.run();
      await replay.close();
      expect(spare(core)).toBe(before);
      expect(replay.world.machine.quarantined).toBe(0);
    },
  );
});
