// The arena: everything the engine owns, in one piece of linear memory that is taken once.
//
//   0            static data: result block, counters, pools, tables of fixed size
//   ├─ windowBase    64 KiB that lists cross the boundary in          (page aligned)
//   ├─ frameTable    one record of FRAME_BYTES per frame              (64-byte aligned)
//   ├─ flagsBase     PG.COUNT times one flag: a bit per frame, then   (64-byte aligned)
//   │                a bit per line of 512 frames (the summary)
//   ├─ framesBase    4096 bytes per frame, to the end of memory       (page aligned)
//   └─ arenaEnd
//
//   256 frames (1 MiB):         windowBase +0  table +0x10000  flags +0x12800   frames +0x14000
//   16,384 frames (64 MiB):     windowBase +0  table +0x10000  flags +0xb0000   frames +0xc0000
//   FRAMES_MAX (just < 4 GiB):  windowBase +0  table +0x10000  flags +0x279f800 frames +0x2b77000
//
// The arena begins where memory ended before it was grown, so nothing below can run into it, and
// what it begins with is zero.
//
// Invariants
//   Y1  Regions do not overlap, stand in the order drawn, and end inside linear memory.
//   Y2  Memory is grown by `layoutInit` and never after, so no view of it goes stale.
//   Y3  What grows with the frames is at most FRAME_OVERHEAD_MAX bytes each, and
//       OVERHEAD_ROUNDING once.
//   Y4  A machine of FRAMES_MAX fits ARENA_PAGES_MAX with STATIC_BYTES_MAX of static data below.
//
// Written by: layoutInit, once. Read by: everyone.

import {
  FRAME_OVERHEAD_MAX,
  FRAMES_MAX,
  FRAMES_MIN,
  PAGE_SHIFT,
  PAGE_SIZE,
  PG,
  ResultField,
  Status,
  Vmstat,
  WINDOW_BYTES,
} from "../abi";

/** Bytes from one frame record to the next; `frame/frame.ts` holds the record to it. */
export const FRAME_BYTES: usize = 40;
/** Frames whose bits in one flag share a cache line of 64 bytes, and one bit of the summary. */
export const LINE_SHIFT: u32 = 9;
export const LINE_FRAMES: u32 = 1 << LINE_SHIFT;
export const LINE_BYTES: usize = 64;
/** Largest linear memory in Wasm pages: one short of 4 GiB, so that its end is a 32-bit number. */
export const ARENA_PAGES_MAX: u32 = 65535;
/** Static data that FRAMES_MAX leaves room for. */
export const STATIC_BYTES_MAX: u64 = 1 << 20;
/** What rounding to lines costs a machine of any size, in bytes. */
export const OVERHEAD_ROUNDING: u64 = 2048;

const WASM_PAGE_SHIFT: u64 = 16;
const WASM_PAGE_MASK: u64 = 0xffff;

/** Frames of this machine, 0 before it is made. */
export let frameCount: u32 = 0;
export let windowBase: usize = 0;
export let frameTable: usize = 0;
export let flagsBase: usize = 0;
export let framesBase: usize = 0;
/** Bytes from one flag to the next. */
export let flagStride: usize = 0;
/** Bytes from the beginning of a flag to its summary. */
export let flagSummary: usize = 0;

/** The result block: ResultField.LENGTH words of u32. Static, so that a word of it is one store. */
export const resultBase: usize = memory.data(ResultField.LENGTH << 2, 16);
/** Counters: Vmstat.COUNT numbers of f64. */
export const vmstatBase: usize = memory.data(Vmstat.COUNT << 3, 16);

/** Lines of 512 frames that `frames` frames begin. */
function lineCount(frames: u32): u32 {
  return (frames + LINE_FRAMES - 1) >>> LINE_SHIFT;
}

/** Bytes of one flag's bits without its summary. */
function bitmapBytes(frames: u32): u64 {
  return <u64>lineCount(frames) * LINE_BYTES;
}

/** Bytes of one flag: the odd line that the summary adds keeps flags out of each other's sets. */
function flagBytes(frames: u32): u64 {
  return bitmapBytes(frames) + <u64>lineCount(lineCount(frames)) * LINE_BYTES;
}

function tableBytes(frames: u32): u64 {
  return roundUp(<u64>frames * FRAME_BYTES, LINE_BYTES);
}

function roundUp(bytes: u64, unit: u64): u64 {
  return (bytes + unit - 1) & ~(unit - 1);
}

/** Bytes of bookkeeping that a machine of `frames` frames has because of its frames. */
export function bookkeepingBytes(frames: u32): u64 {
  return tableBytes(frames) + flagBytes(frames) * PG.COUNT;
}

/** Bytes that the arena of `frames` frames takes from a page-aligned base to its end. */
export function arenaBytes(frames: u32): u64 {
  const before = roundUp(WINDOW_BYTES + bookkeepingBytes(frames), PAGE_SIZE);
  return before + ((<u64>frames) << PAGE_SHIFT);
}

/**
 * Puts the regions of `frames` frames at `base`.
 *
 * Precondition: `base` is page aligned, and memory reaches to `base + arenaBytes(frames)`.
 */
export function layoutPlace(base: usize, frames: u32): void {
  frameCount = frames;
  windowBase = base;
  frameTable = base + WINDOW_BYTES;
  flagsBase = frameTable + <usize>tableBytes(frames);
  flagStride = <usize>flagBytes(frames);
  flagSummary = <usize>bitmapBytes(frames);
  framesBase = base + <usize>(arenaBytes(frames) - ((<u64>frames) << PAGE_SHIFT));
}

/**
 * Takes the memory of a machine of `frames` frames, and places its regions.
 *
 * @returns EINVAL outside FRAMES_MIN..FRAMES_MAX, EBUSY when there is a machine already, ENOMEM
 *   when the host has no such memory; nothing has changed then. Else 0.
 */
export function layoutInit(frames: u32): i32 {
  if (frames < FRAMES_MIN || frames > FRAMES_MAX) return Status.EINVAL;
  if (frameCount != 0) return Status.EBUSY;
  const before = <u32>memory.size();
  const pages = <u32>((arenaBytes(frames) + WASM_PAGE_MASK) >> WASM_PAGE_SHIFT);
  if (before + pages > ARENA_PAGES_MAX) return Status.ENOMEM;
  if (memory.grow(pages) < 0) return Status.ENOMEM;
  layoutPlace(<usize>((<u64>before) << WASM_PAGE_SHIFT), frames);
  return Status.Ok;
}

/** @returns the number of the first layout invariant (Y1, Y3, Y4) that does not hold, or 0. */
export function layoutCheck(): u32 {
  const end = <u64>framesBase + ((<u64>frameCount) << PAGE_SHIFT);
  if (frameTable < windowBase + WINDOW_BYTES) return 1;
  if (flagsBase < frameTable + <usize>frameCount * FRAME_BYTES) return 1;
  if (framesBase < flagsBase + flagStride * PG.COUNT) return 1;
  if (end > (<u64>memory.size()) << WASM_PAGE_SHIFT) return 1;
  const allowed = <u64>frameCount * FRAME_OVERHEAD_MAX + OVERHEAD_ROUNDING;
  if (bookkeepingBytes(frameCount) > allowed) return 3;
  if (STATIC_BYTES_MAX + arenaBytes(FRAMES_MAX) > (<u64>ARENA_PAGES_MAX) << WASM_PAGE_SHIFT)
    return 4;
  return 0;
}
