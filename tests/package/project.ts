// An empty project outside the tree, with the packed package installed in it.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a program printed, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Project {
  readonly folder: string;
  /** The tarball, as it would be published. */
  readonly tarball: string;
  /** Writes a file of the project. */
  write(name: string, text: string): Promise<void>;
  /** Runs Node in the project. */
  node(...args: string[]): Promise<Ran>;
  remove(): Promise<void>;
}

/** Packs the tree and installs the tarball in a folder of its own. */
export async function installPacked(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "pagebell-package-"));
  const tarball = await pack(folder);
  const manifest = { name: "empty", version: "1.0.0", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await npm(folder, ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball]);
  return {
    folder,
    tarball,
    write: (name, text) => writeFile(join(folder, name), text),
    node: (...args) => run(process.execPath, args, folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs a program that is installed in the tree. */
export function tool(path: string, ...args: string[]): Promise<Ran> {
  return run(process.execPath, [join(ROOT, "node_modules", path), ...args], ROOT);
}

/** The examples of the README: the first for itself, the others one program, and what it prints. */
export async function readmeExamples(): Promise<{ first: string; rest: string; prints: string }> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/```(?:js|ts)\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const [first, ...others] = blocks;
  if (first === undefined || others.length === 0) throw new Error("README.md lacks examples");
  const rest = others.join("\n");
  const lines = [...rest.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(
    ([, line = ""]) => line,
  );
  return { first, rest, prints: `${lines.join("\n")}\n` };
}

async function pack(folder: string): Promise<string> {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const packed: { filename: string }[] = JSON.parse(await npm(ROOT, args));
  return join(folder, packed[0]?.filename ?? "");
}

async function npm(folder: string, args: string[]): Promise<string> {
  const script = process.env["npm_execpath"];
  const isScript = script?.endsWith(".js") === true;
  const program = isScript ? process.execPath : "npm";
  const ran = await run(program, isScript ? [script, ...args] : args, folder);
  if (ran.code !== 0) throw new Error(`npm ${args.join(" ")}\n${ran.stderr}`);
  return ran.stdout;
}

function run(program: string, args: readonly string[], folder: string): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder, env: cleanEnv() }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1;
      resolve({ code, stdout, stderr: error === null ? stderr : `${stderr}${error.message}` });
    });
  });
}

/** Without what npm and Vitest told this process about itself. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|NODE_OPTIONS|NODE_ENV|VITEST)/.test(name),
  );
  return { ...Object.fromEntries(entries), NO_COLOR: "1" };
}
