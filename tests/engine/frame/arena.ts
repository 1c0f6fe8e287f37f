// A machine for units of the frame layer, made again as often as a test wants, in any size.
//
// The arena is taken once and is larger than what is placed in it. Beyond ROOM_FRAMES there is room
// for the bookkeeping only: good for flags, not for allocations.

import { PAGE_SIZE } from "../../../assembly/abi";
import { buddyInit } from "../../../assembly/frame/buddy";
import { frameAddress } from "../../../assembly/frame/frame";
import { arenaBytes, layoutInit, layoutPlace, windowBase } from "../../../assembly/mem/layout";

/** Frames that a test may allocate from. */
export const ROOM_FRAMES: u32 = 8192;

let base: usize = 0;

/** Makes a machine of `frames` frames, all free, all zero. */
export function remake(frames: u32): void {
  if (base == 0) {
    assert(layoutInit(ROOM_FRAMES) == 0, "no memory for the test");
    base = windowBase;
  }
  const room = arenaBytes(ROOM_FRAMES);
  memory.fill(base, 0, <usize>(frames < ROOM_FRAMES ? arenaBytes(frames) : room));
  layoutPlace(base, frames);
  buddyInit();
}

/** @returns whether every byte of frame `pfn` is `byte`. */
export function isFilled(pfn: u32, byte: u8): bool {
  for (let at: usize = 0; at < PAGE_SIZE; at++) {
    if (load<u8>(frameAddress(pfn) + at) != byte) return false;
  }
  return true;
}
