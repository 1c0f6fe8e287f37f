// Shared memory to swap and back (as Linux mm/shmem.c: shmem_writeout, shmem_swapin_folio).
//
//   out   every pte is cleared, the cache names the slot, the frame waits to be written; a page
//         that was never written is dropped
//   in    fault, read, write, a cut ──▶ cached for the slot? ── yes ──▶ in the file's cache again
//                                          │ no
//                                          └──▶ NEED_IO, as of an anonymous page (swap-in.ts)
//
// A page that is wanted while it is being written is in both caches until that has ended; what was
// written is then nobody's, as the slot is.

import { Fate, PG, Status } from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress } from "../frame/frame";
import { cacheFromSwap, cacheSlot, cacheToSwap, swappedFirst } from "../map/cache-swap";
import { cacheNext } from "../map/cache-walk";
import { NO_PAGE, writebackSet } from "../map/dirty";
import { Mapping } from "../map/mapping";
import { slotFrame, slotTake } from "../map/swap";
import { mappingConflict } from "../plan/freeze";
import { refuseFrozen } from "../plan/ticket";
import { clearPtes } from "./evict";
import { aheadHit } from "./swap-ahead";
import { needIo, startRead } from "./swap-in";

/**
 * Whether a page of a file in memory has only been read since somebody's fault made it of zeros: it
 * can be made again. `isDirty`: what its ptes say.
 */
export function isUntouched(pfn: u32, isDirty: bool): bool {
  if (isDirty || flagTest(PG.dirty, pfn)) return false;
  return memory.compare(frameAddress(pfn), frameAddress(0), 4096) == 0;
}

/** Takes a page of a file in memory out. */
export function sharedOut(pfn: u32): Fate {
  if (flagTest(PG.swapcache, pfn)) return Fate.Busy;
  const taken = slotTake(pfn);
  if (!taken) return Fate.NoSwap;
  clearPtes(pfn);
  cacheToSwap(pfn, taken - 1);
  writebackSet(pfn);
  return Fate.Reclaimed;
}

/** Makes page `index` cached where it is in swap; `group` pays. @returns Ok, NEED_IO or ENOMEM. */
export function sharedIn(mapping: Mapping, index: u64, group: u32): i32 {
  const taken = cacheSlot(mapping, index);
  if (!taken) return Status.Ok;
  const cached = slotFrame(taken - 1);
  if (!cached) return startRead(taken - 1, group);
  if (flagTest(PG.locked, cached)) return needIo(taken - 1, cached);
  aheadHit(cached);
  cacheFromSwap(mapping, index);
  return Status.Ok;
}

/** Where `sharedUnuse` goes on in the first file of the list: behind what it has brought back. */
let unuseFile: usize = 0;
let unuseFrom: u64 = 0;

/**
 * Brings back every page of every file that is in swap (as Linux shmem_unuse).
 *
 * @returns Ok; NEED_IO, EAGAIN when frozen, ENOMEM: to be called again.
 */
export function sharedUnuse(): i32 {
  while (swappedFirst) {
    const isSame = unuseFile == swappedFirst;
    unuseFile = swappedFirst;
    const status = unuseRest(changetype<Mapping>(swappedFirst), isSame ? unuseFrom : 0);
    if (status) return status;
    // Another file at the same place, or one that was cut and has grown again: from its beginning.
    unuseFrom = 0;
  }
  unuseFile = 0;
  return Status.Ok;
}

function unuseRest(mapping: Mapping, from: u64): i32 {
  for (let at = cacheNext(mapping, from); at != NO_PAGE; at = cacheNext(mapping, at + 1)) {
    unuseFrom = at;
    if (!cacheSlot(mapping, at)) continue;
    const frozen = mappingConflict(mapping, at << 12, (at + 1) << 12);
    const status = frozen ? refuseFrozen(frozen) : sharedIn(mapping, at, 0);
    if (status) return status;
    if (!mapping.swapped) return Status.Ok;
  }
  return Status.Ok;
}
