// The calls that make a swap area go, and those on what is read ahead, as the shell makes them.

import { ResultField, Status } from "../abi";
import { mmOf } from "../map/mm";
import { swapClose } from "../map/swap";
import { resultSet } from "../mem/result";
import { settled } from "../op/machine";
import { swapNextRead } from "../op/swap-in";
import { sharedUnuse } from "../op/swap-shared";
import { swapLeave, swapUnuse } from "../op/swap-unuse";

/** The next frame at or above `from` that waits to be read: 1 with Count and Pfn, or 0. */
export function swapNextReadEntry(from: u32): i32 {
  return swapNextRead(from);
}

/** Whether no page goes out any more, until the area is gone or this is called again. */
export function swapCloseEntry(closes: u32): i32 {
  return swapClose(closes != 0);
}

/** Maps what an address space has in swap from `from` on, or as far as it goes: see ValueLo. */
export function swapUnuseEntry(handle: u32, from: f64): i32 {
  const mm = mmOf(handle);
  resultSet(ResultField.Blocker, 0);
  return mm ? settled(swapUnuse(mm, <u64>from)) : Status.ESRCH;
}

/** Brings back what files in memory have in swap, or as far as it goes. */
export function swapUnuseFilesEntry(): i32 {
  resultSet(ResultField.Blocker, 0);
  return settled(sharedUnuse());
}

/** The area goes, where nothing is in it any more. */
export function swapOffEntry(): i32 {
  resultSet(ResultField.Blocker, 0);
  return settled(swapLeave());
}
