// What the pages of an area amount to, for /proc/PID/smaps (as Linux smaps_pte_entry and
// smaps_account, fs/proc/task_mmu.c).
//
//   pte                     counts as
//   the zero page           nothing
//   swapped out             Swap; its part of SwapPss by the ptes that name the slot
//   none, and in swap by its file   Swap: of a shared area, or one that cannot be written, each
//                           page that the file has there, whatever the pte
//   present, mapped once    Private_…, and all of it in Pss
//   present, mapped by n    Shared_…, and 1/n of it in Pss
//   …                       …_Dirty where the pte or the frame is dirty, else …_Clean

import { PG, Smaps, VM_LOCKED, VM_SHARED, VM_WRITE } from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { cacheSlot } from "../map/cache-swap";
import { cacheNext } from "../map/cache-walk";
import { Mapping } from "../map/mapping";
import { Mm } from "../map/mm";
import { A, D, P, ptePfn, S } from "../map/pte";
import { slotCount, swapSlot } from "../map/swap";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteGet } from "../map/table";
import { linearIndex, Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { windowBase } from "../mem/layout";

const PAGE: f64 = 4096;
/** Bits below a byte that proportional sizes are kept with, as Linux's PSS_SHIFT. */
const PSS_SHIFT: u64 = 12;

function add(field: Smaps, bytes: f64): void {
  const at = windowBase + ((<usize>field) << 3);
  store<f64>(at, load<f64>(at) + bytes);
}

/** A page's part for one of `sharers`, in 1 / 4096 bytes. */
function part(sharers: u32): f64 {
  return <f64>(((<u64>PAGE) << PSS_SHIFT) / (sharers ? sharers : 1));
}

function countSwapped(pte: u64): void {
  add(Smaps.Swap, PAGE);
  add(Smaps.SwapPss, part(slotCount(swapSlot(pte))));
}

/**
 * Pages of a file in memory that are in swap (as shmem_swap_usage): a private area that may be
 * written has its own pages instead of some of them.
 */
function countSwappedOfFile(mm: Mm, vma: Vma): void {
  const mapping = changetype<Mapping>(vma.mapping);
  if (!vma.mapping || !mapping.swapped) return;
  const isAny = (vma.flags & (VM_SHARED | VM_WRITE)) != VM_WRITE;
  const end = linearIndex(vma, vma.end);
  let at = cacheNext(mapping, vma.pgoff);
  for (; at < end; at = cacheNext(mapping, at + 1)) {
    if (!cacheSlot(mapping, at)) continue;
    const address = vma.start + ((at - vma.pgoff) << 12);
    if (isAny || !pteGet(mm, address)) add(Smaps.Swap, PAGE);
  }
}

function countKind(pfn: u32, isDirty: bool, pss: f64): void {
  if (flagTest(PG.anon, pfn)) {
    add(Smaps.Anonymous, PAGE);
    add(Smaps.PssAnon, pss);
    if (!flagTest(PG.swapbacked, pfn) && !isDirty) add(Smaps.LazyFree, PAGE);
  } else {
    add(flagTest(PG.swapbacked, pfn) ? Smaps.PssShmem : Smaps.PssFile, pss);
  }
  if (flagTest(PG.ksm, pfn)) add(Smaps.Ksm, PAGE);
}

function countPresent(pte: u64, isLocked: bool): void {
  const pfn = ptePfn(pte);
  const sharers = frameOf(pfn).mapcount;
  const isDirty = (pte & D) != 0 || flagTest(PG.dirty, pfn);
  const pss = part(sharers);
  add(Smaps.Rss, PAGE);
  add(Smaps.Pss, pss);
  if (isDirty) add(Smaps.PssDirty, pss);
  if (isLocked) add(Smaps.Locked, pss);
  if (pte & A || flagTest(PG.referenced, pfn)) add(Smaps.Referenced, PAGE);
  countKind(pfn, isDirty, pss);
  if (sharers > 1) add(isDirty ? Smaps.SharedDirty : Smaps.SharedClean, PAGE);
  else add(isDirty ? Smaps.PrivateDirty : Smaps.PrivateClean, PAGE);
}

function countLeaf(leaf: u32, first: u32, count: u32, isLocked: bool): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (!pte || pte & S) continue;
    if (pte & P) countPresent(pte, isLocked);
    else countSwapped(pte);
  }
}

/** Counts the area at `address` into the window: Smaps.COUNT numbers of f64. False for no area. */
export function areaSmaps(mm: Mm, address: u64): bool {
  const area = vmaLookup(mm, address);
  if (!area) return false;
  memory.fill(windowBase, 0, (<usize>Smaps.COUNT) << 3);
  const vma = changetype<Vma>(area);
  const isLocked = (vma.flags & VM_LOCKED) != 0;
  let at = leafSeek(mm, vma.start, vma.end);
  while (at < vma.end) {
    const stop = leafEnd(at, vma.end);
    countLeaf(leafPfn(mm, at), leafIndex(at), <u32>((stop - at) >> 12), isLocked);
    at = leafSeek(mm, stop, vma.end);
  }
  countSwappedOfFile(mm, vma);
  return true;
}
