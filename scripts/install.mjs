// node_modules as package-lock.json says, installed only when it differs.

import { readFile } from "node:fs/promises";
import { at, command, progress, StepFailed } from "./paths.mjs";

/** Installs when a package of the lock file is missing or of another version. */
export async function ensureInstalled() {
  const missing = await firstMissing();
  if (missing === null) return;
  progress(`installing packages (${missing})`);
  const args = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  if ((await npm(args)) !== 0) throw new StepFailed("npm ci");
}

/** Whether `ensureInstalled` would have nothing to do. */
export async function isInstalled() {
  return (await firstMissing()) === null;
}

async function firstMissing() {
  const wanted = await packagesOf("package-lock.json");
  if (wanted === null) throw new StepFailed("reading package-lock.json");
  const installed = await packagesOf("node_modules/.package-lock.json");
  if (installed === null) return "node_modules is missing";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || entry.link) continue;
    const found = installed[path];
    if (found === undefined && isOptional(entry)) continue;
    if (found?.version !== entry.version) return path.replace(/^node_modules\//, "");
  }
  return null;
}

/** Packages for other platforms are in the lock file and rightly absent here. */
function isOptional(entry) {
  return entry.optional === true || entry.devOptional === true;
}

async function packagesOf(file) {
  try {
    return JSON.parse(await readFile(at(file), "utf8")).packages;
  } catch {
    return null;
  }
}

/** npm as the one that started us, where there is one. */
export function npm(args) {
  const script = process.env.npm_execpath;
  if (script?.endsWith(".js")) return command(process.execPath, [script, ...args], { quiet: true });
  return command("npm", args, { quiet: true });
}
