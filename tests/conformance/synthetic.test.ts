// Does the engine do what a kernel did? Random operations, every check of the debug build on.

import { describe, expect, test } from "vitest";
import { expectAgreement, namesOf, replayed } from "./recordings.ts";

const KINDS = [
  "private",
  "fork",
  "placement",
  "files",
  "mixed",
  "errors",
  "remove",
  "swap",
  "huge",
];

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
