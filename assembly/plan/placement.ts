// Where a mapping goes when its caller does not say (Linux: get_unmapped_area on x86-64).
//
//   hint free?  ── yes ──▶ the hint
//   2 MiB worth aligning?  ──▶ top down with padding, aligned
//   else  ──▶ top down below mmap_base  ──▶ none: bottom up from a third of the address space
//
// Gaps that an open bracket freezes are skipped: nothing may appear in them until it ends.

import {
  FileKind,
  MAP_32BIT,
  MAP_ABOVE4G,
  MAP_FIXED,
  MAP_SHARED,
  MAP_TYPE,
  Status,
  TASK_SIZE,
} from "../abi";
import { gapPages, nodeCount, slotEnd, slotGap, slotRef, slotStart } from "../map/area-node";
import { areaFirst } from "../map/area-tree";
import { Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { startGap, Vma } from "../map/vma";
import { vmaFind, vmaIntersection } from "../map/vma-tree";
import { Key, mmConflictKey } from "./freeze";

export const USER_END: u64 = <u64>TASK_SIZE;
/** Lowest address that placement hands out (Linux: mmap_min_addr). */
export const MMAP_MIN: u64 = 65536;
const HUGE: u64 = 1 << 21;
const LEGACY_BASE: u64 = 0x2aaaaaaaa000;
const BELOW_4G_START: u64 = 0x40000000;
const BELOW_4G_END: u64 = 0x80000000;
const ABOVE_4G: u64 = 0x100000000;
/** No address: a value that is never page aligned. */
export const NOWHERE: u64 = 1;

/** The mm that is searched: frozen spans of it are not free. */
let searched: usize = 0;

/** Highest start of `length` bytes in the free span [low, high), or NOWHERE. */
function fitHigh(low: u64, high: u64, length: u64): u64 {
  let top = high;
  while (top > low && top - low >= length) {
    const key = mmConflictKey(changetype<Mm>(searched), top - length, top);
    if (!key) return top - length;
    top = changetype<Key>(key).start;
  }
  return NOWHERE;
}

function fitLow(low: u64, high: u64, length: u64): u64 {
  let bottom = low;
  while (high > bottom && high - bottom >= length) {
    const key = mmConflictKey(changetype<Mm>(searched), bottom, bottom + length);
    if (!key) return bottom;
    bottom = changetype<Key>(key).end;
  }
  return NOWHERE;
}

/** The free span right below `slot`, down to where the one before ends, or to `below`. */
function spanLow(node: usize, slot: u32, below: u64): u64 {
  return slot ? slotEnd(node, slot - 1) : below;
}

/** Where the free span right below `slot` ends: a stack keeps a guard gap. */
function spanHigh(node: usize, slot: u32, level: u32): u64 {
  return startGap(changetype<Vma>(areaFirst(node, slot, level)));
}

/** Whether [low, high) meets the areas of `slot`, and they have a gap for `length` bytes. */
function mayFit(node: usize, slot: u32, length: u64, low: u64, high: u64): bool {
  if (slotGap(node, slot) < gapPages(length)) return false;
  return slotEnd(node, slot) > low && slotStart(node, slot) < high;
}

/**
 * Highest fit below the areas of a node `level` levels above the leaves, all within [low, high).
 * `below`: where the free span below the first of them begins, if it is to be looked at here.
 */
function searchHigh(node: usize, level: u32, below: u64, length: u64, low: u64, high: u64): u64 {
  for (let slot = nodeCount(node); slot > 0; ) {
    slot -= 1;
    if (slotEnd(node, slot) <= low) return NOWHERE;
    const start = slotStart(node, slot);
    if (level && mayFit(node, slot, length, low, high)) {
      const within = searchHigh(slotRef(node, slot), level - 1, start, length, low, high);
      if (within != NOWHERE) return within;
    }
    const span = spanLow(node, slot, below);
    if (start - span < length || span >= high) continue;
    const own = fitHigh(max(span, low), min(spanHigh(node, slot, level), high), length);
    if (own != NOWHERE) return own;
  }
  return NOWHERE;
}

function searchLow(node: usize, level: u32, below: u64, length: u64, low: u64, high: u64): u64 {
  const count = nodeCount(node);
  for (let slot: u32 = 0; slot < count; slot++) {
    const span = spanLow(node, slot, below);
    const start = slotStart(node, slot);
    if (span >= high) return NOWHERE;
    if (start - span >= length && start > low) {
      const own = fitLow(max(span, low), min(spanHigh(node, slot, level), high), length);
      if (own != NOWHERE) return own;
    }
    if (!level || !mayFit(node, slot, length, low, high)) continue;
    const within = searchLow(slotRef(node, slot), level - 1, start, length, low, high);
    if (within != NOWHERE) return within;
  }
  return NOWHERE;
}

function lastEnd(mm: Mm): u64 {
  return mm.last ? changetype<Vma>(mm.last).end : 0;
}

function topDown(mm: Mm, length: u64, low: u64, high: u64): u64 {
  const above = fitHigh(max(lastEnd(mm), low), high, length);
  if (above != NOWHERE || !mm.tree) return above;
  return searchHigh(mm.tree, mm.levels - 1, 0, length, low, high);
}

function bottomUp(mm: Mm, length: u64, low: u64, high: u64): u64 {
  const below = mm.tree ? searchLow(mm.tree, mm.levels - 1, 0, length, low, high) : NOWHERE;
  return below != NOWHERE ? below : fitLow(max(lastEnd(mm), low), high, length);
}

function hintFits(mm: Mm, hint: u64, length: u64, end: u64): bool {
  if (length > end || hint > end - length) return false;
  if (mmConflictKey(mm, hint, hint + length)) return false;
  const vma = vmaFind(mm, hint);
  return !vma || hint + length <= startGap(changetype<Vma>(vma));
}

function place32(mm: Mm, hint: u64, length: u64): u64 {
  if (hint && hintFits(mm, hint, length, BELOW_4G_END)) return hint;
  return bottomUp(mm, length, BELOW_4G_START, BELOW_4G_END);
}

/** As arch_get_unmapped_area_topdown. `hint` is page aligned, or 0. */
function placePlain(mm: Mm, hint: u64, length: u64, flags: i32): u64 {
  if (length > USER_END) return NOWHERE;
  if (flags & MAP_32BIT) return place32(mm, hint, length);
  if (hint && hintFits(mm, hint, length, USER_END)) return hint;
  const low = flags & MAP_ABOVE4G ? ABOVE_4G : MMAP_MIN;
  const found = topDown(mm, length, low, mm.mmapBase);
  return found != NOWHERE ? found : bottomUp(mm, length, LEGACY_BASE, USER_END);
}

/** As __thp_get_unmapped_area: NOWHERE when aligning to 2 MiB is not worth it or finds no room. */
function placeAligned(mm: Mm, hint: u64, length: u64, offset: u64, flags: i32): u64 {
  const end = offset + length;
  const aligned = (offset + HUGE - 1) & ~(HUGE - 1);
  if (end <= aligned || end - aligned < HUGE) return NOWHERE;
  const padded = length + HUGE;
  const found = placePlain(mm, hint, padded, flags);
  if (found == NOWHERE || found == hint) return found;
  const shift = (offset - found) & (HUGE - 1);
  return shift ? found + shift : found + HUGE;
}

function wantsAlignment(mapping: usize, hint: u64, length: u64, flags: i32): bool {
  if (mapping) return changetype<Mapping>(mapping).kind == FileKind.Disk;
  return (flags & MAP_TYPE) != MAP_SHARED && !hint && (length & (HUGE - 1)) == 0;
}

/**
 * Address for `length` bytes (page aligned, not 0), as Linux's __get_unmapped_area.
 * @param mapping the file's, or 0
 * @param offset of the mapping in its file, bytes
 * @returns an address, or a negated errno as u64 (ENOMEM, EINVAL)
 */
export function placementFind(
  mm: Mm,
  hint: u64,
  length: u64,
  mapping: usize,
  offset: u64,
  flags: i32,
): u64 {
  if (length > USER_END) return <u64>(<i64>Status.ENOMEM);
  let at = hint;
  searched = changetype<usize>(mm);
  if (!(flags & MAP_FIXED)) {
    const wanted = hint & ~(<u64>4095);
    at = NOWHERE;
    if (wantsAlignment(mapping, wanted, length, flags)) {
      at = placeAligned(mm, wanted, length, mapping ? offset : 0, flags);
    }
    if (at == NOWHERE) at = placePlain(mm, wanted, length, flags);
    if (at == NOWHERE) return <u64>(<i64>Status.ENOMEM);
  }
  if (at > USER_END - length) return <u64>(<i64>Status.ENOMEM);
  if (at & 4095) return <u64>(<i64>Status.EINVAL);
  return at;
}

/** As placePlain, in gaps that have `length` bytes from a multiple of 2 MiB on. */
function placeHuge(mm: Mm, hint: u64, length: u64, flags: i32): u64 {
  const padded = length + HUGE - 4096;
  if (padded > USER_END) return NOWHERE;
  if (flags & MAP_32BIT) {
    if (hint && hintFits(mm, hint, length, BELOW_4G_END)) return hint;
    return alignedUp(bottomUp(mm, padded, BELOW_4G_START, BELOW_4G_END));
  }
  if (hint && hintFits(mm, hint, length, USER_END)) return hint;
  const low = flags & MAP_ABOVE4G ? ABOVE_4G : MMAP_MIN;
  const found = topDown(mm, padded, low, mm.mmapBase);
  if (found != NOWHERE) return (found + padded - length) & ~(HUGE - 1);
  return alignedUp(bottomUp(mm, padded, LEGACY_BASE, USER_END));
}

function alignedUp(found: u64): u64 {
  return found == NOWHERE ? NOWHERE : (found + HUGE - 1) & ~(HUGE - 1);
}

/**
 * Address for `length` bytes of huge pages, as Linux's hugetlb_get_unmapped_area.
 * @returns an address, or a negated errno as u64: EINVAL for a fixed one that is not aligned,
 * ENOMEM
 */
export function placementHuge(mm: Mm, hint: u64, length: u64, flags: i32): u64 {
  if (length > USER_END) return <u64>(<i64>Status.ENOMEM);
  if (flags & MAP_FIXED) {
    if (hint & (HUGE - 1)) return <u64>(<i64>Status.EINVAL);
    return hint > USER_END - length ? <u64>(<i64>Status.ENOMEM) : hint;
  }
  searched = changetype<usize>(mm);
  const at = placeHuge(mm, alignedUp(hint & ~(<u64>4095)), length, flags);
  return at == NOWHERE ? <u64>(<i64>Status.ENOMEM) : at;
}

export function placementFailed(address: u64): bool {
  return <i64>address < 0;
}

/** Is [start, end) free of areas? */
export function isFree(mm: Mm, start: u64, end: u64): bool {
  return !vmaIntersection(mm, start, end);
}
