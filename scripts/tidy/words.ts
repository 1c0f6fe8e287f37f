// What must not stand in a file: `seeded`, `no-any`, `no-heap`, `named`, `no-machine`.

import { posix } from "node:path";
import { broken, type Node, nodesOf, type Source, type Violation } from "./source.ts";

export function checkWords(source: Source): Violation[] {
  return [...wrongName(source), ...machinePaths(source), ...wrongNodes(source)];
}

/** A file whose name says nothing collects everything. */
function wrongName(source: Source): Violation[] {
  const name = posix.basename(source.path).split(".")[0] ?? "";
  if (!/^(?:utils?|helpers?|misc|common|shared)$/.test(name)) return [];
  return [{ rule: "named", path: source.path, line: 1, what: `"${name}" names no concept` }];
}

/** Folders of the one machine that somebody worked on, and hosts that only some can reach. */
const MACHINE =
  /(?:^|[\s"'`(=])(\/(?:home|root|work|tmp|Users)\/[\w.-]+)|(registry\.(?:npmjs|yarnpkg)\.\w+)/;

function machinePaths(source: Source): Violation[] {
  if (source.path === "package-lock.json") return [];
  return source.lines.flatMap((text, index) => {
    const [, path, host] = MACHINE.exec(text) ?? [];
    const what = path ?? host;
    if (what === undefined) return [];
    return [{ rule: "no-machine", path: source.path, line: index + 1, what }];
  });
}

function wrongNodes(source: Source): Violation[] {
  if (source.program === null) return [];
  const found: Violation[] = [];
  for (const node of nodesOf(source.program)) {
    if (node.type === "TSAnyKeyword") found.push(broken("no-any", source, node, "any"));
    const chance = source.path.startsWith("tests/") ? unseeded(node) : null;
    if (chance !== null) found.push(broken("seeded", source, node, chance));
    const managed = source.path.startsWith("assembly/") ? managedIn(node) : null;
    if (managed !== null) found.push(broken("no-heap", source, node, managed));
  }
  return found;
}

const TIMERS = new Set(["setTimeout", "setInterval", "setImmediate"]);

function unseeded(node: Node): string | null {
  if (node.type === "ImportDeclaration" && /^(?:node:)?timers/.test(node.source.value)) {
    return node.source.value;
  }
  if (node.type !== "CallExpression") return null;
  const { callee } = node;
  if (callee.type === "Identifier" && TIMERS.has(callee.name)) return callee.name;
  if (callee.type !== "MemberExpression" || callee.object.type !== "Identifier") return null;
  if (callee.property.type !== "Identifier") return null;
  const name = `${callee.object.name}.${callee.property.name}`;
  if (name === "Math.random") return name;
  return TIMERS.has(callee.property.name) && callee.object.name === "globalThis" ? name : null;
}

/** What the engine has no heap for, and decorators that other tools cannot read. */
function managedIn(node: Node): string | null {
  switch (node.type) {
    case "NewExpression":
      return "new";
    case "ArrayExpression":
      return "an array";
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      return node.type === "ArrowFunctionExpression" ? "a closure" : null;
    case "TemplateLiteral":
      return "a string";
    case "Decorator":
      return isUnmanaged(node.expression) ? null : "a decorator other than @unmanaged";
    default:
      return null;
  }
}

function isUnmanaged(expression: Node): boolean {
  return expression.type === "Identifier" && expression.name === "unmanaged";
}
