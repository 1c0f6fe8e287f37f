// The command line of the benchmarks.

import { parseArgs } from "node:util";
import type { Size } from "./case.ts";
import { CASES, casesNamed } from "./cases.ts";
import { CONTESTS, contestsNamed } from "./contests/all.ts";
import { GROWTH, growthNamed } from "./growth/cases.ts";
import { PAIRS, pairsNamed } from "./pairs/pairs.ts";
import { SIDE_NAMES, type SideName } from "./sides/all.ts";

export interface BenchArguments {
  readonly json: boolean;
  /** The case, or the beginning of the names of several; null: all. */
  readonly only: string | null;
  readonly size: Size;
  readonly rounds: number;
  /** Keep the report, and the README's table of it. */
  readonly save: boolean;
  /** Path of an earlier report to compare with; null: none. */
  readonly compare: string | null;
  /** Run the JavaScript sides in headless Chromium. */
  readonly chromium: boolean;
  /** Run this side alone, on the main thread, where a profiler sees it; null: all, in workers. */
  readonly profile: SideName | null;
}

const FORM = "npm run bench -- [--json] [--only NAME] [--size test|full] [--rounds N]";

export const USAGE = `usage: ${FORM} [--compare FILE] [--save | --profile SIDE]

  --json          one JSON object on stdout instead of a table
  --only NAME     one case, or all whose names begin so:
                  ${CASES.map(({ name }) => name).join(", ")};
                  two that differ by little: ${PAIRS.map(({ name }) => name).join(", ")};
                  beside other programs: ${CONTESTS.map(({ name }) => name).join(", ")};
                  how cost grows: ${GROWTH.map(({ name }) => name).join(", ")}
  --size SIZE     full (default), or test: as small as still does everything
  --rounds N      how often each side has its turn (default 15; 2 with --size test)
  --save          keep the report in bench/results/ and its table in the README
  --compare FILE  beside an earlier report: what has become slower by more than 15 %
  --node VERSION  on another version of Node, which is installed in build/: 24, 26.1.0, …
  --chromium      the JavaScript sides in headless Chromium: the cases that need nothing of Node
  --profile SIDE  one side alone, in one thread, with a profile of it: ${SIDE_NAMES.join(", ")}
`;

/** Somebody asked for what there is not; the message says what. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const ROUNDS: Readonly<Record<Size, number>> = { test: 2, full: 15 };

/** Reads the arguments. UsageError for what cannot be done. */
export function readArguments(args: readonly string[]): BenchArguments {
  const values = parse(args);
  const { only = null, size = "full" } = values;
  if (size !== "test" && size !== "full") throw new UsageError(`--size: "${size}" is not a size`);
  if (only !== null && !isKnown(only)) {
    throw new UsageError(`--only: there is no case "${only}"`);
  }
  const rounds = Number(values.rounds ?? ROUNDS[size]);
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new UsageError(`--rounds: "${values.rounds}" is not a number of rounds`);
  }
  const save = values.save === true;
  if (save && (only !== null || size !== "full")) {
    throw new UsageError("--save: only a full run of every case is kept");
  }
  const chromium = values.chromium === true;
  const profile = readSide(values.profile);
  const compare = values.compare ?? null;
  return { json: values.json === true, only, size, rounds, save, compare, chromium, profile };
}

function isKnown(only: string): boolean {
  return [casesNamed, pairsNamed, contestsNamed, growthNamed].some(
    (named) => named(only).length > 0,
  );
}

function readSide(name: string | undefined): SideName | null {
  if (name === undefined) return null;
  const side = SIDE_NAMES.find((one) => one === name);
  if (side === undefined) throw new UsageError(`--profile: there is no side "${name}"`);
  return side;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: "boolean" },
        only: { type: "string" },
        size: { type: "string" },
        rounds: { type: "string" },
        save: { type: "boolean" },
        compare: { type: "string" },
        profile: { type: "string" },
        chromium: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
