// Cutting a file and punching holes into it (as Linux mm/truncate.c, mm/shmem.c): notice, then
// ptes, then pages of the cache, then the bytes of the page that is cut in the middle.

import { Demand, FileKind, Op, Reason, Status } from "../abi";
import { frameAddress } from "../frame/frame";
import { cacheRemoveRange } from "../map/cache-walk";
import { holeAdd, holesCut } from "../map/hole";
import { Mapping, mappingGet, mappingPages, mappingPut } from "../map/mapping";
import { Mm } from "../map/mm";
import { frameDirty } from "../map/rmap";
import { need } from "../plan/need";
import { planAfford, planBegin, planDone, planTells } from "../plan/plan";
import { Ticket, ticketOpen } from "../plan/ticket";
import { FILE_SIZE_MAX, fileGrow } from "./file";
import { cacheReady, checkInFlight, mustRead } from "./file-read";
import { hugePunch } from "./huge-punch";
import { checkHits, freezeHits, noticeHits, unmapHits } from "./unmap-mapping";

/** Page number beyond every file, and small enough to be shifted to bytes. */
const PAGES_END: u64 = 1 << 51;

function pageUp(bytes: u64): u64 {
  return (bytes + 4095) >> 12;
}

/** Zeroes bytes [from, to) of one page, where it is cached. */
function zeroWithin(mapping: Mapping, from: u64, to: u64): void {
  const pfn = cacheReady(mapping, from >> 12);
  if (!pfn || from >= to) return;
  memory.fill(frameAddress(pfn) + <usize>(from & 4095), 0, <usize>(to - from));
  frameDirty(pfn);
}

/** Opens a ticket over pages [first, end) of a file; the file stays while it is open. */
function hitTicket(op: Op, mapping: Mapping, first: u64, end: u64, a: u64, b: u64): i32 {
  const status = ticketOpen(op, changetype<Mm>(0));
  if (status) return status;
  const frozen = freezeHits(mapping, first, end);
  if (frozen) return frozen;
  mappingGet(mapping);
  return planDone(<u64>changetype<usize>(mapping), a, b, 0);
}

/** ftruncate(2) of a file in memory. EINVAL past the largest size; EAGAIN when frozen; ENOMEM. */
export function fileTruncate(mapping: Mapping, size: u64): i32 {
  if (size > mapping.size) return fileGrow(mapping, size, FILE_SIZE_MAX);
  const first = pageUp(size);
  const busy = checkInFlight(mapping, size >> 12, PAGES_END);
  if (busy) return busy;
  // The page that is cut is zeroed behind the cut: so it is there.
  const absent = size & 4095 && mapping.swapped ? mustRead(mapping, size >> 12) : Status.Ok;
  if (absent) return absent;
  planBegin();
  if (first < mappingPages(mapping)) {
    const frozen = checkHits(mapping, first, PAGES_END);
    if (frozen) return frozen;
    noticeHits(mapping, first, PAGES_END, Reason.Truncate, Demand.All);
  }
  if (planTells()) return hitTicket(Op.Truncate, mapping, first, PAGES_END, size, 0);
  const status = planAfford();
  if (!status) truncateApply(mapping, size);
  return status;
}

/** What the host has from `size` on counts for nothing any more; it is cut off by the next sync. */
function diskCut(mapping: Mapping, size: u64): void {
  if (size >= mapping.diskEnd) return;
  mapping.staleEnd = max(mapping.staleEnd, mapping.diskEnd);
  mapping.diskEnd = size;
  holesCut(mapping, pageUp(size));
}

function truncateApply(mapping: Mapping, size: u64): void {
  const first = pageUp(size);
  unmapHits(mapping, first, PAGES_END, true);
  mapping.size = size;
  diskCut(mapping, size);
  cacheRemoveRange(mapping, first, PAGES_END);
  if (size & 4095) zeroWithin(mapping, size, first << 12);
}

/**
 * fallocate(2) with FALLOC_FL_PUNCH_HOLE: bytes [start, end) read as zeros afterwards. Whole pages
 * go from the cache; private copies of them stay, though their ranges are announced.
 */
export function filePunch(mapping: Mapping, start: u64, length: u64): i32 {
  if (!length || start > FILE_SIZE_MAX || length > FILE_SIZE_MAX - start) return Status.EINVAL;
  if (mapping.kind == FileKind.Disk && start >= mapping.size) return Status.Ok;
  const end = punchEnd(mapping, start + length);
  const first = pageUp(start);
  const last = unmapEnd(mapping, first, end);
  const frozen = checkHits(mapping, start >> 12, max(pageUp(end), last));
  if (frozen) return frozen;
  const busy = checkInFlight(mapping, start >> 12, pageUp(end));
  if (busy) return busy;
  const absent = checkEnds(mapping, start, end);
  if (absent) return absent;
  planBegin();
  need.holes += mapping.isBacked;
  noticeHits(mapping, first, last, Reason.Punch, Demand.FilePages);
  if (planTells()) return hitTicket(Op.Punch, mapping, first, last, start, end);
  const status = planAfford();
  if (!status) punchApply(mapping, start, end);
  return status;
}

/**
 * Where a hole ends: on disk with the file, or with its last page where it reaches beyond (as Linux
 * fs/ext4: ext4_punch_hole); in memory a hole beyond the end is as good as any.
 */
function punchEnd(mapping: Mapping, end: u64): u64 {
  if (mapping.kind != FileKind.Disk || end <= mapping.size) return end;
  return mappingPages(mapping) << 12;
}

/**
 * Page behind the last one that is unmapped for a hole. In memory a hole that ends within the first
 * page unmaps all of the file: Linux's shmem_fallocate takes the last whole page before it, number
 * -1, for the largest number there is. Nothing of the file is lost by it.
 */
function unmapEnd(mapping: Mapping, first: u64, end: u64): u64 {
  if (mapping.kind != FileKind.Disk && end < 4096) return PAGES_END;
  return max(end >> 12, first);
}

/**
 * Pages that a hole cuts are written, so they are read before: NEED_IO, or Ok. That is said of
 * pages, not of bytes: what was written behind the end of a file in memory is shown as it grows.
 */
function checkEnds(mapping: Mapping, start: u64, end: u64): i32 {
  const status = start & 4095 ? checkEnd(mapping, start >> 12) : Status.Ok;
  return status || !(end & 4095) ? status : checkEnd(mapping, end >> 12);
}

function checkEnd(mapping: Mapping, index: u64): i32 {
  const isThere = index >= mappingPages(mapping) || cacheReady(mapping, index);
  return isThere ? Status.Ok : mustRead(mapping, index);
}

/** Makes bytes [start, end) zero: pages go, the two at the ends are written. */
export function punchApply(mapping: Mapping, start: u64, end: u64): void {
  if (mapping.kind == FileKind.Huge) {
    hugePunch(mapping, start, end);
    return;
  }
  const first = pageUp(start);
  const last = max(end >> 12, first);
  unmapHits(mapping, first, unmapEnd(mapping, first, end), false);
  cacheRemoveRange(mapping, first, last);
  if (mapping.isBacked) holeAdd(mapping, first, last);
  const head = min(first << 12, end);
  if (start < head) zeroWithin(mapping, start, head);
  if (end >> 12 >= first && end & 4095) zeroWithin(mapping, end & ~(<u64>4095), end);
}

export function truncateCommit(ticket: Ticket): i32 {
  const mapping = changetype<Mapping>(<usize>ticket.a);
  if (ticket.op == Op.Truncate) truncateApply(mapping, ticket.b);
  else punchApply(mapping, ticket.b, ticket.c);
  truncateAbort(ticket);
  return Status.Ok;
}

/** A planned change of a file held it. */
export function truncateAbort(ticket: Ticket): void {
  if (ticket.a) mappingPut(changetype<Mapping>(<usize>ticket.a));
  ticket.a = 0;
}
