// The sources that the rules of the house look at, each read and parsed once.
//
// Invariants
//   1  Paths are from the root, with forward slashes.
//   2  A file that does not parse is an error here: no rule would see what is in it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ESTree, parseSync } from "vite";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const SKIPPED = new Set([".git", "build", "dist", "fixtures", "node_modules"]);
const CODE = /\.(?:ts|mjs|js|css|html|[ch])$/;
/** Made by `npm run bench -- --save`. */
const MADE = "bench/results/index.html";
const PARSED = /\.(?:ts|mjs|js)$/;

/** A node of the syntax tree, as rules walk it. */
export type Node = ESTree.Node;

/** One file of the tree. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Absent where the file is no script. */
  readonly program: ESTree.Program | null;
}

/** A rule that a line breaks. */
export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** Every text of the tree, sorted by path. */
export function readSources(): Source[] {
  const paths = [".ci/run", ...filesIn("")];
  return paths.filter((path) => isText(path)).map((path) => readSource(path));
}

/** A file of that text, as if it stood there. */
export function parseSource(path: string, text: string): Source {
  return { path, text, lines: text.split("\n"), program: parse(path, text) };
}

/** Whether the rules about code hold for it. */
export function isCode(source: Source): boolean {
  return CODE.test(source.path) && source.path !== MADE;
}

/** Line of a position in the text, from 1. */
export function lineOf(source: Source, position: number): number {
  return source.text.slice(0, position).split("\n").length;
}

/** A violation at a node. */
export function broken(rule: string, source: Source, node: Node, what: string): Violation {
  return { rule, path: source.path, line: lineOf(source, node.start), what };
}

/** A node and everything below it, parents first. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}

/** What is directly below a node. */
export function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const item of items) if (isNode(item)) yield item;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function isText(path: string): boolean {
  return /\.(?:ts|mjs|js|css|html|[ch]|md|json)$/.test(path) || path === ".ci/run";
}

function readSource(path: string): Source {
  return parseSource(path, readFileSync(join(ROOT, path), "utf8"));
}

function parse(path: string, text: string): ESTree.Program | null {
  if (!PARSED.test(path)) return null;
  const { program, errors } = parseSync(path, text, { lang: path.endsWith(".ts") ? "ts" : "js" });
  const first = errors[0];
  if (first !== undefined) throw new Error(`${path}: ${first.message}`);
  return program;
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries
    .filter((entry) => !SKIPPED.has(entry.name) && !entry.name.startsWith("."))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}
