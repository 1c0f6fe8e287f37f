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

import { PLACES_BATCH_MAX, PlaceEntry, WINDOW_BYTES } from "../abi";
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

/** Places of the first `count` frames that the window names. @returns how many it has now. */
export function placesFirst(count: u32): u32 {
  batchNext = 0;
  batchEnd = min(count, PLACES_BATCH_MAX);
  isWalking = false;
  return placesNext();
}

/** Places of one frame. */
export function placesOf(pfn: u32): u32 {
  store<u32>(windowBase, pfn);
  return placesFirst(1);
}

/** The next ones, 0 when there are none left. */
export function placesNext(): u32 {
  let count: u32 = 0;
  while (count < PLACES_MAX && seekPlace()) {
    putPlace(windowBase + BATCH_BYTES + <usize>count * PLACE_BYTES);
    isWalking = rmapNext();
    count++;
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
