// mincore and msync: questions about a range (as Linux mm/mincore.c and mm/msync.c).

import {
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  ResultField,
  Status,
  VM_LOCKED,
  WINDOW_BYTES,
} from "../abi";
import { cacheGet, Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { P } from "../map/pte";
import { pteGet } from "../map/table";
import { isAnonymous, linearIndex, Vma } from "../map/vma";
import { vmaFind, vmaLookup } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet } from "../mem/result";
import { USER_END } from "../plan/placement";
import { pageAlign } from "./munmap";

/** Is the page in memory: mapped, or cached where it could be mapped from? */
function isResident(mm: Mm, vma: Vma, address: u64): bool {
  if (pteGet(mm, address) & P) return true;
  if (isAnonymous(vma)) return false;
  return cacheGet(changetype<Mapping>(vma.mapping), linearIndex(vma, address)) != 0;
}

/**
 * mincore(2): a byte a page in the window, Count of them. A range longer than the window is cut
 * there: the shell asks again. EINVAL misaligned, ENOMEM at a hole.
 */
export function mincore(mm: Mm, address: u64, length: u64): i32 {
  if (address & 4095) return Status.EINVAL;
  if (address > USER_END || length > USER_END - address) return Status.ENOMEM;
  const end = address + pageAlign(length);
  let count: u32 = 0;
  let vma: usize = 0;
  for (let at = address; at < end && count < WINDOW_BYTES; at += 4096) {
    if (!vma || at >= changetype<Vma>(vma).end) vma = vmaLookup(mm, at);
    if (!vma) return Status.ENOMEM;
    store<u8>(windowBase + count, <u8>isResident(mm, changetype<Vma>(vma), at));
    count++;
  }
  resultSet(ResultField.Count, count);
  return Status.Ok;
}

/** msync(2) of files that live in memory: nothing to write, but the errors are Linux's. */
export function msync(mm: Mm, address: u64, length: u64, flags: i32): i32 {
  if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return Status.EINVAL;
  if (address & 4095 || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
    return Status.EINVAL;
  }
  const end = address + pageAlign(length);
  if (end < address) return Status.ENOMEM;
  let result: i32 = Status.Ok;
  let at = address;
  while (at < end) {
    const found = vmaFind(mm, at);
    if (!found) return Status.ENOMEM;
    const vma = changetype<Vma>(found);
    if (vma.start > at) {
      if (flags == MS_ASYNC) return Status.ENOMEM;
      if (vma.start >= end) return Status.ENOMEM;
      result = Status.ENOMEM;
    }
    if (flags & MS_INVALIDATE && vma.flags & VM_LOCKED) return Status.EBUSY;
    at = vma.end;
  }
  return result;
}
