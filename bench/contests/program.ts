// Who takes part in a contest as a process of its own: programs that `npm run bench:setup` makes.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Size } from "../case.ts";
import { NativeRunner } from "../native-runner.ts";
import { ROOT } from "../root.ts";
import type { Contestant } from "./contest.ts";

/** What `npm run bench:setup` makes is here; building the benchmarks leaves it. */
export function madePath(file: string): string {
  return join(ROOT, "build/bench-beside", file);
}

/** Why something of `npm run bench:setup` is not there; null when it is. */
export function missingMade(file: string): string | null {
  return existsSync(madePath(file)) ? null : "npm run bench:setup makes it";
}

/** A program of that name, started with the question's name and numbers. */
export function program(name: string, numbers: (size: Size) => readonly number[]): Contestant {
  return {
    name,
    missing: () => missingMade(name),
    run: (question, size) => new NativeRunner(madePath(name), question.name, numbers(size)),
  };
}
