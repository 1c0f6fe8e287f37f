// Where things are, from the root of the tree, and how a command of it is run.

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const BUILD = join(ROOT, "build");

/** Path of something in the tree. */
export const at = (...parts) => join(ROOT, ...parts);

/** Says what goes on, where it cannot mix with what a command prints. */
export function progress(text) {
  process.stderr.write(`pagebell: ${text}\n`);
}

/**
 * Runs Node on a script of the tree and waits for it.
 *
 * `quiet` sends the script's stdout to stderr. Settles with its exit code; one that a signal ended
 * counts as 1.
 */
export function node(script, args = [], { quiet = false, env = {} } = {}) {
  return command(process.execPath, [script, ...args], { quiet, env });
}

/** Runs any program; see `node`. */
export function command(program, args, { quiet = false, env = {} } = {}) {
  const stdio = quiet ? ["ignore", 2, 2] : "inherit";
  const child = spawn(program, args, { cwd: ROOT, stdio, env: { ...process.env, ...env } });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Runs Node on a script and throws, naming the step, when it fails. */
export async function mustNode(what, script, args = []) {
  if ((await node(script, args, { quiet: true })) !== 0) throw new StepFailed(what);
}

/** A step of the build or installation that did not succeed; it has said why already. */
export class StepFailed extends Error {
  constructor(what) {
    super(`${what} failed`);
  }
}
