// mlock, munlock, mlockall (as Linux mm/mlock.c). Locking changes areas alone; the pages come by
// populating, which the shell drives, since it may break copy-on-write of exported pages.

import {
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MLOCK_ONFAULT,
  Populate,
  Status,
  VM_DROPPABLE,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKONFAULT,
} from "../abi";
import { VM_SPECIAL, vmaTryModify } from "../map/merge";
import { Mm } from "../map/mm";
import { Vma, vmaMm } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { needRange } from "../plan/need";
import { USER_END } from "../plan/placement";
import { planAfford, planBegin, populateNext } from "../plan/plan";
import { checkFrozen } from "../plan/ticket";
import { unlockLeft } from "./left-locked";
import { pageAlign } from "./munmap";

/** Areas that locking passes over. */
const UNLOCKABLE: u32 = VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE;
const LOCK_MASK: u32 = VM_LOCKED | VM_LOCKONFAULT;

/** @returns the area that has [start, end) now, or 0 at the limit of areas. */
function lockArea(vma: Vma, start: u64, end: u64, lock: u32): usize {
  const flags = (vma.flags & ~LOCK_MASK) | lock;
  if (flags == vma.flags || vma.flags & UNLOCKABLE) return changetype<usize>(vma);
  const unlocks = (vma.flags & VM_LOCKED) != 0 && !lock;
  const area = vmaTryModify(vma, start, end, flags);
  if (!area) return 0;
  changetype<Vma>(area).flags = flags;
  if (unlocks) unlockLeft(vmaMm(changetype<Vma>(area)), start, end);
  return area;
}

/** Sets the lock flags of [start, end): ENOMEM at a hole, with the areas before it done. */
function lockRange(mm: Mm, start: u64, end: u64, lock: u32): i32 {
  let at = start;
  let p = vmaLookup(mm, start);
  if (!p) return Status.ENOMEM;
  while (p && at < end) {
    const vma = changetype<Vma>(p);
    if (vma.start > at) return Status.ENOMEM;
    const stop = min(vma.end, end);
    const area = lockArea(vma, at, stop, lock);
    if (!area) return Status.ENOMEM;
    at = max(stop, min(changetype<Vma>(area).end, end));
    p = changetype<Vma>(area).next;
  }
  return at < end ? Status.ENOMEM : Status.Ok;
}

function applyLock(mm: Mm, address: u64, length: u64, lock: u32): i32 {
  const start = address & ~(<u64>4095);
  const end = start + pageAlign(length + (address & 4095));
  if (end < start) return Status.EINVAL;
  planBegin();
  if (end == start) return Status.Ok;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  needRange(mm, start, end);
  const status = planAfford();
  if (status) return status;
  const locked = lockRange(mm, start, end, lock);
  if (!locked && lock) populateNext(start, end, Populate.Locked);
  return locked;
}

/** mlock2(2): `flags` is MLOCK_ONFAULT or 0. */
export function mlock(mm: Mm, address: u64, length: u64, flags: i32): i32 {
  if (flags & ~MLOCK_ONFAULT) return Status.EINVAL;
  return applyLock(mm, address, length, flags & MLOCK_ONFAULT ? LOCK_MASK : VM_LOCKED);
}

export function munlock(mm: Mm, address: u64, length: u64): i32 {
  return applyLock(mm, address, length, 0);
}

function lockAll(mm: Mm, lock: u32): i32 {
  planBegin();
  const frozen = checkFrozen(mm, 0, USER_END);
  if (frozen) return frozen;
  needRange(mm, 0, USER_END);
  const status = planAfford();
  if (status) return status;
  let p = mm.first;
  while (p) {
    const vma = changetype<Vma>(p);
    const area = lockArea(vma, vma.start, vma.end, lock);
    p = changetype<Vma>(area).next;
  }
  return Status.Ok;
}

/** mlockall(2): MCL_CURRENT, MCL_FUTURE, and MCL_ONFAULT with one of them. */
export function mlockall(mm: Mm, flags: i32): i32 {
  if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT) {
    return Status.EINVAL;
  }
  const lock: u32 = flags & MCL_ONFAULT ? LOCK_MASK : VM_LOCKED;
  if (flags & MCL_CURRENT) {
    const status = lockAll(mm, lock);
    if (status) return status;
    populateNext(0, USER_END, Populate.Quiet);
  } else {
    planBegin();
  }
  mm.defaultFlags = flags & MCL_FUTURE ? lock : 0;
  return Status.Ok;
}

export function munlockall(mm: Mm): i32 {
  const status = lockAll(mm, 0);
  if (!status) mm.defaultFlags = 0;
  return status;
}
