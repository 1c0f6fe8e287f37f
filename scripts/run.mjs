// Every verb of package.json: installs and builds what it needs, then does it.
//
//   node scripts/run.mjs VERB [arguments…]
//
// Invariants
//   1  On stdout there is only what the verb itself prints: all the rest goes to stderr.
//   2  The exit code is the verb's.

import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, isInstalled } from "./install.mjs";
import { withLock } from "./lock.mjs";
import { nodeOf } from "./other-node.mjs";
import { at, command, node, progress, StepFailed } from "./paths.mjs";

const VERBS = {
  start: (args) => cli("start", args),
  conformance: (args) => cli("conformance", args),
  replay: (args) => cli("replay", args),
  bench,
  "bench:setup": async () => (await import("./bench-setup.mjs")).benchSetup(),
  profile: async (args) => (await import("./profile.mjs")).profile(args),
  record: async (args) => (await import("./record.mjs")).record(args),
  build: () => ensureBuilt("all"),
  check: async (args) => (await import("./check.mjs")).check(args),
  demo,
  test: async (args) => (await import("./test.mjs")).test(args),
};

async function cli(verb, args) {
  await ensureBuilt("library");
  return node(at("dist/cli/main.js"), [verb, ...args]);
}

async function bench(args) {
  const { program, rest } = await nodeOf(args);
  if (program === null) return 2;
  await ensureBuilt("bench");
  if (rest.includes("--chromium")) await ensureBuilt("page");
  return command(program, ["--expose-gc", at("build/bench/main.js"), ...rest]);
}

/** `npm run demo` serves it while one works on it; `-- preview` serves what is built. */
async function demo([verb = "dev", ...args]) {
  await ensureBuilt("demo");
  const vite = at("node_modules/vite/bin/vite.js");
  return node(vite, [verb, "demo", "--config", "demo/vite.config.ts", ...args]);
}

async function main([verb = "", ...args]) {
  const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : null;
  if (run === null) {
    progress(`unknown verb "${verb}"; there are: ${Object.keys(VERBS).join(", ")}`);
    return 2;
  }
  if (!(await isInstalled())) await withLock(ensureInstalled);
  return (await run(args)) ?? 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  progress(error.message);
  process.exitCode = 1;
}
