// Bringing pages of a file in from where its host keeps them (as Linux mm/filemap.c and
// mm/readahead.c), and the host's part in it.
//
//   access ──▶ cached? ── yes ──▶ go on
//                │ no
//                └──▶ NEED_IO ──▶ mapping_read: frames are cached, locked ──▶ host reads
//                                     ──▶ mapping_filled ──▶ the access again
//
// A page needs no reading where nothing is stored of it: beyond where the host's bytes end, and in
// a hole.

import { PG, ResultField, Status } from "../abi";
import { framesAvailable } from "../frame/buddy";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { cacheNext, cacheRemove } from "../map/cache-walk";
import { holeHas } from "../map/hole";
import { cacheAdd, cacheGet, Mapping, mappingPages } from "../map/mapping";
import { frameCount } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { mappingConflict } from "../plan/freeze";
import { refuseFrozen } from "../plan/ticket";
import { sharedIn } from "./swap-shared";

/** Of the frames, what reading ahead leaves free: one in so many. */
const AHEAD_SPARES: u32 = 16;

/** Whether page `index`, which is not cached, is stored with the host. */
export function isStored(mapping: Mapping, index: u64): bool {
  return mapping.isBacked != 0 && index << 12 < mapping.diskEnd && !holeHas(mapping, index);
}

/** The cached frame of page `index` that may be used, or 0: absent, or being read. */
export function cacheReady(mapping: Mapping, index: u64): u32 {
  const pfn = cacheGet(mapping, index);
  return pfn && mapping.reads && !flagTest(PG.uptodate, pfn) ? 0 : pfn;
}

/** NEED_IO for page `index` of a file. */
export function needFileIo(mapping: Mapping, index: u64): i32 {
  resultSet(ResultField.Mapping, <u32>(changetype<usize>(mapping) >>> 3));
  resultSet64(ResultField.OffsetLo, index);
  return Status.NEED_IO;
}

/**
 * NEED_IO where page `index`, which is not ready, has to be read or is being read, be it from swap,
 * where `group` pays for its frame; ENOMEM. Else Ok: it is ready now, or made of zeros.
 */
export function mustRead(mapping: Mapping, index: u64, group: u32 = 0): i32 {
  if (!mapping.isBacked) return mapping.swapped ? sharedIn(mapping, index, group) : Status.Ok;
  const isRead = cacheGet(mapping, index) != 0 || isStored(mapping, index);
  return isRead ? needFileIo(mapping, index) : Status.Ok;
}

function isInFlight(pfn: u32): bool {
  return flagTest(PG.writeback, pfn) || !flagTest(PG.uptodate, pfn);
}

/**
 * NEED_IO, with the page, where one of [first, end) is being read or written: who takes pages out
 * of a file waits for that (as Linux truncate_inode_pages_range). Else Ok.
 */
export function checkInFlight(mapping: Mapping, first: u64, end: u64): i32 {
  if (!mapping.reads && !mapping.writebacks) return Status.Ok;
  for (let at = cacheNext(mapping, first); at < end; at = cacheNext(mapping, at + 1)) {
    const pfn = cacheGet(mapping, at);
    if (pfn && isInFlight(pfn)) return needFileIo(mapping, at);
  }
  return Status.Ok;
}

/** Whether page `index` may be read ahead of its use. */
function isAhead(mapping: Mapping, index: u64): bool {
  if (index >= mappingPages(mapping) || cacheGet(mapping, index)) return false;
  if (!isStored(mapping, index) || mappingConflict(mapping, index << 12, (index + 1) << 12)) {
    return false;
  }
  return framesAvailable() > frameCount / AHEAD_SPARES;
}

function beginOne(mapping: Mapping, index: u64): bool {
  const pfn = cacheAdd(mapping, index);
  if (!pfn) return false;
  flagSet(PG.locked, pfn);
  mapping.reads++;
  return true;
}

/**
 * Begins to read page `index` and, as far as they are as it is, those after it, at most `most`.
 *
 * @returns how many: the host reads them and says so with `fileFilled`; 0 where there is nothing to
 *   read; EAGAIN when frozen; ENOMEM.
 */
export function fileReadBegin(mapping: Mapping, index: u64, most: u32): i32 {
  if (index >= mappingPages(mapping) || cacheGet(mapping, index)) return 0;
  if (!isStored(mapping, index)) return 0;
  const frozen = mappingConflict(mapping, index << 12, (index + 1) << 12);
  if (frozen) return refuseFrozen(frozen);
  if (!beginOne(mapping, index)) return Status.ENOMEM;
  let count: u32 = 1;
  while (count < most && isAhead(mapping, index + count)) {
    if (!beginOne(mapping, index + count)) break;
    count++;
  }
  return <i32>count;
}

/**
 * The host has read page `index`: its frame in Pfn, to be filled at once. `failed`: it leaves the
 * cache, and can be read again. EBADF for a page that is not being read.
 */
export function fileFilled(mapping: Mapping, index: u64, failed: bool): i32 {
  const pfn = cacheGet(mapping, index);
  if (!pfn || !flagTest(PG.locked, pfn)) return Status.EBADF;
  flagClear(PG.locked, pfn);
  mapping.reads--;
  resultSet(ResultField.Pfn, pfn);
  if (failed) cacheRemove(mapping, index);
  else flagSet(PG.uptodate, pfn);
  return Status.Ok;
}
