// Four levels of page tables, 512 entries each, in frames.
//
//   address   47      39 38      30 29      21 20      12 11         0
//            ┌──────────┬──────────┬──────────┬──────────┬────────────┐
//            │   pgd    │   pud    │   pmd    │   pte    │  in page   │
//            └──────────┴──────────┴──────────┴──────────┴────────────┘
//
// An absent upper entry is 0 and so leads to frame 0, which is zero throughout: a walk needs no
// branch, it arrives at an absent leaf. A table's frame record keeps `private_` = entries that are
// not zero, `mapping` = its mm, and for a leaf table `exports` = entries with the e bit.
//
// Invariants
//   T5  A table frame has PG.table, refcount 1, its mm and `private_` nonzero entries; `tables` of
//       the mm counts them.
//   T6  No table below the top is empty: the last entry that goes takes the table with it.
//   T7  A leaf table's `exports` counts its entries with the e bit, a pmd table's its huge pages'.
//   T8  An entry of a leaf table that is not zero lies in an area.
//
// Written by: op/*.ts in commits, by these functions only.

import { PG, TABLE_ENTRIES, Vmstat } from "../abi";
import { frameAllocZeroed, frameFree } from "../frame/buddy";
import { flagClear, flagSet } from "../frame/flags";
import { frameAddress, frameOf, pfnOfAddress } from "../frame/frame";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { Mm } from "./mm";
import { E, ptePfn, TABLE } from "./pte";

/** Bytes of address space below one leaf table. */
export const LEAF_BYTES: u64 = 1 << 21;
const PUD_SHIFT: u64 = 30;
const PMD_SHIFT: u64 = 21;
const PGD_SHIFT: u64 = 39;
const PTE_SHIFT: u64 = 12;
const SLOT_MASK: u64 = 0xff8;

/** Byte offset of the entry for `address` in a table whose entries span 1 << `shift` bytes. */
function slotOffset(address: u64, shift: u64): usize {
  return <usize>((address >> (shift - 3)) & SLOT_MASK);
}

function tableBelow(slot: usize): usize {
  return frameAddress(ptePfn(load<u64>(slot)));
}

/**
 * Address of the pmd entry for `address`: it leads to a leaf table or is a huge page's (huge.ts).
 * In frame 0, and zero, when there is no pmd table.
 */
export function pmdSlot(mm: Mm, address: u64): usize {
  const pud = tableBelow(frameAddress(mm.pgd) + slotOffset(address, PGD_SHIFT));
  const pmd = tableBelow(pud + slotOffset(address, PUD_SHIFT));
  return pmd + slotOffset(address, PMD_SHIFT);
}

/** Is there a pmd table for `address`? */
export function hasPmdTable(mm: Mm, address: u64): bool {
  return pfnOfAddress(pmdSlot(mm, address)) != 0;
}

/** The leaf table's frame for `address`, 0 when there is none: absent, or a huge page. */
export function leafPfn(mm: Mm, address: u64): u32 {
  return ptePfn(load<u64>(pmdSlot(mm, address)));
}

/** Address of the leaf entry for `address`; in frame 0, and zero, when there is no leaf table. */
export function pteSlot(mm: Mm, address: u64): usize {
  return tableBelow(pmdSlot(mm, address)) + slotOffset(address, 12);
}

/** The leaf entry for `address`, 0 when there is none. */
export function pteGet(mm: Mm, address: u64): u64 {
  return load<u64>(pteSlot(mm, address));
}

/**
 * Replaces a leaf entry, a huge page's too; keeps the table's counts. Never frees the table: see
 * `tableTrim`.
 */
export function pteSet(slot: usize, pte: u64): void {
  const old = load<u64>(slot);
  store<u64>(slot, pte);
  const table = frameOf(pfnOfAddress(slot));
  table.private_ += <u32>(pte != 0) - <u32>(old != 0);
  table.exports += <usize>((pte & E) != 0) - <usize>((old & E) != 0);
}

function tableCreate(mm: Mm, slot: usize): u32 {
  if (CHECK) assert(!load<u64>(slot), "T1: a table would replace a huge page");
  const pfn = frameAllocZeroed();
  if (!pfn) return 0;
  const table = frameOf(pfn);
  table.refcount = 1;
  table.mapping = changetype<usize>(mm);
  flagSet(PG.table, pfn);
  mm.tables++;
  statAdd(Vmstat.nr_page_table_pages, 1);
  store<u64>(slot, ((<u64>pfn) << 12) | TABLE);
  frameOf(pfnOfAddress(slot)).private_++;
  return pfn;
}

function tableDestroy(pfn: u32, slot: usize): void {
  const table = frameOf(pfn);
  changetype<Mm>(table.mapping).tables--;
  table.refcount = 0;
  table.mapping = 0;
  flagClear(PG.table, pfn);
  statAdd(Vmstat.nr_page_table_pages, -1);
  frameFree(pfn, 0);
  store<u64>(slot, 0);
  frameOf(pfnOfAddress(slot)).private_--;
}

/** Address of the entry that spans 1 << `last` bytes, with the tables above it made; or 0. */
function slotEnsure(mm: Mm, address: u64, last: u64): usize {
  let table = mm.pgd;
  for (let shift = PGD_SHIFT; shift > last; shift -= 9) {
    const slot = frameAddress(table) + slotOffset(address, shift);
    const below = ptePfn(load<u64>(slot));
    table = below ? below : tableCreate(mm, slot);
    if (!table) return 0;
  }
  return frameAddress(table) + slotOffset(address, last);
}

/**
 * Address of the leaf entry for `address`, with the tables on the way made; 0 when a frame lacked.
 * Tables made on the way stay empty then: the caller trims.
 */
export function pteEnsure(mm: Mm, address: u64): usize {
  return slotEnsure(mm, address, PTE_SHIFT);
}

/** As `pteEnsure`, of the pmd entry. */
export function pmdEnsure(mm: Mm, address: u64): usize {
  return slotEnsure(mm, address, PMD_SHIFT);
}

/**
 * Hangs the leaf table, or the huge page, below `from` in at `to`, where there is none; both begin
 * a table's span.
 * @returns false, and nothing moved, when a frame lacked: the caller trims at `to`.
 */
export function leafMove(mm: Mm, from: u64, to: u64): bool {
  const place = slotEnsure(mm, to, PMD_SHIFT);
  if (!place) return false;
  const slot = pmdSlot(mm, from);
  const entry = load<u64>(slot);
  pteSet(slot, 0);
  pteSet(place, entry);
  tableTrim(mm, from);
  return true;
}

/** Frees the tables on the way to `address` that hold nothing, from the leaf up (T6). */
export function tableTrim(mm: Mm, address: u64): void {
  const pgdSlot = frameAddress(mm.pgd) + slotOffset(address, PGD_SHIFT);
  const pud = ptePfn(load<u64>(pgdSlot));
  if (!pud) return;
  const pudSlot = frameAddress(pud) + slotOffset(address, PUD_SHIFT);
  const pmd = ptePfn(load<u64>(pudSlot));
  if (pmd) {
    const slot = frameAddress(pmd) + slotOffset(address, PMD_SHIFT);
    const leaf = ptePfn(load<u64>(slot));
    if (leaf && !frameOf(leaf).private_) tableDestroy(leaf, slot);
    if (!frameOf(pmd).private_) tableDestroy(pmd, pudSlot);
  }
  if (!frameOf(pud).private_) tableDestroy(pud, pgdSlot);
}

/** End of the span of one table entry that holds `address`. */
function spanEnd(address: u64, shift: u64): u64 {
  return ((address >> shift) + 1) << shift;
}

/** First address in [address, end) below which a leaf table or a huge page exists, or `end`. */
export function leafSeek(mm: Mm, address: u64, end: u64): u64 {
  let at = address;
  while (at < end) {
    const pud = ptePfn(load<u64>(frameAddress(mm.pgd) + slotOffset(at, PGD_SHIFT)));
    if (!pud) {
      at = spanEnd(at, PGD_SHIFT);
      continue;
    }
    const pmd = ptePfn(load<u64>(frameAddress(pud) + slotOffset(at, PUD_SHIFT)));
    if (!pmd) {
      at = spanEnd(at, PUD_SHIFT);
      continue;
    }
    if (load<u64>(frameAddress(pmd) + slotOffset(at, PMD_SHIFT))) return at;
    at = spanEnd(at, PMD_SHIFT);
  }
  return end;
}

/** End of the part of [address, end) that one leaf table covers. */
export function leafEnd(address: u64, end: u64): u64 {
  const stop = spanEnd(address, PMD_SHIFT);
  return stop < end ? stop : end;
}

/** Index of the leaf entry for `address`. */
export function leafIndex(address: u64): u32 {
  return <u32>((address >> 12) & <u64>(TABLE_ENTRIES - 1));
}

/** Leaf tables and huge pages that exist in [start, end). */
export function leafCount(mm: Mm, start: u64, end: u64): u32 {
  let count: u32 = 0;
  let at = leafSeek(mm, start, end);
  while (at < end) {
    count++;
    at = leafSeek(mm, leafEnd(at, end), end);
  }
  return count;
}
