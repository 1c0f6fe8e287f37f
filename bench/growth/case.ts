// A question about growth: one piece of work at several sizes, and how its cost goes with the size.

import type { Machine, Mm } from "../../src/sync.ts";
import type { Size } from "../case.ts";

/** The work at one size. */
export interface GrowthWork {
  /** Before each run, not timed. */
  setup(): void;
  /** What is timed; returns a checksum, the same each time. */
  run(): number;
}

export interface GrowthCase {
  readonly name: string;
  readonly question: string;
  /** What is counted on the x axis. */
  readonly of: string;
  /** What the law says: cost in proportion to the size to this power. */
  readonly wanted: 0 | 1;
  readonly sizes: Readonly<Record<Size, readonly number[]>>;
  /** Bytes of physical memory at a size. */
  memory(size: number): number;
  prepare(machine: Machine, size: number): GrowthWork;
}

export type { Machine, Mm };
