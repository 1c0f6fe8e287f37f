// The steps from source to what runs. Each knows its inputs, and runs only when one has changed.
//
//   assembly/ ──▶ engine (one step a target) ──▶ build/TARGET.wasm
//   src/ + release.wasm ──▶ library ──▶ dist/
//   src/ + abi.ts ──▶ types ──▶ dist/types/            after library, which empties dist/
//   bench/ + src/ + release.wasm ──▶ bench ──▶ build/bench/
//   bench/native/ ──▶ bench-native ──▶ build/bench/native/      after bench, which empties it
//   demo/ + src/ + release.wasm ──▶ demo ──▶ build/demo/

import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.mjs";
import { at, command, mustNode, progress } from "./paths.mjs";
import { hashOf, isFresh, writeStamp } from "./stamp.mjs";

const ASC = at("node_modules/assemblyscript/bin/asc.js");
const VITE = at("node_modules/vite/bin/vite.js");
const TSC = at("node_modules/typescript/bin/tsc");
const RECORDINGS = "tests/fixtures/kernel-runs/programs";

export const TARGETS = ["debug", "release", "debug-plain", "release-plain"];

const SHELL = ["src", "assembly/abi.ts", "assembly/abi", "build/release.wasm", "package-lock.json"];
const PLUGINS = ["scripts/engine-plugin.ts", "scripts/worker-plugin.ts"];
const CONFIGS = ["tsconfig.base.json", "scripts/build.mjs", ...PLUGINS];

const engine = (target) => ({
  name: `engine-${target}`,
  inputs: ["assembly", "asconfig.json", "package-lock.json", "scripts/build.mjs"],
  outputs: [`build/${target}.wasm`],
  run: () => buildEngine(target),
});

const library = {
  name: "library",
  inputs: [...SHELL, ...CONFIGS, "vite.config.ts", RECORDINGS],
  outputs: [
    "dist/index.js",
    "dist/backing/opfs.js",
    "dist/engine.wasm",
    "dist/cli/main.js",
    "dist/recordings",
  ],
  run: buildLibrary,
};

const types = {
  name: "types",
  inputs: [...SHELL, ...CONFIGS, "tsconfig.types.json"],
  outputs: ["dist/types/src/index.d.ts"],
  run: buildTypes,
};

const bench = {
  name: "bench",
  inputs: [...SHELL, ...CONFIGS, "bench", "vite.bench.config.ts"],
  outputs: ["build/bench/main.js"],
  run: () => mustNode("bench build", VITE, viteArgs("vite.bench.config.ts")),
};

/** Sides of the benchmarks that are processes, and the files that each is made of. */
const PROGRAMS = {
  kernel: ["kernel.c", "recording.c", "process.c", "harness.c"],
  c: ["c.c", "memory.c", "harness.c"],
};

const native = {
  name: "bench-native",
  inputs: ["bench/native", "scripts/build.mjs"],
  outputs: Object.keys(PROGRAMS).map((name) => `build/bench/native/${name}`),
  run: buildNative,
};

const namedEngine = {
  ...engine("release"),
  name: "named-engine",
  outputs: ["build/profile/named.wasm"],
  run: () =>
    mustNode("named engine", ASC, [
      ...["--target", "release", "--debug", "--outFile", "build/profile/named.wasm"],
    ]),
};

const profile = {
  name: "profile",
  inputs: [...SHELL, ...CONFIGS, "bench", "vite.bench.config.ts", "vite.profile.config.ts"],
  outputs: ["build/profile/bench/main.js"],
  run: () => mustNode("profile build", VITE, viteArgs("vite.profile.config.ts")),
};

const page = {
  name: "bench-page",
  inputs: [...SHELL, ...CONFIGS, "bench", "vite.page.config.ts"],
  outputs: ["build/bench-page/page.js"],
  run: () => mustNode("page build", VITE, viteArgs("vite.page.config.ts")),
};

const demo = {
  name: "demo",
  inputs: [...SHELL, ...CONFIGS, "demo", RECORDINGS],
  outputs: ["build/demo/index.html", "build/demo/pagebell-demo.js"],
  run: () => mustNode("demo build", VITE, [...viteArgs("demo/vite.config.ts"), "demo"]),
};

/** What a verb may ask for. */
export const GROUPS = {
  library: [engine("release"), library],
  bench: [engine("release"), engine("release-plain"), bench, native],
  page: [engine("release"), page],
  profile: [engine("release"), namedEngine, profile],
  demo: [engine("release"), demo],
  all: [...TARGETS.map(engine), library, types, bench, native, page, demo],
};

/** Brings every step of a group up to date, in order, one process at a time. */
export async function ensureBuilt(group) {
  if (await allFresh(GROUPS[group])) return;
  await withLock(async () => {
    for (const step of GROUPS[group]) await ensureStep(step);
  });
}

async function allFresh(steps) {
  for (const step of steps) {
    if (!isApplicable(step)) continue;
    if (!(await isFresh(step.name, await hashOf(step.inputs), step.outputs))) return false;
  }
  return true;
}

/**
 * Benchmarks are not part of every checkout, an archive of the sources for example; those of the
 * host's kernel want a Linux with gcc.
 */
function isApplicable(step) {
  if (step === native && (process.platform !== "linux" || !isOnPath("gcc"))) return false;
  return ![bench, native, page].includes(step) || existsSync(at("bench/main.ts"));
}

function isOnPath(program) {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

async function ensureStep(step) {
  if (!isApplicable(step)) return;
  const hash = await hashOf(step.inputs);
  if (await isFresh(step.name, hash, step.outputs)) return;
  progress(`building ${step.name}`);
  await step.run();
  await writeStamp(step.name, hash);
}

/** Built aside and moved in place, so that a reader never sees half a module. */
async function buildEngine(target) {
  const aside = `build/next/${target}.wasm`;
  await mustNode(`engine ${target}`, ASC, ["--target", target, "--outFile", aside]);
  for (const suffix of [".wasm.map", ".wasm"]) {
    const made = at(`build/next/${target}${suffix}`);
    if (existsSync(made)) await rename(made, at(`build/${target}${suffix}`));
  }
}

async function buildLibrary() {
  await mustNode("library build", VITE, viteArgs("vite.config.ts"));
  await copyFile(at("build/release.wasm"), at("dist/engine.wasm"));
  await chmod(at("dist/cli/main.js"), 0o755);
  await cp(at(RECORDINGS), at("dist/recordings"), { recursive: true });
}

/** A side that does not compile here is left out of the comparison, with what gcc said. */
async function buildNative() {
  await mkdir(at("build/bench/native"), { recursive: true });
  for (const [name, files] of Object.entries(PROGRAMS)) {
    const sources = files.map((file) => `bench/native/${file}`);
    const flags = ["-O3", "-Wall", "-Wextra", "-o", `build/bench/native/${name}`];
    const code = await command("gcc", [...flags, ...sources], { quiet: true });
    if (code !== 0) progress(`gcc could not make bench/native/${name}: that side is left out`);
  }
}

async function buildTypes() {
  await mustNode("types", TSC, ["-p", "tsconfig.types.json"]);
  await finishTypes(at("dist/types"));
}

function viteArgs(config) {
  return ["build", "--config", config, "--configLoader", "runner", "--logLevel", "warn"];
}

/**
 * Makes declarations self-contained: imports name what is published (`.js`; the contract's own have
 * no ending, since AssemblyScript wants none), and its files bring their number types along.
 */
async function finishTypes(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".d.ts")) continue;
    const path = join(entry.parentPath, entry.name);
    let text = await readFile(path, "utf8");
    text = text.replace(/(from |import\()"(\.[^"]*?)(?:\.ts|\.js)?"/g, '$1"$2.js"');
    if (path.includes("/assembly/")) text = `${numberTypes(text)}${text}`;
    await writeFile(path, text);
  }
}

function numberTypes(text) {
  const used = ["u32", "i32", "f64"].filter((name) => text.includes(`: ${name};`));
  // Without an export of nothing, a declaration file exports all that it declares, these too.
  return `export {};\n${used.map((name) => `type ${name} = number;\n`).join("")}`;
}
