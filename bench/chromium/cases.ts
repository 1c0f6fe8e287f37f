// Of the cases, those that need nothing of Node.

import type { BenchCase } from "../case.ts";
import { fault, faultPopulate } from "../fault.bench.ts";
import { forkExit } from "../fork-exit.bench.ts";
import { mapUnmap } from "../map-unmap.bench.ts";
import { munmap } from "../munmap.bench.ts";
import { rmapCases } from "../rmap.bench.ts";

export const PAGE_CASES: readonly BenchCase[] = [
  fault,
  faultPopulate,
  mapUnmap,
  munmap,
  forkExit,
  ...rmapCases,
];
