// What the machine looks like, for /proc: areas, pages, frames.

import { AreaName, PageEntry, PG, ResultField, Status, VM_SOFTDIRTY, WINDOW_BYTES } from "../abi";
import { flagsOf } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { headOf } from "../frame/huge";
import { hugeAsPte, hugeGet, hugeStart } from "../map/huge";
import { Mm } from "../map/mm";
import { P, ptePfn, S } from "../map/pte";
import { isSwap, swapSlot } from "../map/swap";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "../map/table";
import { isAnonymous, Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { USER_END } from "../plan/placement";
import { pteExact, recordsOf } from "../plan/record";
import { areaCategories, pteCategories } from "./categories";

/** Linux names the heap and the stack by where they lie, not by what they were made as. */
function nameOf(mm: Mm, vma: Vma): u32 {
  if (vma.name > <u32>AreaName.Stack) return vma.name;
  if (!isAnonymous(vma)) return AreaName.None;
  if (vma.start < mm.brk && vma.end > mm.brkStart) return AreaName.Heap;
  if (vma.start <= mm.stack && vma.end >= mm.stack && mm.stack) return AreaName.Stack;
  return AreaName.None;
}

/** The first area with an end above `address`: 1 with it in the result block, or 0. */
export function areaNext(mm: Mm, address: u64): i32 {
  const found = vmaFind(mm, address);
  if (!found) return 0;
  const vma = changetype<Vma>(found);
  resultSet64(ResultField.StartLo, vma.start);
  resultSet64(ResultField.EndLo, vma.end);
  resultSet64(ResultField.OffsetLo, isAnonymous(vma) ? 0 : vma.pgoff << 12);
  resultSet(ResultField.VmFlags, vma.flags | (vma.softDirty ? VM_SOFTDIRTY : 0));
  resultSet(ResultField.Mapping, <u32>(vma.mapping >>> 3));
  resultSet(ResultField.Name, nameOf(mm, vma));
  return 1;
}

/** A part of a huge page has the flags of the whole as well as its own. */
function pageFlags(pfn: u32): u32 {
  const head = headOf(pfn);
  return head == pfn ? flagsOf(pfn) : flagsOf(pfn) | (flagsOf(head) & ~(1 << PG.head));
}

/** The pte at `address` and its frame: 1, or 0 where there is none. */
export function pageQuery(mm: Mm, address: u64): i32 {
  if (address >= USER_END) return 0;
  const pte = pteExact(mm, address);
  resultSet64(ResultField.PteLo, pte);
  if (!pte) return 0;
  const vma = changetype<Vma>(vmaFind(mm, address));
  resultSet(ResultField.Categories, areaCategories(vma) | pteCategories(pte));
  resultSet(ResultField.Slot, isSwap(pte) ? swapSlot(pte) : 0);
  const pfn = pte & P ? ptePfn(pte) : 0;
  const frame = frameOf(headOf(pfn));
  resultSet(ResultField.Pfn, pfn);
  resultSet(ResultField.FrameFlags, pageFlags(pfn));
  resultSet(ResultField.RefCount, frame.refcount);
  resultSet(ResultField.MapCount, frame.mapcount);
  resultSet(ResultField.Exports, recordsOf(pfn));
  return 1;
}

const ENTRY_BYTES: usize = PageEntry.LENGTH << 2;
const ENTRIES_MAX: u32 = WINDOW_BYTES / <u32>(PageEntry.LENGTH << 2);

function listPage(at: usize, vma: Vma, address: u64, pte: u64): void {
  store<u64>(at, address);
  store<u64>(at + (PageEntry.PteLo << 2), pte);
  const pfn = pte & P ? ptePfn(pte) : 0;
  const counted = (pte & P) != 0 && !(pte & S);
  store<u32>(at + (PageEntry.Pfn << 2), pfn);
  store<u32>(at + (PageEntry.MapCount << 2), counted ? frameOf(headOf(pfn)).mapcount : 0);
  store<u32>(at + (PageEntry.Categories << 2), areaCategories(vma) | pteCategories(pte));
  store<u32>(at + (PageEntry.Slot << 2), isSwap(pte) ? swapSlot(pte) : 0);
}

// The list being written: how many entries it has, and where it stopped for want of room.
let listed: u32 = 0;
let stopped: u64 = 0;
let listedMm: usize = 0;
/** The area of the entry listed last, and its end. */
let listedArea: usize = 0;
let listedEnd: u64 = 0;

function listEntry(address: u64, pte: u64): bool {
  if (listed == ENTRIES_MAX) {
    stopped = address;
    return false;
  }
  if (address >= listedEnd) {
    // An entry lies in an area (T8).
    listedArea = vmaFind(changetype<Mm>(listedMm), address);
    listedEnd = changetype<Vma>(listedArea).end;
  }
  const at = windowBase + <usize>listed * ENTRY_BYTES;
  listPage(at, changetype<Vma>(listedArea), address, pte);
  listed++;
  return true;
}

/** A part of one leaf table. @returns false when the window is full. */
function listLeaf(leaf: u32, start: u64, end: u64): bool {
  let slot = frameAddress(leaf) + ((<usize>leafIndex(start)) << 3);
  for (let at = start; at < end; at += 4096, slot += 8) {
    const pte = load<u64>(slot);
    if (pte && !listEntry(at, pte)) return false;
  }
  return true;
}

/** One entry for all of a huge page, at its first address. */
function listHuge(mm: Mm, address: u64): bool {
  const start = hugeStart(address);
  return listEntry(start, hugeAsPte(hugeGet(mm, start), start));
}

/** Lists entries that are not zero in [start, end) in the window; Value = where to go on. */
export function pageList(mm: Mm, start: u64, end: u64): u32 {
  const limit = min(end, USER_END);
  listed = 0;
  listedMm = changetype<usize>(mm);
  listedEnd = 0;
  stopped = end;
  let at = leafSeek(mm, start & ~(<u64>4095), limit);
  while (at < limit) {
    const stop = leafEnd(at, limit);
    const leaf = leafPfn(mm, at);
    if (leaf ? !listLeaf(leaf, at, stop) : !listHuge(mm, at)) break;
    at = leafSeek(mm, stop, limit);
  }
  resultSet64(ResultField.ValueLo, stopped);
  return listed;
}

/** Break, mmap base and start of the heap. */
export function mmLayout(mm: Mm): i32 {
  resultSet64(ResultField.ValueLo, mm.brk);
  resultSet64(ResultField.StartLo, mm.mmapBase);
  resultSet64(ResultField.EndLo, mm.brkStart);
  return Status.Ok;
}
