// What the machine looks like, for /proc: areas, pages, frames.

import { AreaName, PageEntry, ResultField, Status, VM_SOFTDIRTY, WINDOW_BYTES } from "../abi";
import { flagsOf } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { Mm } from "../map/mm";
import { P, ptePfn, S } from "../map/pte";
import { isSwap, swapSlot } from "../map/swap";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteGet } from "../map/table";
import { isAnonymous, Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { USER_END } from "../plan/placement";
import { recordsOf } from "../plan/record";
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

/** The pte at `address` and its frame: 1, or 0 where there is none. */
export function pageQuery(mm: Mm, address: u64): i32 {
  if (address >= USER_END) return 0;
  const pte = pteGet(mm, address);
  resultSet64(ResultField.PteLo, pte);
  if (!pte) return 0;
  const vma = changetype<Vma>(vmaFind(mm, address));
  resultSet(ResultField.Categories, areaCategories(vma) | pteCategories(pte));
  resultSet(ResultField.Slot, isSwap(pte) ? swapSlot(pte) : 0);
  const pfn = pte & P ? ptePfn(pte) : 0;
  const frame = frameOf(pfn);
  resultSet(ResultField.Pfn, pfn);
  resultSet(ResultField.FrameFlags, flagsOf(pfn));
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
  store<u32>(at + (PageEntry.MapCount << 2), counted ? frameOf(pfn).mapcount : 0);
  store<u32>(at + (PageEntry.Categories << 2), areaCategories(vma) | pteCategories(pte));
  store<u32>(at + (PageEntry.Slot << 2), isSwap(pte) ? swapSlot(pte) : 0);
}

/** Lists ptes that are not zero in [start, end) in the window; Value = where to go on. */
export function pageList(mm: Mm, start: u64, end: u64): u32 {
  const limit = min(end, USER_END);
  let count: u32 = 0;
  let vma = changetype<Vma>(0);
  let areaEnd: u64 = 0;
  let at = leafSeek(mm, start & ~(<u64>4095), limit);
  while (at < limit) {
    const stop = leafEnd(at, limit);
    let slot = frameAddress(leafPfn(mm, at)) + ((<usize>leafIndex(at)) << 3);
    for (; at < stop; at += 4096, slot += 8) {
      const pte = load<u64>(slot);
      if (!pte) continue;
      if (count == ENTRIES_MAX) {
        resultSet64(ResultField.ValueLo, at);
        return count;
      }
      if (at >= areaEnd) {
        // An entry lies in an area (T8).
        vma = changetype<Vma>(vmaFind(mm, at));
        areaEnd = vma.end;
      }
      listPage(windowBase + <usize>count * ENTRY_BYTES, vma, at, pte);
      count++;
    }
    at = leafSeek(mm, stop, limit);
  }
  resultSet64(ResultField.ValueLo, end);
  return count;
}

/** Break, mmap base and start of the heap. */
export function mmLayout(mm: Mm): i32 {
  resultSet64(ResultField.ValueLo, mm.brk);
  resultSet64(ResultField.StartLo, mm.mmapBase);
  resultSet64(ResultField.EndLo, mm.brkStart);
  return Status.Ok;
}
