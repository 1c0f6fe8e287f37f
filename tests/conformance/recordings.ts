// The bundled recordings, and one test's worth of checking one of them.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Recording } from "../../src/replay/format.ts";
import { loadRecording } from "../../src/replay/node.ts";
import { Replay, type ReplayOptions } from "../../src/replay/replay.ts";
import { type Build, engineModule } from "../support/boot.ts";

const FIXTURES = new URL("../fixtures/kernel-runs/", import.meta.url);

/** Names of the recordings of a kind: "programs/bash", "synthetic/fork-1", … */
export function namesOf(folder: "programs" | "synthetic", prefix = ""): string[] {
  return readdirSync(new URL(`${folder}/`, FIXTURES))
    .filter((name) => name.startsWith(prefix) && name.endsWith(".jsonl.gz"))
    .map((name) => `${folder}/${name.replace(".jsonl.gz", "")}`)
    .sort();
}

export function pathOf(name: string): string {
  return fileURLToPath(new URL(`${name}.jsonl.gz`, FIXTURES));
}

export function load(name: string): Promise<Recording> {
  return loadRecording(pathOf(name));
}

/** Replays a recording from its beginning to its end, in a machine of its own. */
export async function replayed(
  name: string,
  build: Build,
  options: Partial<ReplayOptions> = {},
): Promise<Replay> {
  const replay = new Replay(await load(name), { engine: engineModule(build), ...options });
  await replay.run();
  return replay;
}

/** The share of the kernel's pages that may be announced beyond them. */
const EXTRA_MAX = 0.05;

/** Nothing disagrees, nothing is missed; a failure shows the first disagreement. */
export function expectSame({ tally, exporter }: Replay): void {
  expect({ first: tally.first, ...tally.disagree, missed: tally.notices.missed }).toEqual({
    first: null,
    result: 0,
    maps: 0,
    pages: 0,
    data: 0,
    missed: 0,
  });
  expect(exporter.violations).toBe(0);
}

/** All of the agreement that FORMAT.md asks for. */
export function expectAgreement(replay: Replay): void {
  const { notices } = replay.tally;
  expectSame(replay);
  expect(notices.extra).toBeLessThanOrEqual(notices.kernelPages * EXTRA_MAX);
  expect(replay.overlooked).toBe(0);
}
