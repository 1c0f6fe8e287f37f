// An address space (Linux: mm_struct) and the table of handles that the shell names it by.
//
// A handle is slot | generation << 14, so a stale one is told from a live one; it is never 0.
//
// Invariants
//   A1  A live mm has a page table root; mapCount equals the areas in its list and its tree.
//   A2  MMF_EXPORTED (`isExported`) is set exactly while a record or a watch names the mm.
//   A3  `hint` is 0 or an area of the mm: one that goes takes it along.
//   A4  gapHigh is 0, or [gapLow, gapHigh) is all that is free below the area `gapNext`, or above
//       the last one where that is 0.
//
// Written by: op/*.ts in commits; plan/record.ts keeps `records`.

import { PG, Status, Vmstat } from "../abi";
import { frameAllocZeroed, frameFree } from "../frame/buddy";
import { flagClear, flagSet } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { statAdd } from "../mem/vmstat";

const SLOT_BITS: u32 = 14;
const SLOTS: u32 = 1 << SLOT_BITS;
const GENERATION_MAX: u32 = (1 << 16) - 1;

/** Address spaces alive at once, less the unused slot 0. */
export const MMS_MAX: u32 = SLOTS - 1;

@unmanaged
export class Mm {
  handle: u32;
  /** Frame of the top page table. */
  pgd: u32;
  /** Root of the tree of areas and how many levels it has, and the ends of the list in order. */
  tree: usize;
  levels: u32;
  first: usize;
  last: usize;
  mapCount: u32;
  /** Export records and watches that name this mm. */
  records: u32;
  watches: u32;
  /** Open tickets that freeze a part of this mm. */
  freezes: u32;
  /** Flags that new areas get (mlockall MCL_FUTURE). */
  defaultFlags: u32;
  /** Area found last: most lookups ask for it again. */
  hint: usize;
  /** Gap found last: an mmap asks for the areas around it again and again. */
  gapNext: usize;
  gapLow: u64;
  gapHigh: u64;
  next: usize;
  prev: usize;
  mmapBase: u64;
  brkStart: u64;
  brk: u64;
  stack: u64;
  /** Page tables, the top one included. */
  tables: u32;
  /** What its exit takes is set aside (plan/farewell.ts). */
  farewell: u32;
  /** Pages in areas. */
  totalPages: u64;
  /** Pins made through this mm that are left (Linux: MMF_HAS_PINNED). */
  pins: u32;
  /** The group that pays for its pages, 0 for none. */
  group: u32;
}

export const mmPool = changetype<Pool>(memory.data(offsetof<Pool>()));
const slots = memory.data(SLOTS << 2);
const generations = memory.data(SLOTS << 1);
let slotHint: u32 = 1;
let mmList: usize = 0;
/** Address spaces alive. */
export let mmCount: u32 = 0;

export function mmInit(): void {
  poolInit(mmPool, offsetof<Mm>());
}

/** The live mm of a handle, or null. */
export function mmOf(handle: u32): Mm | null {
  const pointer = load<usize>(slots + ((handle & (SLOTS - 1)) << 2));
  if (!pointer || load<u32>(pointer) != handle) return null;
  return changetype<Mm>(pointer);
}

/** The live mm in slot `slot` of the table, from 0 to MMS_MAX, or null. */
export function mmInSlot(slot: u32): Mm | null {
  const pointer = load<usize>(slots + (slot << 2));
  return pointer ? changetype<Mm>(pointer) : null;
}

/** Whether `count` more can be promised a slot. */
export function mmsFit(count: u32): bool {
  return mmCount + mmPool.reserved + count <= MMS_MAX;
}

export function mmFirst(): usize {
  return mmList;
}

export function isExported(mm: Mm): bool {
  return (mm.records | mm.watches) != 0;
}

function slotFind(): u32 {
  for (let i: u32 = 0; i < SLOTS; i++) {
    const slot = (slotHint + i) & (SLOTS - 1);
    if (slot && !load<usize>(slots + (slot << 2))) return slot;
  }
  return 0;
}

/** An empty address space, or a status. Takes one frame and one record. */
export function mmCreate(mmapBase: u64, brkStart: u64): i32 {
  // Slots are promised to forks that are planned, as records are.
  const slot = mmsFit(1) ? slotFind() : 0;
  if (!slot) return Status.ENFILE;
  const pointer = poolAlloc(mmPool);
  if (!pointer) return Status.ENOMEM;
  const pgd = frameAllocZeroed();
  if (!pgd) {
    poolFree(mmPool, pointer);
    return Status.ENOMEM;
  }
  const mm = changetype<Mm>(pointer);
  const generation = (<u32>load<u16>(generations + (slot << 1)) + 1) & GENERATION_MAX;
  store<u16>(generations + (slot << 1), <u16>generation);
  mm.handle = slot | (generation << SLOT_BITS);
  mm.pgd = pgd;
  mm.tables = 1;
  mm.mmapBase = mmapBase;
  mm.brkStart = brkStart;
  mm.brk = brkStart;
  mm.next = mmList;
  if (mmList) changetype<Mm>(mmList).prev = pointer;
  mmList = pointer;
  frameOf(pgd).refcount = 1;
  frameOf(pgd).mapping = pointer;
  flagSet(PG.table, pgd);
  statAdd(Vmstat.nr_page_table_pages, 1);
  store<usize>(slots + (slot << 2), pointer);
  slotHint = slot + 1;
  mmCount++;
  return <i32>mm.handle;
}

/** Gives the record, the handle and the top table back. Precondition: no area, no table left. */
export function mmDestroy(mm: Mm): void {
  const pgd = mm.pgd;
  flagClear(PG.table, pgd);
  statAdd(Vmstat.nr_page_table_pages, -1);
  frameOf(pgd).refcount = 0;
  frameOf(pgd).mapping = 0;
  frameFree(pgd, 0);
  if (mm.prev) changetype<Mm>(mm.prev).next = mm.next;
  else mmList = mm.next;
  if (mm.next) changetype<Mm>(mm.next).prev = mm.prev;
  store<usize>(slots + ((mm.handle & (SLOTS - 1)) << 2), 0);
  mmCount--;
  poolFree(mmPool, changetype<usize>(mm));
}
