// A contest: a question whose sides are programs of their own kind and not all of them address
// spaces. Each contest says who takes part; ours is the first.

import type { BenchCase, Question, Size, Work } from "../case.ts";
import { LocalRunner, type Runner } from "../runner.ts";
import { OURS } from "../sides/all.ts";

/** Makes the work of one side, in the isolate that this is called in. */
export type WorkMaker = (size: Size) => Work | Promise<Work>;

/** One who takes part. */
export interface Contestant {
  readonly name: string;
  /** Why it cannot take part on this machine; null when it can. */
  missing(): string | null;
  /** Its runner in this isolate. */
  run(question: Question, size: Size): Runner;
}

export interface Contest extends Question {
  /** Ours first. */
  readonly contestants: readonly Contestant[];
}

/** Our side of a contest. */
export function ours(make: WorkMaker): Contestant {
  return script(OURS, make);
}

/** A side in JavaScript; `missing` where it needs what may not be there. */
export function script(
  name: string,
  make: WorkMaker,
  missing: () => string | null = () => null,
): Contestant {
  return {
    name,
    missing,
    run: (question, size) => new LocalRunner(caseOf(question, make), NO_MEMORY, size),
  };
}

/** A case of one side, which makes what it works on by itself. */
function caseOf(question: Question, make: WorkMaker): BenchCase {
  return { ...question, memory: () => 0, prepare: (_, size) => make(size) };
}

const NO_MEMORY = () => ({
  createSpace: () => {
    throw new Error("a contestant makes what it works on by itself");
  },
});
