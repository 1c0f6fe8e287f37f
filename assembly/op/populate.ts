// Populating a range page by page (as Linux mm/gup.c: mm_populate, faultin_page_range), as far as
// it goes without anybody to tell. The shell goes on where it stopped.

import {
  Access,
  HUGE_BYTES,
  Populate,
  ResultField,
  Status,
  VM_EXEC,
  VM_IO,
  VM_LOCKONFAULT,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../abi";
import { isHuge } from "../map/huge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { resultSet64 } from "../mem/result";
import { mayReclaim } from "../plan/lack";
import { access } from "./fault";

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

/** How `mode` touches the pages of `vma`, or a status below zero where it may not. */
function accessFor(vma: Vma, mode: u32): i32 {
  const flags = vma.flags;
  if (mode == Populate.Read) {
    return flags & (VM_IO | VM_PFNMAP) || !(flags & VM_READ) ? Status.EINVAL : Access.Read;
  }
  if (mode == Populate.Write) {
    return flags & (VM_IO | VM_PFNMAP) || !(flags & VM_WRITE) ? Status.EINVAL : Access.Write;
  }
  if (!(flags & ACCESS)) return Status.ENOMEM;
  return (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? Access.Write : Access.Read;
}

function isStrict(mode: u32): bool {
  return mode == Populate.Read || mode == Populate.Write;
}

/** The errno of a fault that failed. */
function errnoOf(status: i32, mode: u32): i32 {
  if (status == Status.ENOMEM) return mode == Populate.Locked ? Status.EAGAIN : Status.ENOMEM;
  return isStrict(mode) ? Status.EFAULT : Status.ENOMEM;
}

/** Touches [start, end) of one area; leaves in the result block where it stopped. */
function populateArea(mm: Mm, start: u64, end: u64, kind: i32, step: u64): i32 {
  for (let at = start; at < end; at = (at & ~(step - 1)) + step) {
    const status = access(mm, at, <Access>kind);
    if (!status) continue;
    resultSet64(ResultField.ValueLo, at);
    return status;
  }
  return Status.Ok;
}

function isSkipped(vma: Vma, mode: u32): bool {
  if (isStrict(mode)) return false;
  return (vma.flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT)) != 0;
}

/**
 * Faults in [start, end) as `mode` (a Populate) says.
 *
 * @returns Ok; a ticket, EAGAIN, NEED_IO, NEED_MEMORY: to go on at ValueLo when it is settled.
 *   Errors as the mode's caller has them; Quiet has none and goes on with the next area.
 */
export function populate(mm: Mm, start: u64, end: u64, mode: u32): i32 {
  let at = start;
  while (at < end) {
    const found = vmaFind(mm, at);
    if (!found || changetype<Vma>(found).start >= end) return isStrict(mode) ? Status.ENOMEM : 0;
    const vma = changetype<Vma>(found);
    if (vma.start > at && isStrict(mode)) return Status.ENOMEM;
    const stop = min(vma.end, end);
    if (!isSkipped(vma, mode)) {
      const status = populatePart(mm, vma, max(at, vma.start), stop, mode);
      if (status) return status;
    }
    at = stop;
  }
  return Status.Ok;
}

function populatePart(mm: Mm, vma: Vma, start: u64, end: u64, mode: u32): i32 {
  const kind = accessFor(vma, mode);
  const step: u64 = isHuge(vma) ? HUGE_BYTES : 4096;
  const status = kind < 0 ? kind : populateArea(mm, start, end, kind, step);
  // A ticket, a freeze, a page on its way from swap, memory: the shell goes on from there.
  if (mayReclaim(status)) return Status.NEED_MEMORY;
  if (status >= 0 || status == Status.EAGAIN || status == Status.NEED_IO) return status;
  if (mode == Populate.Quiet) return Status.Ok;
  return kind < 0 ? kind : errnoOf(status, mode);
}
