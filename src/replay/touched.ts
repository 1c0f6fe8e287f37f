// Where an operation may have made pages present: where the exporter looks for new ones.

import { HUGE_BYTES, PAGE_SIZE } from "../../assembly/abi.ts";
import type { RecordedCall, RecordedResult } from "./format.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Pages that one fault may make present: fault-around maps 16, in a block of 16 or the next. */
const AROUND = 16 * PAGE_SIZE;

const NOTHING: readonly Span[] = [];

/**
 * The ranges, in the acting process. What was announced is looked at besides. Where there are huge
 * pages, one access makes all of one present.
 */
export function touched(
  call: RecordedCall,
  result: RecordedResult,
  hasHugePages = false,
): readonly Span[] {
  const spans = spansOf(call, result);
  return hasHugePages ? spans.map(widened) : spans;
}

function widened({ start, end }: Span): Span {
  return {
    start: start - (start % HUGE_BYTES),
    end: Math.ceil(end / HUGE_BYTES) * HUGE_BYTES,
  };
}

function spansOf(call: RecordedCall, result: RecordedResult): readonly Span[] {
  switch (call.op) {
    case "write":
    case "read":
    case "fault":
      return around(call.addr);
    case "mmap":
      return at(result, call.len);
    case "mremap":
      return [...at(result, call.newLen), ...span(call.newAddr, call.newLen)];
    case "mlock":
    case "mlock2":
    case "mprotect":
    case "madvise":
      return span(call.addr, call.len);
    case "mlockall":
      return [{ start: 0, end: Number.MAX_SAFE_INTEGER }];
    default:
      return NOTHING;
  }
}

function at({ ret }: RecordedResult, bytes: number): readonly Span[] {
  return typeof ret === "number" ? span(ret, bytes) : NOTHING;
}

function around(address: number): readonly Span[] {
  return span(address, 1);
}

/** Populating faults, so what it makes present can lie around its range too. */
function span(address: number, bytes: number): readonly Span[] {
  const start = address - (address % AROUND);
  return [{ start, end: Math.ceil((address + bytes) / AROUND) * AROUND + AROUND }];
}
