// Who did a line that does not say: strace leaves the number out while it follows a single process.

import type { Line } from "./line.ts";

/** The process of a log that names none. */
export const NAMELESS = 0;

const BORN = /^(?:clone3?|v?fork)\b/;
const CHILD = /\)\s*=\s*(\d+)/;

/** Gives every line its process or thread, in order. */
export class Tids {
  readonly #main: number;
  readonly #alive = new Set<number>();

  constructor(lines: readonly Line[]) {
    this.#main = mainOf(lines);
    this.#alive.add(this.#main);
  }

  of(line: Line): number {
    const tid = line.tid ?? this.#only();
    if (line.kind === "gone") this.#alive.delete(tid);
    else if (line.tid !== null) this.#alive.add(tid);
    return tid;
  }

  /** The one that is left, if it is one. */
  #only(): number {
    if (this.#alive.has(this.#main)) return this.#main;
    const [first] = this.#alive;
    return first ?? this.#main;
  }
}

/** The first process: the first number that is nobody's child. */
function mainOf(lines: readonly Line[]): number {
  const children = new Set(lines.flatMap(childrenOf));
  for (const { tid } of lines) if (tid !== null && !children.has(tid)) return tid;
  return NAMELESS;
}

function childrenOf(line: Line): number[] {
  if (line.kind === "attached") return line.threads === 1 ? [line.tid] : [];
  if ((line.kind !== "call" && line.kind !== "resumed") || !BORN.test(line.name)) return [];
  const child = CHILD.exec(line.text)?.[1];
  return child === undefined ? [] : [Number(child)];
}
