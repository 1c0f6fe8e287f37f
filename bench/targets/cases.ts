// Targets of the cases beside plain JavaScript.

import { type Target, timesFaster } from "./target.ts";

export const cases: readonly Target[] = [
  timesFaster("fork-exit", "js-typed", 2),
  timesFaster("fork-exit", "js-map", 50),
  timesFaster("munmap", "js-map", 50),
  timesFaster("rmap-64", "js-typed", 3),
];
