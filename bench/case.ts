// What a benchmark is: a question, the work that answers it, and how big that work is.

import type { Digest } from "./digest.ts";
import type { Memory } from "./memory.ts";
import type { Outcome } from "./outcome.ts";

/** How big: as small as still does everything, or as big as the question means it. */
export type Size = "test" | "full";

/** A number that a case scales by. */
export type Parameter = (size: Size) => number;

/** The work of a case on one side. */
export interface Work {
  /** How many units (of the case's `unit`) one run does. */
  readonly units: number;
  /** Before each run, not timed: brings about what the run begins with. */
  setup(): void;
  /**
   * What is timed. Returns a checksum of what it saw: the same each time, on every side. Who waits
   * for something returns a promise of it.
   */
  run(): number | Promise<number>;
  /** Adds what is there after a run, wherever it lies: what sides outside JavaScript prove too. */
  outcome?(outcome: Outcome): void;
  /** Adds what is there after a run. Ends the use of the machine. */
  digest(digest: Digest): void;
}

/** What is asked. */
export interface Question {
  readonly name: string;
  readonly question: string;
  /** What the median is given in. */
  readonly unit: string;
}

export interface BenchCase extends Question {
  /** Bytes of physical memory that the work needs. */
  memory(size: Size): number;
  /** What programs of sides that are not JavaScript are started with; without it there are none. */
  native?(size: Size): readonly number[] | Promise<readonly string[]>;
  prepare(memory: Memory, size: Size): Work | Promise<Work>;
}

/**
 * A number with a value for each size; an environment variable of its name overrides both.
 * RangeError when that is no natural number.
 */
export function parameter(name: string, values: Readonly<Record<Size, number>>): Parameter {
  return (size) => {
    const given = process.env[name];
    if (given === undefined) return values[size];
    const value = Number(given);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new RangeError(`${name}: "${given}" is not a natural number`);
  };
}
