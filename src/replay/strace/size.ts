// How much memory the machine needs to replay a log: tables of those that live at once, pages that
// calls populate, pages that `--touch` touches.

import {
  FRAMES_MAX,
  MAP_LOCKED,
  MAP_POPULATE,
  PAGE_SIZE,
  PROT_NONE,
} from "../../../assembly/abi.ts";
import type { RecordedCall } from "../format.ts";
import { spacesAtOnce } from "../size.ts";
import type { StraceLog } from "./log.ts";
import { TOUCH_PAGES_MAX, type Touch } from "./touch.ts";

/** 32 MiB, in frames. */
const FRAMES_LEAST = 8192;
/** For the page tables of one address space, and what it may copy. */
const FRAMES_PER_SPACE = 128;

/** Bytes of physical memory, at most those of the largest machine. */
export function memoryForStrace({ recording }: StraceLog, touch: Touch): number {
  let populated = 0;
  let mapped = 0;
  let locksAll = false;
  for (const event of recording.events) {
    if (event.kind !== "operation" || event.result.errno !== undefined) continue;
    const { call } = event;
    locksAll ||= call.op === "mlockall";
    populated += populates(call) ? pagesOf(call) : 0;
    mapped += mappedBy(call);
  }
  const tables = spacesAtOnce(recording) * FRAMES_PER_SPACE;
  const touched = touch === "none" && !locksAll ? 0 : Math.min(mapped, TOUCH_PAGES_MAX);
  const frames = FRAMES_LEAST + tables + Math.min(populated, FRAMES_MAX) + touched;
  return Math.min(frames, FRAMES_MAX) * PAGE_SIZE;
}

function populates(call: RecordedCall): boolean {
  if (call.op === "mmap") return (call.flags & (MAP_LOCKED | MAP_POPULATE)) !== 0;
  return call.op === "mlock" || call.op === "mlock2";
}

/** Pages that a call maps, and that may be touched. */
function mappedBy(call: RecordedCall): number {
  const isOpen = (call.op === "mmap" || call.op === "mprotect") && call.prot !== PROT_NONE;
  return isOpen || call.op === "mremap" ? pagesOf(call) : 0;
}

/** Pages that a call maps or locks; what no machine has is refused anyway. */
function pagesOf(call: RecordedCall): number {
  const bytes = "len" in call ? call.len : call.op === "mremap" ? call.newLen : 0;
  const pages = Math.ceil(bytes / PAGE_SIZE);
  return pages > FRAMES_MAX ? 0 : pages;
}
