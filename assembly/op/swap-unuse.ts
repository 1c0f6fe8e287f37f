// Bringing everything back from swap (as Linux mm/swapfile.c try_to_unuse), an mm at a time and a
// page at a time, so that the area can go. The shell goes on where this stopped.

import { ResultField, Status } from "../abi";
import { Mm } from "../map/mm";
import { isSwap, swapOff } from "../map/swap";
import { leafEnd, leafSeek, pteGet } from "../map/table";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { resultSet64 } from "../mem/result";
import { USER_END } from "../plan/placement";
import { checkFrozen } from "../plan/ticket";
import { needIo, swapIn, swapNext, swapNextRead } from "./swap-in";

/**
 * Maps every page of `mm` at or above `from` that is swapped out.
 *
 * @returns Ok; NEED_IO, EAGAIN when frozen, ENOMEM: with the page in ValueLo, to go on with it.
 */
export function swapUnuse(mm: Mm, from: u64): i32 {
  let at = leafSeek(mm, from & ~(<u64>4095), USER_END);
  while (at < USER_END) {
    const stop = leafEnd(at, USER_END);
    for (; at < stop; at += 4096) {
      const status = isSwap(pteGet(mm, at)) ? unusePage(mm, at) : Status.Ok;
      if (!status) continue;
      resultSet64(ResultField.ValueLo, at);
      return status;
    }
    at = leafSeek(mm, stop, USER_END);
  }
  return Status.Ok;
}

/**
 * Gives the area back once nothing is in it. EINVAL where there is none; NEED_IO, with no frame in
 * Pfn, while the host works on a page of it; EBUSY while a pte names a slot.
 */
export function swapLeave(): i32 {
  return swapNext(1) || swapNextRead(1) ? needIo(0, 0) : swapOff();
}

function unusePage(mm: Mm, page: u64): i32 {
  const frozen = checkFrozen(mm, page, page + 4096);
  return frozen ? frozen : swapIn(mm, changetype<Vma>(vmaLookup(mm, page)), page);
}
