// Huge pages in page tables: an entry of a pmd table that is itself the page.
//
//   63 62        52 51                           12 11 10 9  8 7 6 5 4 3 2 1 0
//  ┌──┬────────────┬───────────────────────────────┬──┬──┬──┬─┬─┬─┬─┬─┬─┬─┬─┬─┐
//  │NX│  pfn / 512 │             zero              │s │e │S │G│1│D│A│c│w│U│W│P│
//  └──┴────────────┴───────────────────────────────┴──┴──┴──┴─┴─┴─┴─┴─┴─┴─┴─┴─┘
//   bit 7: H, set       e  a record names one of its 4096-byte pages       the others as in pte.ts
//
// The frame stands in bits that x86 leaves to software, and where a table's would stand there is 0.
// So a walk of four levels needs no branch for it: like an absent entry it leads to frame 0, and
// finds nothing. Only who has found nothing asks for a huge page; ordinary pages pay nothing.
//
// Invariants
//   G4  A huge page's entry names a whole huge page and lies whole in an area of those; such an
//       area has no other entries, and an ordinary pte never names a part of a huge page.
//
// Written by: op/huge-*.ts, op/fork.ts, op/mprotect.ts, op/remap-move.ts in commits;
// plan/record.ts (e).

import { HUGE_BYTES, HUGE_FRAMES, PG, VM_HUGETLB } from "../abi";
import { flagSet } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { hugeDrop } from "../frame/huge";
import { MAPPING_ANON } from "./anon-vma";
import { Mm } from "./mm";
import { H, pteMake, ptePfn, pteWithPfn, SD } from "./pte";
import { leafIndex, pmdSlot, pteGet, pteSlot } from "./table";
import { linearIndex, Vma } from "./vma";

const HUGE_MASK: u64 = <u64>HUGE_BYTES - 1;
const PFN_SHIFT: u64 = 52;
const PFN_MASK: u64 = 0x7ff0000000000000;
const FRAMES_SHIFT: u32 = 9;

/** Start of the huge page that `address` lies in. */
export function hugeStart(address: u64): u64 {
  return address & ~HUGE_MASK;
}

/** `bytes` up to whole huge pages; 0 when that overflows. */
export function hugeUp(bytes: u64): u64 {
  return (bytes + HUGE_MASK) & ~HUGE_MASK;
}

export function isHugeAligned(address: u64): bool {
  return !(address & HUGE_MASK);
}

/** An area of huge pages (Linux: is_vm_hugetlb_page). */
export function isHuge(vma: Vma): bool {
  return (vma.flags & VM_HUGETLB) != 0;
}

/** First frame of the huge page that an entry with H is. */
export function hugePfn(entry: u64): u32 {
  return (<u32>((entry & PFN_MASK) >> PFN_SHIFT)) << FRAMES_SHIFT;
}

/**
 * An accessed entry for huge page `head` in an area with `vmFlags`, W clear. Soft-dirty for good:
 * Linux does not track writes to huge pages either, and nobody may take one for unchanged.
 */
export function hugeMake(head: u32, vmFlags: u32): u64 {
  return pteMake(0, vmFlags) | H | SD | ((<u64>(head >> FRAMES_SHIFT)) << PFN_SHIFT);
}

/** The huge page's entry for `address`, 0 when there is none. */
export function hugeGet(mm: Mm, address: u64): u64 {
  const entry = load<u64>(pmdSlot(mm, address));
  return entry & H ? entry : 0;
}

/** A huge page's entry as the pte of the 4096 bytes at `address`: H stays, the frame is its own. */
export function hugeAsPte(entry: u64, address: u64): u64 {
  return pteWithPfn(entry & ~PFN_MASK, hugePfn(entry) + leafIndex(address));
}

/** The pte for `address`, be it one of its own or a part of a huge page; 0 when there is none. */
export function pteAt(mm: Mm, address: u64): u64 {
  const pte = pteGet(mm, address);
  if (pte) return pte;
  const entry = hugeGet(mm, address);
  return entry ? hugeAsPte(entry, address) : 0;
}

/** Address of the entry that maps `address`, a huge page's or a pte. */
export function entrySlot(mm: Mm, address: u64): usize {
  const slot = pmdSlot(mm, address);
  return load<u64>(slot) & H ? slot : pteSlot(mm, address);
}

/** Frame of 4096 bytes that an entry of either kind has at `address`. */
export function entryPfn(entry: u64, address: u64): u32 {
  return entry & H ? hugePfn(entry) + leafIndex(address) : ptePfn(entry);
}

/** A huge page that was taken becomes an anonymous one of `vma` at `address`, mapped once. */
export function hugeMapNewAnon(head: u32, vma: Vma, address: u64): void {
  const frame = frameOf(head);
  frame.mapcount = 1;
  frame.mapping = vma.anonVma | MAPPING_ANON;
  frame.index = linearIndex(vma, address);
  flagSet(PG.anon, head);
  flagSet(PG.uptodate, head);
}

/** One more entry names a huge page of a file. */
export function hugeMap(head: u32): void {
  const frame = frameOf(head);
  frame.refcount++;
  frame.mapcount++;
}

/** One entry less names it; the last reference gives it back to the pool. */
export function hugeUnmap(head: u32): void {
  const frame = frameOf(head);
  frame.mapcount--;
  // Held from outside alone now: its anon_vma may go before it does.
  if (!frame.mapcount && frame.mapping & MAPPING_ANON) frame.mapping = 0;
  hugeDrop(head);
}

/** Huge pages that [start, end) has room for. */
export function hugeCount(start: u64, end: u64): u32 {
  return <u32>((end - start) / HUGE_BYTES);
}

/** Frames from the head of its huge page to the one at `address`. */
export function hugeIndex(address: u64): u32 {
  return leafIndex(address) & (HUGE_FRAMES - 1);
}
