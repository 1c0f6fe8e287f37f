// What one can take in at a glance: `fits-a-screen`, `one-noun`, `hundred`.

import {
  broken,
  childrenOf,
  isCode,
  lineOf,
  type Node,
  type Source,
  type Violation,
} from "./source.ts";

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;
const COLUMNS_MAX = 100;

export function checkSize(source: Source): Violation[] {
  if (!isCode(source)) return [];
  return [...wideLines(source), ...longFile(source), ...longFunctions(source)];
}

function wideLines(source: Source): Violation[] {
  const { path, lines } = source;
  return lines.flatMap((text, index) => {
    if ([...text].length <= COLUMNS_MAX) return [];
    const what = `${[...text].length} columns, at most ${COLUMNS_MAX}`;
    return [{ rule: "hundred", path, line: index + 1, what }];
  });
}

function longFile(source: Source): Violation[] {
  const count = source.lines.length - 1;
  if (count <= FILE_LINES_MAX) return [];
  const what = `${count} lines, at most ${FILE_LINES_MAX}`;
  return [{ rule: "one-noun", path: source.path, line: FILE_LINES_MAX + 1, what }];
}

function longFunctions(source: Source): Violation[] {
  if (source.program === null) return [];
  return functionsIn(source.program).flatMap((node) => {
    const count = lineOf(source, node.end) - lineOf(source, node.start) + 1;
    if (count <= FUNCTION_LINES_MAX) return [];
    const what = `a function of ${count} lines, at most ${FUNCTION_LINES_MAX}`;
    return [broken("fits-a-screen", source, node, what)];
  });
}

const FUNCTIONS = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "StaticBlock",
]);

/** Every function but the bodies of `describe`, which are chapters and not functions. */
function functionsIn(node: Node): Node[] {
  const found: Node[] = [];
  const chapters = new Set(chapterBodies(node));
  for (const child of childrenOf(node)) {
    if (FUNCTIONS.has(child.type) && !chapters.has(child)) found.push(child);
    found.push(...functionsIn(child));
  }
  return found;
}

function chapterBodies(node: Node): Node[] {
  if (node.type !== "CallExpression" || !isDescribe(node.callee)) return [];
  return [...node.arguments];
}

function isDescribe(callee: Node): boolean {
  if (callee.type === "Identifier") return callee.name === "describe";
  if (callee.type === "CallExpression") return isDescribe(callee.callee);
  return callee.type === "MemberExpression" && isDescribe(callee.object);
}
