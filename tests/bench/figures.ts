// What the reports of tests are made of.

import type { BenchReport } from "../../bench/report.ts";

/** The figures of one side. */
export const SIDE = { median: 20, spread: [19, 21], hash: "0123456789abcdef" } as const;

export const MACHINE: BenchReport["machine"] = {
  cpu: "a processor",
  cores: 2,
  memoryBytes: 1,
  os: "an os",
  node: "20.0.0",
  v8: "11",
  date: "2026-01-02T03:04:05.000Z",
};
