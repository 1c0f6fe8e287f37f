// Which pages are of a kind, as ranges (as Linux PAGEMAP_SCAN, fs/proc/task_mmu.c).
//
// A page is of interest when its categories, those in `inverted` turned over, have all of `mask`
// and, where `anyOf` is not 0, one of it. Pages side by side with the same `returned` categories
// are one range. Pages without an entry are what their area says; outside areas there is none.

import { ResultField, ScanRange, VM_PFNMAP, WINDOW_BYTES } from "../abi";
import { frameAddress } from "../frame/frame";
import { hugeStart, pteAt } from "../map/huge";
import { Mm } from "../map/mm";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "../map/table";
import { Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet64 } from "../mem/result";
import { areaCategories, pteCategories } from "./categories";

const RANGE_BYTES: usize = ScanRange.LENGTH << 2;
const RANGES_MAX: u32 = WINDOW_BYTES / <u32>RANGE_BYTES;

// The scan, set by `pagemapScan` and gone when it answers.
let inverted: u32 = 0;
let mask: u32 = 0;
let anyOf: u32 = 0;
let returned: u32 = 0;
let pagesLeft: u64 = 0;
let ranges: u32 = 0;
/** Where the scan had to stop, 0 while it has not. */
let stopped: u64 = 0;

function isOfInterest(categories: u32): bool {
  const turned = categories ^ inverted;
  return (turned & mask) == mask && (!anyOf || (turned & anyOf) != 0);
}

function rangeAt(index: u32): usize {
  return windowBase + <usize>index * RANGE_BYTES;
}

/** Grows the last range by [start, end) where it goes on there as the same. */
function extendsLast(start: u64, end: u64, categories: u32): bool {
  if (!ranges) return false;
  const last = rangeAt(ranges - 1);
  if (load<u64>(last + (ScanRange.EndLo << 2)) != start) return false;
  if (load<u32>(last + (ScanRange.Categories << 2)) != categories) return false;
  store<u64>(last + (ScanRange.EndLo << 2), end);
  return true;
}

/** Pages [start, end) are all `categories`. @returns false when the scan stops. */
function found(start: u64, end: u64, categories: u32): bool {
  if (!isOfInterest(categories)) return true;
  const kept = categories & returned;
  const until = end - start > pagesLeft << 12 ? start + (pagesLeft << 12) : end;
  if (start < until && !extendsLast(start, until, kept)) {
    if (ranges == RANGES_MAX) {
      stopped = start;
      return false;
    }
    const at = rangeAt(ranges);
    store<u64>(at + (ScanRange.StartLo << 2), start);
    store<u64>(at + (ScanRange.EndLo << 2), until);
    store<u32>(at + (ScanRange.Categories << 2), kept);
    ranges++;
  }
  pagesLeft -= (until - start) >> 12;
  if (pagesLeft) return true;
  stopped = until;
  return false;
}

function scanLeaf(leaf: u32, start: u64, end: u64, area: u32): bool {
  let slot = frameAddress(leaf) + ((<usize>leafIndex(start)) << 3);
  for (let at = start; at < end; at += 4096, slot += 8) {
    if (!found(at, at + 4096, area | pteCategories(load<u64>(slot)))) return false;
  }
  return true;
}

/** A part of a huge page: all of it is alike. */
function scanHuge(mm: Mm, start: u64, end: u64, area: u32): bool {
  return found(start, end, area | pteCategories(pteAt(mm, hugeStart(start))));
}

/** Pages [start, end) of one area. */
function scanArea(mm: Mm, vma: Vma, start: u64, end: u64): bool {
  const area = areaCategories(vma);
  let at = start;
  while (at < end) {
    const leaf = leafSeek(mm, at, end);
    if (leaf > at && !found(at, leaf, area)) return false;
    if (leaf >= end) return true;
    at = leafEnd(leaf, end);
    const table = leafPfn(mm, leaf);
    const goesOn = table ? scanLeaf(table, leaf, at, area) : scanHuge(mm, leaf, at, area);
    if (!goesOn) return false;
  }
  return true;
}

/**
 * Writes the ranges in [start, end), page aligned, to the window, at most `pages` pages in all.
 * @returns how many; Value = where to go on, `end` when it is done.
 */
export function pagemapScan(
  mm: Mm,
  start: u64,
  end: u64,
  categories: u32,
  needed: u32,
  some: u32,
  answered: u32,
  pages: u64,
): u32 {
  inverted = categories;
  mask = needed;
  anyOf = some;
  returned = answered;
  pagesLeft = pages;
  ranges = 0;
  stopped = 0;
  for (let p = vmaFind(mm, start); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end) break;
    if (vma.flags & VM_PFNMAP) continue;
    if (!scanArea(mm, vma, max(vma.start, start), min(vma.end, end))) break;
  }
  resultSet64(ResultField.ValueLo, stopped ? stopped : end);
  return ranges;
}
