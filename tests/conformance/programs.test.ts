// Does the engine do what a kernel did? The memory histories of real programs, every check of the
// debug build on after every commit.

import { describe, expect, test } from "vitest";
import type { RecordedOperation } from "../../src/replay/format.ts";
import { Replay } from "../../src/replay/replay.ts";
import { engineModule } from "../support/boot.ts";
import { expectAgreement, load, namesOf, replayed } from "./recordings.ts";

/** The largest takes minutes of checking on a slow machine. */
const PATIENCE = 600_000;

describe("recordings of programs", () => {
  test.each(namesOf("programs"))(
    "%s agrees with the kernel, checked after every commit",
    async (name) => {
      const replay = await replayed(name, "debug", { follows: "as recorded", isCold: true });
      expectAgreement(replay);
      expect(replay.world.machine.check()).toBe(0);
    },
    PATIENCE,
  );

  test.each(namesOf("programs"))(
    "%s agrees with the kernel, its files in the page cache, its holder answering later",
    async (name) => {
      const replay = await replayed(name, "release", {
        follows: "as recorded",
        answersLater: true,
      });
      expectAgreement(replay);
      expect(replay.tally.notices.extra).toBe(0);
      expect(replay.world.machine.check()).toBe(0);
    },
  );

  test("there are four of them", () => {
    expect(namesOf("programs").length).toBeGreaterThanOrEqual(4);
  });
});

describe("a holder that follows children from their fork on", () => {
  test.each(namesOf("programs"))(
    "%s: what it hears beyond the kernel's notices is from before the child had a subscriber",
    async (name) => {
      const { heard, early } = await extraByTime(name);
      expect(heard).toBe(0);
      if (name.includes("fork") || name.includes("bash")) expect(early).toBeGreaterThan(0);
    },
  );
});

/** Extra pages in processes that the kernel had announced something of before, and others. */
async function extraByTime(name: string): Promise<{ heard: number; early: number }> {
  const replay = new Replay(await load(name), { engine: engineModule("release") });
  const started = new Set<number>();
  const pages = { heard: 0, early: 0 };
  const operations = new Map<number, RecordedOperation>();
  for (const event of replay.recording.events) {
    if (event.kind === "operation") operations.set(event.line, event);
    if (event.kind === "start") started.add(event.proc);
  }
  const { tally } = replay;
  const add = tally.addNotices.bind(tally);
  tally.addNotices = (line, counts, say) => {
    const { proc = -1, notified = [] } = operations.get(line) ?? {};
    for (const notice of notified) started.add(notice.proc);
    pages[started.has(proc) ? "heard" : "early"] += counts.extra;
    add(line, counts, say);
  };
  await replay.run();
  expect({ first: tally.first, violations: replay.exporter.violations }).toEqual({
    first: null,
    violations: 0,
  });
  return pages;
}
