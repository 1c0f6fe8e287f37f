// A recording's calls as text, for the program that makes them of the host's kernel.
//
// A call is seven numbers: what it is, which process makes it, and up to five arguments.

import type { RecordedCall } from "../src/replay/format.ts";
import type { Step } from "./recording.bench.ts";

/** By their number in bench/native/recording.c. */
const CODES = [
  "write",
  "read",
  "mmap",
  "munmap",
  "mprotect",
  "mremap",
  "madvise",
  "mlock",
  "munlock",
  "msync",
  "mincore",
  "fork",
  "exit",
];

const ARGUMENTS = 5;

export function scriptOf(steps: readonly Step[]): string {
  return steps
    .map(({ proc, call }) => {
      const args = argumentsOf(call);
      const rest = Array.from({ length: ARGUMENTS }, (_, index) => args[index] ?? 0);
      return [CODES.indexOf(call.op), proc, ...rest].join(" ");
    })
    .join(" ");
}

function argumentsOf(call: RecordedCall): readonly number[] {
  switch (call.op) {
    case "write":
      return [call.addr, call.byte];
    case "read":
      return [call.addr];
    case "mmap":
      return [call.addr, call.len, call.prot, call.flags];
    case "mprotect":
      return [call.addr, call.len, call.prot];
    case "mremap":
      return [call.addr, call.oldLen, call.newLen, call.flags, call.newAddr];
    case "madvise":
      return [call.addr, call.len, call.advice];
    case "msync":
      return [call.addr, call.len, call.flags];
    case "munmap":
    case "mlock":
    case "munlock":
    case "mincore":
      return [call.addr, call.len];
    case "fork":
      return [call.child];
    case "exit":
      return [];
    default:
      throw new RangeError(`a recording with ${call.op} cannot be a case yet`);
  }
}
