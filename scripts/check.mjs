// What needs no run of the program: format and lint, types, and the rules of the house.

import { ensureBuilt } from "./build.mjs";
import { at, node } from "./paths.mjs";

const BIOME = at("node_modules/@biomejs/biome/bin/biome");
const TSC = at("node_modules/typescript/bin/tsc");
const VITEST = at("node_modules/vitest/vitest.mjs");

/** The checks that `npm test` makes before it runs tests: a name and what to run. */
export const STATIC_CHECKS = [
  { name: "biome", run: () => node(BIOME, ["check", "."]) },
  { name: "tsc", run: () => node(TSC, ["-p", "tsconfig.json"]) },
];

/** Runs all of them, whatever fails; 0 when none does. */
export async function check() {
  await ensureBuilt("all");
  let failed = 0;
  for (const { run } of STATIC_CHECKS) failed |= await run();
  return failed | (await node(VITEST, ["run", "tests/tidy.test.ts"]));
}
