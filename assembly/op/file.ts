// Files that live in memory: their size and their pages, from the host's side.

import { FileKind, ResultField, Status } from "../abi";
import { frameAddress } from "../frame/frame";
import { poolHas } from "../frame/pool";
import {
  cacheFill,
  cacheGet,
  Mapping,
  mappingCreate,
  mappingPages,
  mappingPool,
} from "../map/mapping";
import { frameDirty } from "../map/rmap";
import { resultSet } from "../mem/result";
import { mappingConflict } from "../plan/freeze";
import { refuseFrozen } from "../plan/ticket";

/** Largest file: what 51 bits of page number reach, as Linux's loff_t. */
export const FILE_SIZE_MAX: u64 = 0x7fffffffffffffff;

/** A file of `size` bytes, all zero: a handle, EINVAL or ENOMEM. */
export function fileCreate(kind: u32, size: u64): i32 {
  if (kind > <u32>FileKind.Disk || size > FILE_SIZE_MAX) return Status.EINVAL;
  const mapping = mappingCreate(<FileKind>kind, size);
  return mapping ? <i32>(mapping >>> 3) : Status.ENOMEM;
}

/** The mapping of a handle that `fileCreate` gave, 0 for any other number. */
export function fileOf(handle: u32): usize {
  const pointer = (<usize>handle) << 3;
  const exists = poolHas(mappingPool, pointer) && changetype<Mapping>(pointer).refs != 0;
  return exists ? pointer : 0;
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
  const pfn = end > mapping.size ? cacheGet(mapping, mapping.size >> 12) : 0;
  if (!pfn) return;
  memory.fill(frameAddress(pfn) + <usize>(mapping.size & 4095), 0, <usize>(end - mapping.size));
  frameDirty(pfn);
}

/** Page `index` in Pfn. With `create`, read in where absent and marked dirty; else ENOENT. */
export function filePage(mapping: Mapping, index: u64, create: bool): i32 {
  if (index >= mappingPages(mapping)) return Status.EINVAL;
  const frozen = mappingConflict(mapping, index << 12, (index + 1) << 12);
  if (frozen) return refuseFrozen(frozen);
  const pfn = create ? cacheFill(mapping, index) : cacheGet(mapping, index);
  if (!pfn) return create ? Status.ENOMEM : Status.ENOENT;
  if (create) frameDirty(pfn);
  resultSet(ResultField.Pfn, pfn);
  return Status.Ok;
}
