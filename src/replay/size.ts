// How much memory the machine needs to replay a recording without ever running out.

import {
  FRAMES_MAX,
  HUGE_FRAMES,
  MAP_LOCKED,
  MAP_POPULATE,
  PAGE_SIZE,
} from "../../assembly/abi.ts";
import type { RecordedCall, RecordedEvent, Recording } from "./format.ts";

/** The smallest machine that a recording is replayed in, in frames: 16 MiB. */
const FRAMES_LEAST = 4096;

/** Frames set aside for the page tables of one address space, and what it may copy. */
const FRAMES_PER_SPACE = 512;

/**
 * Bytes of physical memory: every page of every file, and one for each access and each page that
 * is populated, as if none were ever freed; tables for as many address spaces as live at once; at
 * most the largest machine.
 */
export function memoryFor(recording: Recording): number {
  let frames = FRAMES_LEAST + spacesAtOnce(recording) * FRAMES_PER_SPACE;
  for (const { size } of recording.header.files) frames += populated(size);
  // One more: blocks are aligned.
  if (recording.header.hugePages > 0) frames += (recording.header.hugePages + 1) * HUGE_FRAMES;
  for (const event of recording.events) frames += framesFor(event);
  return Math.min(frames, FRAMES_MAX) * PAGE_SIZE;
}

function framesFor(event: RecordedEvent): number {
  if (event.kind === "file") return populated(event.size);
  if (event.kind === "start") return event.space.pages.size;
  return event.kind === "operation" ? framesForCall(event.call) : 0;
}

function framesForCall(call: RecordedCall): number {
  switch (call.op) {
    case "write":
    case "read":
    case "fault":
    case "fwrite":
      return 1;
    case "mlock":
    case "mlock2":
      return populated(call.len);
    case "mmap":
      return (call.flags & (MAP_LOCKED | MAP_POPULATE)) === 0 ? 0 : populated(call.len);
    default:
      return 0;
  }
}

/** Pages that may be filled; what asks for more than any machine has is refused, or not filled. */
function populated(bytes: number): number {
  const count = pages(bytes);
  return count > FRAMES_MAX ? 0 : count;
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE);
}

/** A program that makes thousands of processes, one after the other, needs no room for all. */
export function spacesAtOnce({ events }: Recording): number {
  const alive = new Set<number>();
  let most = 1;
  for (const event of events) {
    if (event.kind === "start") alive.add(event.proc);
    if (event.kind !== "operation") continue;
    if (event.call.op === "fork") alive.add(event.call.child);
    if (event.call.op === "exit") alive.delete(event.proc);
    most = Math.max(most, alive.size);
  }
  return most;
}
