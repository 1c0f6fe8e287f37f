// The answer of an operation against the recorded one.

import { hex } from "./compare.ts";
import type { RecordedCall, RecordedResult } from "./format.ts";

export interface ResultDifference {
  /** 1 when the answers differ in kind or value. */
  readonly result: number;
  /** Bytes that differ: of a read, an fread, or a mincore. */
  readonly data: number;
}

const SAME: ResultDifference = { result: 0, data: 0 };
const OTHER: ResultDifference = { result: 1, data: 0 };

/** Pages whose residence is not compared (swapped), by index into a mincore answer. */
export type Ignored = ReadonlySet<number>;

export function compareResult(
  call: RecordedCall,
  want: RecordedResult,
  got: RecordedResult,
  ignored: Ignored,
): ResultDifference {
  if (isSilent(want)) return isFailure(got) ? OTHER : SAME;
  if (want.errno !== got.errno || want.signal !== got.signal || want.code !== got.code) {
    return OTHER;
  }
  if (isFailure(want) || want.ret === got.ret) return SAME;
  if (typeof want.ret === "string" && typeof got.ret === "string") {
    return compareResidence(want.ret, got.ret, ignored);
  }
  const isData = call.op === "read" || call.op === "fread";
  return isData && want.ret !== null && got.ret !== null ? { result: 0, data: 1 } : OTHER;
}

function compareResidence(want: string, got: string, ignored: Ignored): ResultDifference {
  if (want.length !== got.length) return OTHER;
  let data = 0;
  for (let index = 0; index < want.length; index++) {
    if (want[index] !== got[index] && !ignored.has(index)) data++;
  }
  return { result: 0, data };
}

/** A result in words; `null` where the recording says nothing of it. */
export function showResult(call: RecordedCall, result: RecordedResult): string {
  const { ret, errno, signal, code } = result;
  if (errno !== undefined) return `${call.op}: ${errno}`;
  if (signal !== undefined) return `${call.op}: ${signal}, code ${code}`;
  if (ret === undefined) return `${call.op}: done`;
  const isAddress = call.op === "mmap" || call.op === "mremap" || call.op === "brk";
  return `${call.op}: ${isAddress && typeof ret === "number" ? hex(ret) : ret}`;
}

function isSilent({ ret, errno, signal }: RecordedResult): boolean {
  return ret === undefined && errno === undefined && signal === undefined;
}

function isFailure({ errno, signal }: RecordedResult): boolean {
  return errno !== undefined || signal !== undefined;
}
