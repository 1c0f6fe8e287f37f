// The JavaScript sides in Chromium: the same work as in Node, by the same hashes.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readArguments } from "../../bench/arguments.ts";
import { createHash as createPageHash } from "../../bench/chromium/crypto.ts";
import { runInChromium } from "../../bench/chromium/run.ts";
import { mapUnmap } from "../../bench/map-unmap.bench.ts";
import { ROOT } from "../../bench/root.ts";
import { LocalRunner } from "../../bench/runner.ts";
import { SIDES } from "../../bench/sides/all.ts";
import { hasChromium } from "../browser/chromium.ts";

const SCRIPT = join(ROOT, "build/bench-page/page.js");

test.each([0, 1, 55, 56, 63, 64, 65, 1_000])("a page's SHA-256 of %i bytes is Node's", (length) => {
  const bytes = Uint8Array.from({ length }, (_, at) => (at * 7) % 256);
  const [here, there] = [createHash("sha256"), createPageHash("sha256")];
  here.update(bytes).update("ä;");
  there.update(bytes).update("ä;");
  expect(there.copy().digest("hex")).toBe(here.copy().digest("hex"));
  expect(there.update("more").digest("hex")).toBe(here.update("more").digest("hex"));
});

test("what a page cannot run is a wrong argument", async () => {
  const asked = readArguments(["--chromium", "--only", "recording", "--size", "test"]);
  await expect(runInChromium(asked, () => {})).rejects.toThrow(/"recording" is not for a page/);
});

test.skipIf(!hasChromium() || !existsSync(SCRIPT))(
  "a case has the hash that it has in Node, and the report says where it ran",
  async () => {
    const asked = readArguments(["--chromium", "--only", "map-unmap", "--size", "test"]);
    const { report, refused } = await runInChromium(asked, () => {});
    const proof = await new LocalRunner(mapUnmap, SIDES.pagebell, "test").prove();
    expect(refused).toEqual([]);
    expect(report.machine.browser).toMatch(/^Chromium \d+\./);
    expect(report.cases).toHaveLength(1);
    expect(report.cases[0]?.hash).toBe(proof.hash);
    expect(Object.keys(report.cases[0]?.references ?? {})).toEqual(["js-typed", "js-map"]);
  },
);
