// What an area of private huge pages is promised (as Linux mm/hugetlb.c, resv_map).
//
// Who maps private huge pages is promised one for each, unless with MAP_NORESERVE: that area is the
// owner. `promised` counts those that it has not used. A fork child's area is promised nothing, and
// an owner that lacks a page for its copy takes the child's away: what is left is an orphan, where
// an absent page is SIGBUS from then on.
//
//                 mmap      fault: one used      zapped: promised again      the area goes
//   promised  0 ───────▶ n ────────────────▶ n-1 ────────────────────▶ n ────────────────▶ 0
//
// Written by: op/huge-*.ts, op/fork.ts, op/remap-move.ts, map/merge.ts in commits.

import { HUGE_BYTES } from "../abi";
import { hugeLend, hugeUnpromise } from "../frame/huge";
import { hugeCount, hugeGet } from "./huge";
import { Vma, vmaMm } from "./vma";

/** The area made the promise's pages private: it may take pages from fork children. */
export const HUGE_OWNER: u16 = 1;
/** A page was taken away for its owner: what is absent stays so. */
export const HUGE_ORPHAN: u16 = 2;
/** Linux still has an empty table for it: see huge-table.ts. */
export const HUGE_TABLED: u16 = 4;

export function isOwner(vma: Vma): bool {
  return (vma.reserve & HUGE_OWNER) != 0;
}

/** Huge pages of [start, end) that are absent. */
function absentIn(vma: Vma, start: u64, end: u64): u32 {
  let count = hugeCount(start, end);
  for (let at = start; at < end; at += HUGE_BYTES) {
    if (hugeGet(vmaMm(vma), at)) count--;
  }
  return count;
}

/** What [start, end) of `vma` has of its promise. */
function shareOf(vma: Vma, start: u64, end: u64): u16 {
  if (!vma.promised) return 0;
  return <u16>min(<u32>vma.promised, absentIn(vma, start, end));
}

/** `upper` was split off the end of `lower`, or the reverse: the promise is divided. */
export function promiseDivide(lower: Vma, upper: Vma): void {
  const sum = lower.promised + upper.promised;
  const state = lower.reserve | upper.reserve;
  lower.promised = sum;
  const share = shareOf(lower, lower.start, lower.end);
  lower.promised = share;
  upper.promised = sum - share;
  lower.reserve = state;
  upper.reserve = state;
}

/** An owner lets go of its page `head`: it is promised it again. */
export function promiseAgain(vma: Vma, head: u32): void {
  if (!isOwner(vma)) return;
  hugeLend(head);
  vma.promised++;
}

/** The area goes, or what it had was moved on: its promise is taken back. */
export function promiseDrop(vma: Vma): void {
  hugeUnpromise(vma.promised);
  vma.promised = 0;
}

/**
 * [start, end) of `from` moves to `to`, which owns it from now on. What of `from` stays is promised
 * nothing any more (Linux: fixup_hugetlb_reservations), and what it had goes back to the pool.
 *
 * Precondition: the pages have not moved yet.
 */
export function promiseMove(from: Vma, to: Vma, start: u64, end: u64): void {
  to.promised = shareOf(from, start, end);
  to.reserve = from.reserve;
  from.promised -= to.promised;
  promiseDrop(from);
  from.reserve &= ~HUGE_OWNER;
}
