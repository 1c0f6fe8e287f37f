// Targets beside the kernel that the benchmarks run on.
//
// They are meant for a kernel in a guest of a guest, whose faults and system calls cost about three
// times what they cost on bare metal.

import { type Measured, type Target, timesFaster } from "./target.ts";

const SIDE = "kernel";

export const kernel: readonly Target[] = [
  timesFaster("fault-512", SIDE, 7),
  timesFaster("fault", SIDE, 5),
  timesFaster("map-unmap", SIDE, 25),
  timesFaster("munmap", SIDE, 12),
  timesFaster("mprotect", SIDE, 50),
  timesFaster("fork-exit", SIDE, 20),
  timesFaster("cow", SIDE, 5),
  timesFaster("mremap", SIDE, 20),
  timesFaster("remote-read", SIDE, 8),
  timesFaster("rmap-unmap-64", SIDE, 8),
  timesFaster("rmap-unmap-64-batch", SIDE, 40),
  timesFaster("areas-60000", SIDE, 10),
  timesFaster("recording-private-1", SIDE, 10),
  timesFaster("recording-fork-1", SIDE, 10),
  {
    name: "areas-60000, over areas-1000",
    want: "<= 2.5",
    unit: "×",
    got(report) {
      const [many, few] = [medianOf(report, "areas-60000"), medianOf(report, "areas-1000")];
      return many === null || few === null ? null : many / few;
    },
  },
];

function medianOf({ cases }: Measured, name: string): number | null {
  return cases.find((one) => one.name === name)?.median ?? null;
}
