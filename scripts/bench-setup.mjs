// `npm run bench:setup`: what the references of the benchmarks need that npm does not bring.
//
//   need ─▶ is it there? ─ no ─▶ apt-get install   as root; else it says what is missing
//   bench/native/ ─▶ gcc, emcc ─▶ build/bench-beside/     only what has changed
//
// Nothing here is called by a build or a test: without it, those references are left out.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { at, command, progress } from "./paths.mjs";
import { hashOf, isFresh, writeStamp } from "./stamp.mjs";

const NEEDS = [
  { name: "gcc", packages: ["gcc", "libc6-dev"], isThere: () => isOnPath("gcc") },
  { name: "unicorn", packages: ["libunicorn-dev"], isThere: hasUnicorn },
  { name: "emscripten", packages: ["emscripten"], isThere: () => isOnPath("emcc") },
  { name: "chromium", packages: ["chromium"], isThere: () => isOnPath("chromium") },
];

/** Programs and modules; emcc optimizes no JavaScript, for which Debian's lacks a package. */
const MADE = [
  {
    name: "unicorn",
    inputs: ["unicorn.c", "harness.c", "harness.h"],
    needs: ["gcc", "unicorn"],
    output: "unicorn",
    steps: (source, out) => [
      [
        "gcc",
        "-O3",
        "-Wall",
        "-Wextra",
        "-o",
        out,
        source("unicorn.c"),
        source("harness.c"),
        "-lunicorn",
      ],
    ],
  },
  {
    name: "emscripten",
    inputs: ["emscripten.c", "harness.h"],
    needs: ["emscripten"],
    output: "emscripten.cjs",
    steps: (source, out) => [
      ["emcc", "-O3", "-c", source("emscripten.c"), "-o", `${out}.o`],
      ["emcc", "-O1", `${out}.o`, "-o", out, ...LINKED],
    ],
  },
];

/** The module listens to nothing of the process that it is loaded into. */
const LINKED = [
  "MODULARIZE=1",
  "ENVIRONMENT=node",
  "SINGLE_FILE=1",
  "INITIAL_MEMORY=268435456",
  "NODEJS_CATCH_EXIT=0",
  "NODEJS_CATCH_REJECTION=0",
].map((setting) => `-s${setting}`);

const FOLDER = "build/bench-beside";

/** 0 when everything is there at the end; 1 when a reference will be left out. */
export async function benchSetup() {
  for (const need of NEEDS) await ensureNeed(need);
  await mkdir(at(FOLDER), { recursive: true });
  for (const made of MADE) await ensureMade(made);
  const missing = [
    ...NEEDS.filter(({ isThere }) => !isThere()),
    ...MADE.filter(({ output }) => !existsSync(at(FOLDER, output))),
  ];
  const names = [...new Set(missing.map(({ name }) => name))];
  if (names.length > 0) progress(`left out of the benchmarks: ${names.join(", ")}`);
  return names.length === 0 ? 0 : 1;
}

async function ensureNeed({ name, packages, isThere }) {
  if (isThere()) {
    progress(`${name}: there`);
    return;
  }
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages];
  if (!isOnPath("apt-get") || process.getuid?.() !== 0) {
    progress(`${name}: missing; where there is apt-get: ${install.join(" ")}`);
    return;
  }
  progress(`${name}: ${install.join(" ")}`);
  const [program, ...args] = install;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  if ((await command(program, args, { quiet: true, env })) !== 0) progress(`${name}: failed`);
}

async function ensureMade({ name, inputs, needs, output, steps }) {
  if (NEEDS.some((need) => needs.includes(need.name) && !need.isThere())) return;
  const source = (file) => `bench/native/${file}`;
  const out = `${FOLDER}/${output}`;
  const hash = await hashOf([...inputs.map(source), "scripts/bench-setup.mjs"]);
  if (await isFresh(`bench-beside-${name}`, hash, [out])) {
    progress(`${out}: there`);
    return;
  }
  progress(`making ${out}`);
  for (const [program, ...args] of steps(source, out)) {
    if ((await command(program, args, { quiet: true })) !== 0) {
      progress(`${out}: ${program} failed`);
      return;
    }
  }
  await writeStamp(`bench-beside-${name}`, hash);
}

function hasUnicorn() {
  if (!isOnPath("gcc")) return false;
  const args = ["-E", "-include", "unicorn/unicorn.h", "-x", "c", "-"];
  return spawnSync("gcc", args, { input: "" }).status === 0;
}

function isOnPath(program) {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}
