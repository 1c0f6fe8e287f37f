// Where frames are mapped, frame by frame, as the reverse map has it; as many places as the window
// holds, and then the next.
//
//   window   0                    16 KiB                                        64 KiB
//           ┌────────────────────┬─────────────────────────────────────────────┐
//           │ frames asked for   │ places: (pfn, mm, address), a frame's together │
//           └────────────────────┴─────────────────────────────────────────────┘
//
// A look in several windows is one look: nothing else may call in between, as for every word that
// the engine leaves.

import { PLACES_BATCH_MAX, PlaceEntry, VM_SHARED, WINDOW_BYTES } from "../abi";
import { rmapFirst, rmapNext, walkAddress, walkVma } from "../map/rmap";
import { Vma, vmaMm } from "../map/vma";
import { frameCount, windowBase } from "../mem/layout";

const PLACE_BYTES: usize = PlaceEntry.LENGTH << 2;
const BATCH_BYTES: usize = (<usize>PLACES_BATCH_MAX) << 2;
const PLACES_MAX: u32 = (WINDOW_BYTES - <u32>BATCH_BYTES) / <u32>PLACE_BYTES;

// What is left of the batch, and whether the walk of the frame before it goes on.
let batchNext: u32 = 0;
let batchEnd: u32 = 0;
let walked: u32 = 0;
let isWalking: bool = false;

/** Only places in shared areas: those through which the frame's file is written. */
let onlyShared: bool = false;

function begin(count: u32, shared: bool): u32 {
  batchNext = 0;
  batchEnd = min(count, PLACES_BATCH_MAX);
  isWalking = false;
  onlyShared = shared;
  return placesNext();
}

/** Places of the first `count` frames that the window names. @returns how many it has now. */
export function placesFirst(count: u32): u32 {
  return begin(count, false);
}

/** Places of one frame; `shared`: those in shared areas. */
export function placesOf(pfn: u32, shared: bool): u32 {
  store<u32>(windowBase, pfn);
  return begin(1, shared);
}

/** The next ones, 0 when there are none left. */
export function placesNext(): u32 {
  let count: u32 = 0;
  while (count < PLACES_MAX && seekPlace()) {
    if (!onlyShared || changetype<Vma>(walkVma).flags & VM_SHARED) {
      putPlace(windowBase + BATCH_BYTES + <usize>count * PLACE_BYTES);
      count++;
    }
    isWalking = rmapNext();
  }
  return count;
}

/** Goes to a frame that has a place. False when the batch is done. */
function seekPlace(): bool {
  while (!isWalking) {
    if (batchNext == batchEnd) return false;
    walked = load<u32>(windowBase + ((<usize>batchNext) << 2));
    batchNext++;
    isWalking = walked != 0 && walked < frameCount && rmapFirst(walked);
  }
  return true;
}

function putPlace(at: usize): void {
  store<u32>(at + (PlaceEntry.Pfn << 2), walked);
  store<u32>(at + (PlaceEntry.Mm << 2), vmaMm(changetype<Vma>(walkVma)).handle);
  store<u32>(at + (PlaceEntry.AddressLo << 2), <u32>walkAddress);
  store<u32>(at + (PlaceEntry.AddressHi << 2), <u32>(walkAddress >> 32));
}
