// Files: their size and their pages, from the host's side.

import { FileKind, FilePage, ResultField, Status } from "../abi";
import { frameAddress } from "../frame/frame";
import { lruMarkAccessed } from "../frame/lru";
import { poolHas } from "../frame/pool";
import {
  cacheEntry,
  cacheFill,
  Mapping,
  mappingCreate,
  mappingPages,
  mappingPool,
} from "../map/mapping";
import { frameDirty } from "../map/rmap";
import { resultSet } from "../mem/result";
import { mappingConflict } from "../plan/freeze";
import { refuseFrozen } from "../plan/ticket";
import { cacheReady, mustRead } from "./file-read";

/** Largest file: what 51 bits of page number reach, as Linux's loff_t. */
export const FILE_SIZE_MAX: u64 = 0x7fffffffffffffff;

/** A file of `size` bytes, all zero: a handle, EINVAL or ENOMEM. */
export function fileCreate(kind: u32, size: u64): i32 {
  if (kind > <u32>FileKind.Disk || size > FILE_SIZE_MAX) return Status.EINVAL;
  const mapping = mappingCreate(<FileKind>kind, size);
  return mapping ? <i32>(mapping >>> 3) : Status.ENOMEM;
}

/** A file on a disk whose `size` bytes the host has: a handle, EINVAL or ENOMEM. */
export function fileOpen(size: u64): i32 {
  const handle = fileCreate(FileKind.Disk, size);
  if (handle < 0) return handle;
  const mapping = changetype<Mapping>((<usize>handle) << 3);
  mapping.isBacked = 1;
  mapping.diskEnd = size;
  return handle;
}

/** The mapping of a handle that `fileCreate` gave, 0 for any other number. */
export function fileOf(handle: u32): usize {
  const pointer = (<usize>handle) << 3;
  if (!poolHas(mappingPool, pointer)) return 0;
  const mapping = changetype<Mapping>(pointer);
  return mapping.refs && mapping.kind != FileKind.Huge ? pointer : 0;
}

/**
 * Makes a file larger, because bytes from `from` on are about to be written, or, as ftruncate(2)
 * does it, because it is to be; EINVAL for less than it has.
 *
 * What was written through a mapping to the rest of the last page does not become part of a file
 * on disk (as Linux fs/ext4: ext4_block_truncate_page); one in memory shows it (mm/shmem.c).
 */
export function fileGrow(mapping: Mapping, size: u64, from: u64): i32 {
  if (size < mapping.size || size > FILE_SIZE_MAX) return Status.EINVAL;
  const frozen = mappingConflict(mapping, mapping.size, size);
  if (frozen) return refuseFrozen(frozen);
  if (mapping.kind == FileKind.Disk) zeroTail(mapping, from);
  mapping.size = size;
  return Status.Ok;
}

/** Zeroes what lies between the end of a file and `to`, in the last page alone. */
function zeroTail(mapping: Mapping, to: u64): void {
  const end = min(to, mappingPages(mapping) << 12);
  const pfn = end > mapping.size ? cacheReady(mapping, mapping.size >> 12) : 0;
  if (!pfn) return;
  memory.fill(frameAddress(pfn) + <usize>(mapping.size & 4095), 0, <usize>(end - mapping.size));
  frameDirty(pfn);
}

/**
 * Page `index` in Pfn, as `how` (a FilePage) says. ENOENT for one that nobody made, when it is only
 * looked at; EINVAL beyond the end; EAGAIN when frozen; NEED_IO; ENOMEM.
 */
export function filePage(mapping: Mapping, index: u64, how: u32): i32 {
  if (index >= mappingPages(mapping)) return Status.EINVAL;
  const frozen = mappingConflict(mapping, index << 12, (index + 1) << 12);
  if (frozen) return refuseFrozen(frozen);
  const pfn = cacheReady(mapping, index);
  return pfn ? usePage(pfn, how) : makePage(mapping, index, how);
}

function usePage(pfn: u32, how: u32): i32 {
  if (how != FilePage.Look) frameDirty(pfn);
  lruMarkAccessed(pfn);
  resultSet(ResultField.Pfn, pfn);
  return Status.Ok;
}

/** A page that is not ready: one that is written as a whole need not be read first. */
function makePage(mapping: Mapping, index: u64, how: u32): i32 {
  if (how != FilePage.Overwrite || cacheEntry(mapping, index)) {
    const status = mustRead(mapping, index);
    if (status) return status;
  }
  const ready = cacheReady(mapping, index);
  if (ready) return usePage(ready, how);
  if (how == FilePage.Look) return Status.ENOENT;
  const pfn = cacheFill(mapping, index);
  return pfn ? usePage(pfn, how) : Status.ENOMEM;
}
