// What a history is made of: steps, answers of holders, and how its backings behave.

import fc from "fast-check";
import type { Answer } from "../../support/checker.ts";

/** Pages of the drawing; the huge page and the device's area lie apart. */
export const SPACE_PAGES = 12;

/** Each kind of step, and how often it is drawn. */
const WEIGHTS = {
  munmap: 2,
  "map private": 2,
  "map shared": 2,
  "map file": 2,
  "map file privately": 2,
  "map huge": 1,
  protect: 1,
  unprotect: 2,
  clear: 1,
  free: 2,
  pageout: 3,
  cold: 1,
  remove: 1,
  mergeable: 2,
  unmergeable: 1,
  fill: 4,
  "write huge": 1,
  write: 4,
  read: 3,
  move: 2,
  "leave behind": 2,
  grow: 1,
  brk: 1,
  fork: 2,
  exit: 1,
  migrate: 2,
  lock: 1,
  unlock: 1,
  merge: 3,
  truncate: 2,
  punch: 1,
  "file write": 2,
  "file read": 2,
  "file sync": 2,
  msync: 1,
  "write back": 1,
  pin: 3,
  unpin: 2,
  store: 1,
  "clear soft-dirty": 2,
  "clear referenced": 1,
  snapshot: 1,
  changes: 2,
  apply: 1,
  look: 1,
  reclaim: 3,
  "limit group": 3,
  "swap off": 1,
  "swap on": 2,
  "remap device": 1,
  "apply device": 1,
  "release device": 1,
  "hog memory": 2,
  "free memory": 1,
  install: 6,
  leave: 1,
  fence: 1,
  answer: 8,
} as const;

export type Operation = keyof typeof WEIGHTS;

const OPERATIONS = (Object.keys(WEIGHTS) as Operation[]).flatMap((operation) =>
  new Array<Operation>(WEIGHTS[operation]).fill(operation),
);

export interface Step {
  readonly operation: Operation;
  readonly page: number;
  readonly count: number;
  readonly which: number;
  readonly flag: boolean;
  /** In the form that cannot wait. */
  readonly sync: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  operation: fc.constantFrom(...OPERATIONS),
  page: fc.nat({ max: SPACE_PAGES - 1 }),
  count: fc.integer({ min: 1, max: 6 }),
  which: fc.nat({ max: 11 }),
  flag: fc.boolean(),
  sync: fc.boolean(),
});

const ANSWERS: readonly Answer[] = [
  "at once",
  "at once",
  "later",
  "throw",
  "reject",
  "lie",
  "hang",
];

export interface Scene {
  readonly steps: readonly Step[];
  readonly answers: readonly Answer[];
  readonly parallel: boolean;
  /** Callbacks call back in. */
  readonly meddles: boolean;
  readonly store: "memory" | "disk" | "backing";
  /** Backings answer later, in any order. */
  readonly isSlow: boolean;
  /** Every so many questions to a backing fail; 0: none. */
  readonly failsEvery: number;
}

export const scenes: fc.Arbitrary<Scene> = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 70, size: "max" }),
  answers: fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 20 }),
  parallel: fc.boolean(),
  meddles: fc.boolean(),
  store: fc.constantFrom("memory", "disk", "backing"),
  isSlow: fc.boolean(),
  failsEvery: fc.constantFrom(0, 0, 0, 5),
});
