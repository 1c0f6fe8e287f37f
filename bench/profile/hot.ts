// A sampled profile as a table: which functions the time was in.

import { aligned } from "../cells.ts";

/** As Chromium's developer tools have it: the part of a `.cpuprofile` that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0. */
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  /** Which node was at work, at each sample. */
  readonly samples?: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas?: readonly number[];
}

export interface HotFunction {
  readonly name: string;
  /** The file and line of a script; "wasm" for the engine; "" for what is V8's own. */
  readonly where: string;
  /** Shares of that time: in it, and in it or what it called. */
  readonly self: number;
  readonly total: number;
}

type Node = CpuProfile["nodes"][number];

/** Waiting, which is nobody's work. */
const IDLE = new Set(["(idle)", "(root)", "(program)"]);

/** What is timed: set-up is not below them, nor is collecting garbage, which has no caller. */
const TIMED = new Set(["#run", "timedRun"]);

/**
 * The functions of what is timed, those first that most of the time was in themselves. Where
 * nothing is recognized as timed: those of the whole profile.
 */
export function hotFunctions(profile: CpuProfile): HotFunction[] {
  const selves = selfTimes(profile);
  const found = new Map<string, { node: Node; self: number; total: number }>();
  const visit = (node: Node, above: ReadonlySet<string>): number => {
    const key = keyOf(node);
    const entry = found.get(key) ?? { node, self: 0, total: 0 };
    found.set(key, entry);
    const self = selves.get(node.id) ?? 0;
    const within = new Set(above).add(key);
    let total = self;
    for (const child of childrenOf(node)) total += visit(child, within);
    entry.self += self;
    // Of a function that calls itself, only the outermost call counts.
    if (!above.has(key)) entry.total += total;
    return total;
  };
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const childrenOf = ({ children = [] }: Node) => children.flatMap((id) => byId.get(id) ?? []);
  const timed = profile.nodes.filter(({ callFrame }) => TIMED.has(callFrame.functionName));
  const roots = timed.length > 0 ? timed : profile.nodes.slice(0, 1);
  const all = roots.reduce((sum, root) => sum + visit(root, new Set()), 0);
  return [...found.values()]
    .filter(({ node }) => !IDLE.has(node.callFrame.functionName))
    .map(({ node, self, total }) => ({
      name: node.callFrame.functionName || "(anonymous)",
      where: whereOf(node),
      self: all === 0 ? 0 : self / all,
      total: all === 0 ? 0 : total / all,
    }))
    .sort((one, other) => other.self - one.self || other.total - one.total);
}

/** So many of them, as a table. */
export function hotTable(functions: readonly HotFunction[], rows = 20): string {
  const lines = functions
    .filter(({ self }) => self > 0)
    .slice(0, rows)
    .map(({ name, where, self, total }) => [name, where, percent(self), percent(total)]);
  return aligned([["function", "where", "self", "with callees"], ...lines]);
}

function selfTimes({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Map<number, number> {
  const idle = new Set(
    nodes.filter(({ callFrame }) => IDLE.has(callFrame.functionName)).map(({ id }) => id),
  );
  const times = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    if (!idle.has(id)) times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}

function keyOf(node: Node): string {
  return `${node.callFrame.functionName} ${whereOf(node)}`;
}

function whereOf({ callFrame: { url, lineNumber } }: Node): string {
  if (url === "") return "";
  if (url.startsWith("wasm:")) return "wasm";
  return `${url.slice(url.lastIndexOf("/") + 1)}:${lineNumber + 1}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
