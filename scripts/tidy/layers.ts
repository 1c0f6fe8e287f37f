// Which way data flows: `downhill`, `one-caller`, `only-reexports`, `browser`.
//
//   assembly/   index ─▶ entry ─▶ op ─▶ plan ─▶ map ─▶ frame ─▶ mem
//               abi.ts, the contract, imports nothing; its parts, if any, are in abi/
//   src/        from assembly only abi.ts; only engine/engine.ts and the groups of
//               calls beside it (engine/…-calls.ts) call an export, only pipeline.ts
//               commits; nothing that index, slim, sync or opfs reach is a Node builtin

import { posix } from "node:path";
import { broken, type Node, nodesOf, type Source, type Violation } from "./source.ts";

const LAYERS = ["mem", "frame", "map", "plan", "op", "entry", "index"];
const CONTRACT = "assembly/abi.ts";
const CONTRACT_PARTS = "assembly/abi/";
const CALLER = /^src\/engine\/(?:engine|[a-z-]+-calls)\.ts$/;
const COMMITTER = "src/pipeline.ts";
const BROWSER_ENTRIES = ["src/index.ts", "src/slim.ts", "src/sync.ts", "src/backing/opfs.ts"];

/** What a file takes from elsewhere: the specifier and where it stands. */
interface Import {
  readonly from: string;
  readonly node: Node;
}

export function checkLayers(sources: readonly Source[]): Violation[] {
  return [
    ...sources.flatMap((source) => [
      ...downhill(source),
      ...oneCaller(source),
      ...onlyReexports(source),
    ]),
    ...browserGraph(sources),
  ];
}

/** The specifiers that a file imports or re-exports, dynamic ones included. */
export function importsOf(source: Source): Import[] {
  if (source.program === null) return [];
  return [...nodesOf(source.program)].flatMap((node) => {
    const from = specifierOf(node);
    return from === null ? [] : [{ from, node }];
  });
}

function specifierOf(node: Node): string | null {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return node.source.value;
    case "ExportNamedDeclaration":
      return node.source?.value ?? null;
    case "ImportExpression":
      return node.source.type === "Literal" ? String(node.source.value) : null;
    default:
      return null;
  }
}

/** Path from the root that a relative specifier stands for; null for a package. */
function targetOf(source: Source, from: string): string | null {
  if (!from.startsWith(".")) return null;
  const path = posix.join(posix.dirname(source.path), from);
  return /\.(?:ts|mjs|js|json|css)$/.test(path) ? path : `${path}.ts`;
}

function downhill(source: Source): Violation[] {
  return importsOf(source).flatMap(({ from, node }) => {
    const why = uphill(source, targetOf(source, from));
    return why === null ? [] : [broken("downhill", source, node, `${from}: ${why}`)];
  });
}

function uphill(source: Source, target: string | null): string | null {
  if (source.path.startsWith("assembly/")) return uphillInEngine(source.path, target);
  if (!source.path.startsWith("src/") || !target?.startsWith("assembly/")) return null;
  return target === CONTRACT ? null : "src imports from assembly only abi.ts";
}

function uphillInEngine(path: string, target: string | null): string | null {
  if (target === null || !target.startsWith("assembly/")) return "the engine imports only itself";
  if (path === CONTRACT && target.startsWith(CONTRACT_PARTS)) return null;
  if (path === CONTRACT || path.startsWith(CONTRACT_PARTS)) return "the contract imports nothing";
  if (target === CONTRACT) return null;
  if (layerOf(target) <= layerOf(path)) return null;
  return `${LAYERS[layerOf(path)]} is below ${LAYERS[layerOf(target)]}`;
}

/** A folder without a place of its own is above everything, so that it gets one. */
function layerOf(path: string): number {
  const [, name = ""] = path.split("/");
  const index = LAYERS.indexOf(name.replace(/\.ts$/, ""));
  return index < 0 ? LAYERS.length : index;
}

function oneCaller(source: Source): Violation[] {
  if (source.program === null || !source.path.startsWith("src/")) return [];
  return [...nodesOf(source.program)].flatMap((node) => {
    const name = calledMember(node);
    if (name === null) return [];
    if (/^[a-z]+(?:_[a-z]+)+$/.test(name) && !CALLER.test(source.path)) {
      return [
        broken("one-caller", source, node, `${name} is called by the engine's own files only`),
      ];
    }
    if (name === "commit" && source.path !== COMMITTER) {
      return [broken("one-caller", source, node, `commit is called by ${COMMITTER} only`)];
    }
    return [];
  });
}

function calledMember(node: Node): string | null {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return null;
  const { property } = node.callee;
  return property.type === "Identifier" ? property.name : null;
}

const REEXPORTS = new Set(["ExportAllDeclaration", "ExportNamedDeclaration"]);

function onlyReexports(source: Source): Violation[] {
  if (source.program === null || posix.basename(source.path) !== "index.ts") return [];
  const others = source.program.body.filter(
    (node) => !REEXPORTS.has(node.type) || specifierOf(node) === null,
  );
  return others.map((node) =>
    broken("only-reexports", source, node, "an index.ts re-exports and does nothing else"),
  );
}

/** Walks from the entries that browsers load; what is only a type is gone by then. */
function browserGraph(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const seen = new Set(BROWSER_ENTRIES.filter((path) => byPath.has(path)));
  const found: Violation[] = [];
  for (const path of seen) {
    const source = byPath.get(path);
    if (source === undefined) continue;
    for (const { from, node } of importsOf(source)) {
      if (from.startsWith("node:")) {
        found.push(broken("browser", source, node, `${from} is reached by what browsers load`));
      }
      const target = targetOf(source, from);
      if (target !== null) seen.add(target);
    }
  }
  return found;
}
