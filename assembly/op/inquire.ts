// mincore and msync: questions about a range (as Linux mm/mincore.c and mm/msync.c).

import {
  FileKind,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  ResultField,
  Status,
  VM_LOCKED,
  VM_SHARED,
  WINDOW_BYTES,
} from "../abi";
import { isInSwapCache } from "../map/cache-swap";
import { hugeGet, isHuge } from "../map/huge";
import { hugeIndexOf } from "../map/huge-cache";
import { hadPmdTable } from "../map/huge-table";
import { cacheGet, Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { P } from "../map/pte";
import { pteGet } from "../map/table";
import { isAnonymous, linearIndex, Vma } from "../map/vma";
import { vmaFind, vmaLookup } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { USER_END } from "../plan/placement";
import { cacheReady } from "./file-read";
import { pageAlign } from "./munmap";

/** As mincore_hugetlb: the cache is asked only where there is no table to ask. */
function isHugeResident(mm: Mm, vma: Vma, address: u64): bool {
  if (hadPmdTable(vma, address)) return hugeGet(mm, address) != 0;
  const index = hugeIndexOf(linearIndex(vma, address));
  return cacheGet(changetype<Mapping>(vma.mapping), index) != 0;
}

/** Is the page in memory: mapped, or cached, by its file or for its slot of swap? */
function isResident(mm: Mm, vma: Vma, address: u64): bool {
  if (isHuge(vma)) return isHugeResident(mm, vma, address);
  if (pteGet(mm, address) & P) return true;
  if (isAnonymous(vma)) return false;
  const mapping = changetype<Mapping>(vma.mapping);
  const index = linearIndex(vma, address);
  return cacheReady(mapping, index) != 0 || isInSwapCache(mapping, index);
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

/** What `msync` answers when a file's range is to be written before it goes on. */
const SYNC_FIRST: i32 = 1;

/** With MS_SYNC, what `vma` shows of a file on a disk is written; memory has nowhere to go. */
function isSynced(vma: Vma, flags: i32): bool {
  if (!(flags & MS_SYNC) || !(vma.flags & VM_SHARED) || isAnonymous(vma)) return false;
  return changetype<Mapping>(vma.mapping).kind == FileKind.Disk;
}

/** The part of [at, end) in `vma` is to be synced: Mapping, bytes [Start, End); Value is next. */
function syncFirst(vma: Vma, at: u64, end: u64, hole: bool): i32 {
  const stop = min(vma.end, end);
  const first = linearIndex(vma, at) << 12;
  resultSet(ResultField.Mapping, <u32>(vma.mapping >>> 3));
  resultSet64(ResultField.StartLo, first);
  resultSet64(ResultField.EndLo, first + (stop - at));
  resultSet64(ResultField.ValueLo, stop);
  resultSet(ResultField.Count, hole ? 1 : 0);
  return SYNC_FIRST;
}

/**
 * msync(2), from address `from` on (`address` in the beginning); `hole`: it has passed one.
 *
 * @returns Linux's errors; Ok; 1 where a file's range is to be synced, and then to go on.
 */
export function msync(mm: Mm, address: u64, length: u64, flags: i32, from: u64, hole: bool): i32 {
  if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return Status.EINVAL;
  if (address & 4095 || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
    return Status.EINVAL;
  }
  const end = address + pageAlign(length);
  if (end < address) return Status.ENOMEM;
  let result: i32 = hole ? Status.ENOMEM : Status.Ok;
  let at = max(address, from);
  while (at < end) {
    const found = vmaFind(mm, at);
    if (!found) return Status.ENOMEM;
    const vma = changetype<Vma>(found);
    if (vma.start > at) {
      if (flags == MS_ASYNC) return Status.ENOMEM;
      if (vma.start >= end) return Status.ENOMEM;
      result = Status.ENOMEM;
      at = vma.start;
    }
    if (flags & MS_INVALIDATE && vma.flags & VM_LOCKED) return Status.EBUSY;
    if (isSynced(vma, flags)) return syncFirst(vma, at, end, result != Status.Ok);
    at = vma.end;
  }
  return result;
}
