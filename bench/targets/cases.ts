// Targets of the cases beside plain JavaScript: a Map with objects, and typed arrays.

import { type Target, timesFaster } from "./target.ts";

export const cases: readonly Target[] = [
  timesFaster("translate", "js-typed", 1.2),
  timesFaster("fault-populate", "js-typed", 3),
  timesFaster("fork-exit", "js-typed", 2),
  timesFaster("rmap-unmap-64", "js-typed", 3),
  timesFaster("translate", "js-map", 50),
  timesFaster("fault-populate", "js-map", 50),
  timesFaster("fork-exit", "js-map", 50),
  timesFaster("munmap", "js-map", 50),
];
