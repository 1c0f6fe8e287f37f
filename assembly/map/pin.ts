// Pinned pages: a device goes on reading or writing a frame whatever becomes of its mapping (as
// Linux FOLL_PIN). A pinned frame does not move, is not paged out, and outlives its ptes.
//
//   mapped ──pin──▶ pinned ──munmap, exit──▶ pinned, mapped nowhere ──unpin──▶ free
//                     └────────unpin──────▶ mapped
//
// A pinned private page is one mm's alone: pinning breaks copy on write, and fork copies it. So
// what the owner writes the device sees, and the child of a fork sees neither.
//
// Invariants
//   U2  PG.pinned exactly while `pins` of the frame is not 0; each pin holds a reference.
//   U3  pins of an mm is at most the pins there are.
//
// Written by: op/pin.ts.

import { PG, Vmstat } from "../abi";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { statAdd } from "../mem/vmstat";
import { frameDrop } from "./mapping";
import { Mm } from "./mm";

/** Pins that there are. */
export let pinCount: u32 = 0;

/** One more pin of `pfn`, made through `mm`. */
export function framePin(mm: Mm, pfn: u32): void {
  const frame = frameOf(pfn);
  if (!frame.pins) flagSet(PG.pinned, pfn);
  frame.pins++;
  frame.refcount++;
  mm.pins++;
  pinCount++;
  statAdd(Vmstat.nr_foll_pin_acquired, 1);
}

/** One pin of `pfn` less; `mm` is the one it was made through, null when that is gone. */
export function frameUnpin(mm: Mm | null, pfn: u32): void {
  const frame = frameOf(pfn);
  frame.pins--;
  if (!frame.pins) flagClear(PG.pinned, pfn);
  if (mm) mm.pins--;
  pinCount--;
  statAdd(Vmstat.nr_foll_pin_released, 1);
  frameDrop(pfn);
}

/** Whether fork must copy the page of `mm` in `pfn` instead of sharing it. */
export function isPinnedAnon(pfn: u32): bool {
  return flagTest(PG.pinned, pfn) && flagTest(PG.anon, pfn);
}
