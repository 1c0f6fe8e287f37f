// Does the engine do what a kernel did? Random operations, every check of the debug build on.

import { describe, expect, test } from "vitest";
import { expectAgreement, namesOf, replayed } from "./recordings.ts";

/** The kinds whose every operation the engine has. */
const KINDS = ["private", "fork", "placement", "files", "mixed", "errors", "remove", "swap"];

describe.each(KINDS)("recordings of the kind %s", (kind) => {
  test.each(namesOf("synthetic", `${kind}-`))("%s agrees with the kernel", async (name) => {
    const replay = await replayed(name, "debug");
    expectAgreement(replay);
    expect(replay.tally.notices.extra).toBe(0);
    expect(replay.world.machine.check()).toBe(0);
  });

  test("there are some", () => {
    expect(namesOf("synthetic", `${kind}-`).length).toBeGreaterThanOrEqual(4);
  });
});

describe("recordings with operations that the engine lacks", () => {
  const names = ["huge"].flatMap((kind) => namesOf("synthetic", `${kind}-1`));

  test.each(names)("%s: disagreements are counted, and nothing breaks", async (name) => {
    const replay = await replayed(name, "debug");
    const operations = replay.recording.events.filter(({ kind }) => kind === "operation");
    expect(replay.tally.ops).toBe(operations.length);
    expect(replay.tally.disagree.result).toBeGreaterThan(0);
    expect(replay.exporter.violations).toBe(0);
    expect(replay.world.machine.check()).toBe(0);
  });
});
