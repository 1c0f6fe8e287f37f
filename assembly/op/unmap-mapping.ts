// Taking pages of a file out of every address space that shows them (as Linux mm/memory.c
// unmap_mapping_range): the areas are found in the mapping's interval tree.
//
// Private copies go as well when the file is cut (even_cows), and stay when a hole is punched.

import { Demand, Reason, Status } from "../abi";
import { Link, linkFirst, linkNext } from "../map/link";
import { Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { Vma, vmaMm, vmaPages } from "../map/vma";
import { KeyKind, mappingConflict } from "../plan/freeze";
import { noticeHit, noticeMapping } from "../plan/notice";
import { mustTell } from "../plan/plan";
import { checkFrozen, refuseFrozen, ticketFreeze } from "../plan/ticket";
import { zapFilePages, zapRange } from "./zap";

// The walk over the areas that show a page of [first, end): where the one it stands on does.
let walkLink: usize = 0;
let walkFirst: u64 = 0;
let walkEnd: u64 = 0;
let hitMm: usize = 0;
let hitStart: u64 = 0;
let hitEnd: u64 = 0;

function settle(): bool {
  if (!walkLink) return false;
  const vma = changetype<Vma>(changetype<Link>(walkLink).vma);
  const from = max(vma.pgoff, walkFirst);
  const to = min(vma.pgoff + vmaPages(vma), walkEnd);
  hitMm = changetype<usize>(vmaMm(vma));
  hitStart = vma.start + ((from - vma.pgoff) << 12);
  hitEnd = vma.start + ((to - vma.pgoff) << 12);
  return true;
}

function hitFirst(mapping: Mapping, first: u64, end: u64): bool {
  walkFirst = first;
  walkEnd = end;
  walkLink = first < end ? linkFirst(mapping.tree, first, end - 1) : 0;
  return settle();
}

function hitNext(): bool {
  walkLink = linkNext(walkLink, walkFirst, walkEnd - 1);
  return settle();
}

/** EAGAIN where a part of [first, end) is frozen, by file or by address. */
export function checkHits(mapping: Mapping, first: u64, end: u64): i32 {
  const frozen = mappingConflict(mapping, first << 12, end << 12);
  if (frozen) return refuseFrozen(frozen);
  for (let more = hitFirst(mapping, first, end); more; more = hitNext()) {
    const status = checkFrozen(changetype<Mm>(hitMm), hitStart, hitEnd);
    if (status) return status;
  }
  return Status.Ok;
}

function anybodyHears(mapping: Mapping, first: u64, end: u64): bool {
  for (let more = hitFirst(mapping, first, end); more; more = hitNext()) {
    if (mustTell(changetype<Mm>(hitMm), hitStart, hitEnd)) return true;
  }
  return false;
}

/** Adds one notice for pages [first, end) of the file, with every range that shows them. */
export function noticeHits(
  mapping: Mapping,
  first: u64,
  end: u64,
  reason: Reason,
  demand: Demand,
): void {
  if (!anybodyHears(mapping, first, end)) return;
  const handle = <u32>(changetype<usize>(mapping) >>> 3);
  noticeMapping(handle, first << 12, end << 12, reason, demand);
  for (let more = hitFirst(mapping, first, end); more; more = hitNext()) {
    noticeHit(changetype<Mm>(hitMm), hitStart, hitEnd, reason, demand);
  }
}

/** Freezes pages [first, end) for the ticket being opened: in the file, and wherever shown. */
export function freezeHits(mapping: Mapping, first: u64, end: u64): i32 {
  const object = changetype<usize>(mapping);
  const status = ticketFreeze(KeyKind.Mapping, object, first << 12, end << 12);
  if (status) return status;
  for (let more = hitFirst(mapping, first, end); more; more = hitNext()) {
    const frozen = ticketFreeze(KeyKind.Mm, hitMm, hitStart, hitEnd);
    if (frozen) return frozen;
  }
  return Status.Ok;
}

/** Clears the ptes that show pages [first, end); with `evenCows` those of private copies too. */
export function unmapHits(mapping: Mapping, first: u64, end: u64, evenCows: bool): void {
  for (let more = hitFirst(mapping, first, end); more; more = hitNext()) {
    const mm = changetype<Mm>(hitMm);
    if (evenCows) zapRange(mm, hitStart, hitEnd);
    else zapFilePages(mm, hitStart, hitEnd);
  }
}
