// The moving part of mremap: areas, then page tables, then what is left behind.

import {
  MAP_COUNT_MAX,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  Populate,
  Status,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYSHARE,
} from "../abi";
import { chainClone, chainDrop } from "../map/anon-vma";
import { isHuge } from "../map/huge";
import { promiseMove } from "../map/huge-reserve";
import { mergeNew, propose, proposeGrowth, proposeSource, vmaResize } from "../map/merge";
import { Mm } from "../map/mm";
import { softDirtied, softDirtyLeaf } from "../map/soft-dirty";
import {
  LEAF_BYTES,
  leafEnd,
  leafMove,
  leafPfn,
  leafSeek,
  pteEnsure,
  pteSet,
  pteSlot,
  tableTrim,
} from "../map/table";
import { isAnonymous, linearIndex, Vma } from "../map/vma";
import { vmaDup, vmaLink } from "../map/vma-link";
import { vmaBefore, vmaFind, vmaLookup } from "../map/vma-tree";
import { CHECK } from "../mem/assert";
import { certain } from "../mem/certain";
import { placementFailed, placementFind } from "../plan/placement";
import { answer, populateNext } from "../plan/plan";
import { unmapAllowed, unmapCut } from "./huge-cut";
import { leaveLocked } from "./left-locked";
import { unmergeRange } from "./merge-page";
import { checkArea, cutRefusal, growsInPlace, impliesMove, mayCharge, movesOnly } from "./mremap";
import { unmapApply, unmapRange } from "./munmap";

/**
 * Moves the entries of [from, end) of a leaf table's span to `to`, pte by pte. Their pages count as
 * written from now on: they are where they were not.
 */
function moveEntries(mm: Mm, from: u64, end: u64, to: u64): void {
  let target = to;
  for (let at = from; at < end; at += 4096, target += 4096) {
    const slot = pteSlot(mm, at);
    const pte = load<u64>(slot);
    if (!pte) continue;
    const place = pteEnsure(mm, target);
    certain(place != 0);
    pteSet(slot, 0);
    pteSet(place, softDirtied(pte));
  }
}

/** A whole leaf table; its entries are only marked where the area does not count as written. */
function moveLeaf(mm: Mm, copy: Vma, from: u64, to: u64): void {
  certain(leafMove(mm, from, to));
  if (!copy.softDirty) softDirtyLeaf(mm, to);
}

/** Moves the tables below [from, end) to `to`, where `copy` shows them. */
function moveTables(mm: Mm, copy: Vma, from: u64, end: u64, to: u64): void {
  let at = leafSeek(mm, from, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const target = to + (at - from);
    const whole = stop - at == LEAF_BYTES && !(target & (LEAF_BYTES - 1));
    if (CHECK) assert(whole || leafPfn(mm, at) != 0, "a huge page is moved in parts");
    if (whole) moveLeaf(mm, copy, at, target);
    else moveEntries(mm, at, stop, target);
    tableTrim(mm, at);
    at = leafSeek(mm, stop, end);
  }
}

/** The area that will show the pages at `to` (Linux: copy_vma). */
function copyArea(mm: Mm, vma: Vma, at: u64, to: u64, length: u64): Vma {
  // Memory that was never touched has no page to find again: it may be numbered anew.
  const untouched = isAnonymous(vma) && !vma.anonVma;
  const pgoff = untouched ? to >> 12 : linearIndex(vma, at);
  propose(to, to + length, vma.flags, pgoff, vma.mapping);
  proposeSource(vma);
  const merged = mergeNew(vmaBefore(mm, to), vmaFind(mm, to), false);
  if (merged) return changetype<Vma>(merged);
  const copy = vmaDup(vma, to, to + length, pgoff);
  chainClone(copy, vma);
  vmaLink(mm, copy);
  return copy;
}

/** DONTUNMAP: the old area stays, empty, unlocked, and without its chain where all of it moved. */
function leaveBehind(mm: Mm, copy: Vma, at: u64, end: u64): void {
  const found = vmaLookup(mm, at);
  const vma = changetype<Vma>(found);
  if (vma.flags & VM_LOCKED) leaveLocked(mm, vma.start, vma.end);
  vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
  if (found != changetype<usize>(copy) && vma.start == at && vma.end == end) chainDrop(vma);
}

/** Moves [at, at + oldLength) of one area to `to`, where `newLength` bytes are free. */
function moveArea(
  mm: Mm,
  vma: Vma,
  at: u64,
  oldLength: u64,
  newLength: u64,
  flags: i32,
  to: u64,
): i32 {
  const end = at + oldLength;
  const locked = (vma.flags & VM_LOCKED) != 0;
  if (mm.mapCount >= MAP_COUNT_MAX - 3) return Status.ENOMEM;
  // What moves is promised already; what stays behind as well counts twice.
  const added = flags & MREMAP_DONTUNMAP ? newLength : newLength - oldLength;
  if (!mayCharge(vma, added >> 12)) return Status.ENOMEM;
  unmergeRange(mm, at, end);
  const huge = isHuge(vma);
  const copy = copyArea(mm, vma, at, to, newLength);
  // Areas of huge pages never merge; any other may be a part of the copy now, its record free.
  if (huge) promiseMove(vma, copy, at, end);
  moveTables(mm, copy, at, end, to);
  if (flags & MREMAP_DONTUNMAP) leaveBehind(mm, copy, at, end);
  else if (oldLength) unmapApply(mm, at, end);
  if (locked && newLength > oldLength) {
    populateNext(to + oldLength, to + newLength, Populate.Quiet);
  }
  return answer(to);
}

/** Where a move goes: the target, near a hint (DONTUNMAP), or anywhere. Or a negated errno. */
function moveTarget(mm: Mm, vma: Vma, at: u64, length: u64, flags: i32, target: u64): u64 {
  const type = vma.flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE;
  const how = flags & MREMAP_FIXED ? type | MAP_FIXED : type;
  const hint = impliesMove(flags) ? target : 0;
  return placementFind(mm, hint, length, vma.mapping, linearIndex(vma, at) << 12, how);
}

/** Unmaps the target. EINVAL where that would cut a huge page, or reaches past a user's half. */
function clearTarget(mm: Mm, start: u64, end: u64): i32 {
  if (unmapRange(start, end - start)) return Status.EINVAL;
  const refused = unmapAllowed(mm, start, end);
  if (refused == Status.EINVAL) unmapCut(mm, start, end);
  if (!refused) unmapApply(mm, start, end);
  return refused;
}

/** mremap_to: unmap the target, cut the source, move. */
function moveTo(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32, target: u64): i32 {
  if (flags & MREMAP_FIXED) {
    const refused = clearTarget(mm, target, target + newLength);
    if (refused) return refused;
  }
  if (newLength < oldLength) {
    const refused = cutRefusal(mm, at, oldLength, newLength);
    if (refused) return refused;
    unmapApply(mm, at + newLength, at + oldLength);
  }
  const found = vmaLookup(mm, at);
  if (!found) return Status.EFAULT;
  const vma = changetype<Vma>(found);
  const to = moveTarget(mm, vma, at, newLength, flags, target);
  if (placementFailed(to)) return <i32>to;
  // Linux charges for what was cut off as if it were added.
  if (newLength < oldLength && !mayCharge(vma, (oldLength - newLength) >> 12)) return Status.ENOMEM;
  return moveArea(mm, vma, at, min(oldLength, newLength), newLength, flags, to);
}

/** Every area of [start, end) moves by the same distance; the first one must begin at `start`. */
function moveAll(mm: Mm, start: u64, length: u64, flags: i32, target: u64): i32 {
  const end = start + length;
  let at = start;
  let result: i32 = Status.EFAULT;
  while (at < end) {
    const found = vmaFind(mm, at);
    if (!found || changetype<Vma>(found).start >= end) break;
    const vma = changetype<Vma>(found);
    if (at == start && vma.start > at) return Status.EFAULT;
    const from = max(vma.start, at);
    const stop = min(vma.end, end);
    const bytes = stop - from;
    const to = target + (from - start);
    const refused = checkArea(vma, from, bytes, bytes, flags, to);
    if (refused) return refused;
    result = moveTo(mm, from, bytes, bytes, flags, to);
    if (result) return result;
    at = stop;
  }
  return result ? result : answer(target);
}

/** Growing where it is: the new end merges with what follows, if it can. */
function growHere(vma: Vma, at: u64, oldLength: u64, newLength: u64): i32 {
  const added = newLength - oldLength;
  const start = vma.end;
  if (!mayCharge(vma, added >> 12)) return Status.ENOMEM;
  const locked = (vma.flags & VM_LOCKED) != 0;
  propose(start, start + added, vma.flags, linearIndex(vma, start), vma.mapping);
  proposeGrowth(vma);
  const merged = mergeNew(changetype<usize>(vma), vma.next, false);
  if (!merged) vmaResize(vma, vma.start, start + added, vma.pgoff);
  if (locked) populateNext(start, start + added, Populate.Quiet);
  return answer(at);
}

function resize(mm: Mm, at: u64, oldLength: u64, newLength: u64, flags: i32): i32 {
  if (newLength < oldLength) {
    unmapApply(mm, at + newLength, at + oldLength);
    return answer(at);
  }
  const vma = changetype<Vma>(vmaLookup(mm, at));
  if (growsInPlace(mm, vma, at, oldLength, newLength)) {
    return growHere(vma, at, oldLength, newLength);
  }
  if (!(flags & MREMAP_MAYMOVE)) return Status.ENOMEM;
  const to = moveTarget(mm, vma, at, newLength, flags, 0);
  if (placementFailed(to)) return <i32>to;
  return moveArea(mm, vma, at, oldLength, newLength, flags, to);
}

/** Carries out what mremap planned; an errno of Linux's leaves the state that Linux leaves. */
export function remapApply(
  mm: Mm,
  at: u64,
  oldLength: u64,
  newLength: u64,
  flags: i32,
  target: u64,
): i32 {
  if (movesOnly(oldLength, newLength, flags)) return moveAll(mm, at, oldLength, flags, target);
  if (impliesMove(flags)) return moveTo(mm, at, oldLength, newLength, flags, target);
  return resize(mm, at, oldLength, newLength, flags);
}
