// What was there though the log never shows it: the program, its loader, its stack, whatever a
// process had mapped before strace came.
//
// A call that the kernel answered well on a range where the engine has nothing shows that there was
// something. It is mapped then, private and writable, and counted.

import { PAGE_SIZE, TASK_SIZE } from "../../../assembly/abi.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../constants.ts";
import type { Core } from "../../core.ts";
import { MemoryError } from "../../errors.ts";
import type { Mm } from "../../mm.ts";
import { SPACE } from "../../space.ts";
import type { RecordedOperation } from "../format.ts";

const HOW = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;

/** Maps what must have been there for the operation to go as it went. The pages mapped. */
export async function presume(core: Core, mm: Mm, event: RecordedOperation): Promise<number> {
  const range = neededBy(event);
  if (range === null) return 0;
  let pages = 0;
  for (const [start, end] of holes(core, mm, range.start, range.end)) {
    try {
      await mm.mmap(start, end - start, PROT_READ | PROT_WRITE, HOW);
      pages += (end - start) / PAGE_SIZE;
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
    }
  }
  return pages;
}

/** The range that has to be mapped as a whole, or null. */
function neededBy({ call, result }: RecordedOperation): { start: number; end: number } | null {
  if (result.errno !== undefined) return null;
  switch (call.op) {
    case "mprotect":
    case "madvise":
    case "msync":
    case "mlock":
    case "mlock2":
    case "munlock":
    case "mincore":
      return rangeOf(call.addr, call.len);
    case "mremap":
      return rangeOf(call.addr, Math.max(call.oldLen, 1));
    default:
      return null;
  }
}

function rangeOf(address: number, bytes: number): { start: number; end: number } | null {
  const start = address - (address % PAGE_SIZE);
  const end = Math.ceil((address + bytes) / PAGE_SIZE) * PAGE_SIZE;
  return bytes > 0 && end <= TASK_SIZE ? { start, end } : null;
}

/** The parts of [start, end) without an area, lowest first. */
function holes(core: Core, mm: Mm, start: number, end: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = start; at < end; ) {
    const area = core.engine.areaAfter(mm[SPACE].handle, at);
    const next = Math.min(area?.start ?? end, end);
    if (next > at) found.push([at, next]);
    at = Math.max(at, Math.min(area?.end ?? end, end));
  }
  return found;
}
