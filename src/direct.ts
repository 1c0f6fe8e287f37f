// The hot synchronous paths: one call into the engine, one look at its status, no object made.
//
// Invariants
//   Z1  It goes to the engine only when nobody is queued and no trace is kept (`core.quiet`).
//   Z2  What is not done by that one call goes on, with the status it got, in the pipeline.

import { MADV_PAGEOUT, MADV_WILLNEED } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import type { File } from "./file.ts";
import { mappingOf } from "./file-state.ts";
import { isSharedMemory } from "./plans.ts";
import type { Space } from "./space.ts";

/** Whether nothing is left to do: no ticket, no error, nothing to populate. */
export function isDone(core: Core, status: number): boolean {
  return status === 0 && !core.engine.answer.wantsPopulate;
}

export function mmap(
  core: Core,
  space: Space,
  address: number,
  length: number,
  prot: number,
  flags: number,
  file: File | null | undefined,
  offset: number,
): number {
  const at = take.word(address, "address");
  const size = take.word(length, "length");
  const bits = take.int(prot, "prot");
  const kind = take.int(flags, "flags");
  const position = take.word(offset, "offset");
  const mapping = mappingOf(core, file, kind);
  if (!core.quiet || isSharedMemory(kind)) return UNTRIED;
  return core.engine.mmap(space.handle, at, size, bits, kind, mapping, position);
}

export function munmap(core: Core, space: Space, address: number, length: number): number {
  const at = take.word(address, "address");
  const size = take.word(length, "length");
  return core.quiet ? core.engine.munmap(space.handle, at, size) : UNTRIED;
}

export function mprotect(
  core: Core,
  space: Space,
  address: number,
  length: number,
  prot: number,
): number {
  const at = take.word(address, "address");
  const size = take.word(length, "length");
  const bits = take.strictFlags(prot, "prot");
  return core.quiet ? core.engine.mprotect(space.handle, at, size, bits) : UNTRIED;
}

export function madvise(
  core: Core,
  space: Space,
  address: number,
  length: number,
  advice: number,
): number {
  const at = take.word(address, "address");
  const size = take.word(length, "length");
  const kind = take.int(advice, "advice");
  if (!core.quiet || kind === MADV_PAGEOUT || kind === MADV_WILLNEED) return UNTRIED;
  return core.engine.madvise(space.handle, at, size, kind);
}

export function brk(core: Core, space: Space, address: number): number {
  const at = take.word(address, "address");
  return core.quiet ? core.engine.brk(space.handle, at) : UNTRIED;
}
