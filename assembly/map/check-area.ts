// The checker of areas: the list and the tree of one mm, and what each area says of itself.
//
// Written by: nobody. Read by: check.ts.

import { PG, TASK_SIZE } from "../abi";
import { flagTest } from "../frame/flags";
import { checkAreaTree } from "./check-area-tree";
import { weigh } from "./check-used";
import { Link } from "./link";
import { Mm } from "./mm";
import { Vma } from "./vma";

/** Numbers of broken invariants of areas and of their mm, 211..229. */
export const enum AreaInvariant {
  None = 0,
  /** V1: empty, not page aligned, outside user space, or over its neighbour. */
  Range = 211,
  /** V2: list and tree do not have the same areas in the same order. */
  Order = 212,
  /** V4: a file without its link, or the reverse, or another file's. */
  Share = 214,
  /** V5: an anonVma that the chain has no link to, or a chain that is not as long as it says. */
  Chain = 215,
  /** A1: no page table, or other areas or pages than the mm counts. */
  Count = 221,
  /** A3: the hint is no area of the mm. */
  Hint = 223,
  /** A4: the gap that was found last is none, or another. */
  KnownGap = 224,
}

const USER: u64 = <u64>TASK_SIZE;

/** Sum over the links that areas list, since `linksForget`. */
export let linksListed: u64 = 0;

export function linksForget(): void {
  linksListed = 0;
}

/** @returns the number of the first invariant of `mm`'s areas that does not hold, or 0. */
export function checkAreas(mm: Mm): u32 {
  if (!mm.pgd || !flagTest(PG.table, mm.pgd)) return AreaInvariant.Count;
  let count: u32 = 0;
  let pages: u64 = 0;
  let isHint = mm.hint == 0;
  let last: usize = 0;
  for (let at = mm.first; at; at = changetype<Vma>(at).next) {
    if (count == mm.mapCount) return AreaInvariant.Count;
    const vma = changetype<Vma>(at);
    const bad = checkArea(mm, vma, last);
    if (bad) return bad;
    if (at == mm.hint) isHint = true;
    pages += (vma.end - vma.start) >> 12;
    count += 1;
    last = at;
  }
  if (mm.last != last) return AreaInvariant.Order;
  if (count != mm.mapCount || pages != mm.totalPages) return AreaInvariant.Count;
  if (!isHint) return AreaInvariant.Hint;
  if (mm.gapHigh && !isGap(mm)) return AreaInvariant.KnownGap;
  return checkAreaTree(mm);
}

/** Is there an area `gapNext`, or none, and the free span below it what the mm knows? */
function isGap(mm: Mm): bool {
  let before: usize = 0;
  let at = mm.first;
  for (; at && at != mm.gapNext; at = changetype<Vma>(at).next) before = at;
  if (at != mm.gapNext || mm.gapLow != (before ? changetype<Vma>(before).end : 0)) return false;
  return mm.gapHigh == (at ? changetype<Vma>(at).start : u64.MAX_VALUE);
}

function checkArea(mm: Mm, vma: Vma, before: usize): u32 {
  if (vma.mm != changetype<usize>(mm) || vma.prev != before) return AreaInvariant.Order;
  if (vma.start >= vma.end || vma.end > USER) return AreaInvariant.Range;
  if ((vma.start | vma.end) & 4095) return AreaInvariant.Range;
  const low = before ? changetype<Vma>(before).end : 0;
  if (low > vma.start) return AreaInvariant.Range;
  if (!shareIsRight(vma)) return AreaInvariant.Share;
  return chainIsRight(vma) ? AreaInvariant.None : AreaInvariant.Chain;
}

function shareIsRight(vma: Vma): bool {
  if (!vma.mapping) return !vma.share;
  if (!vma.share || changetype<Link>(vma.share).object != vma.mapping) return false;
  linksListed += weighLink(vma, vma.share);
  return true;
}

function chainIsRight(vma: Vma): bool {
  let count: u32 = 0;
  let isOwn = vma.anonVma == 0;
  let last: usize = 0;
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    if (count == vma.chainCount) return false;
    if (changetype<Link>(at).object == vma.anonVma) isOwn = true;
    linksListed += weighLink(vma, at);
    count += 1;
    last = at;
  }
  return isOwn && last == vma.chainLast && count == vma.chainCount;
}

/** Stands for the link together with the area that it should name. */
export function weighLink(vma: Vma, link: usize): u64 {
  return weigh(changetype<usize>(vma)) * weigh(link);
}
