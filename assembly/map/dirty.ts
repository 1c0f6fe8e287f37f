// Pages of files on a disk that differ from what the disk has (Linux: PAGECACHE_TAG_DIRTY,
// folio_account_dirtied).
//
//   clean ── a write fault of a shared mapping, File.write, a holder hands back ──▶ dirty
//   dirty ── page_mkclean ──▶ being written (PG.writeback; where a host keeps the bytes) ──▶ clean
//     ▲                          │ it could not be written
//     └──────────────────────────┘
//
// A page may be dirty again while it is being written: then it is written once more later. Each
// node of the cache tags the children that lead to a dirty page, so that finding one costs its
// depth. Files with dirty pages are in a list, those first that have had some for longest.
//
// Invariants
//   L1  A page of a file on a disk is dirty exactly if the tags lead to it; `dirty` counts them,
//       and the list has the files that have some.
//   L2  Who may write to such a page through a shared pte without a fault finds it dirty already.
//   L3  A cached page is being read, locked and mapped by nobody, until it is up to date; `reads`
//       counts those that are.
//   L4  PG.writeback of a cached page: the host is writing a copy of it; `writebacks` counts them.
//
// Written by: whoever dirties a page (rmap.ts), op/writeback.ts, op/file-read.ts.

import { FileKind, PG, Vmstat } from "../abi";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { statAdd } from "../mem/vmstat";
import { FANOUT, FANOUT_BITS, Mapping, nodeTags } from "./mapping";

/** No page: higher than any index. */
export const NO_PAGE: u64 = 0xffffffffffffffff;

/** The files with dirty pages, in the order in which they got the first. */
export let dirtyFirst: usize = 0;
let dirtyLast: usize = 0;

function childOf(index: u64, level: u32): u32 {
  return <u32>(index >> ((level - 1) * FANOUT_BITS)) & (FANOUT - 1);
}

function tagSet(mapping: Mapping, index: u64): void {
  let node = mapping.root;
  for (let level = mapping.height; level > 0; level--) {
    const child = childOf(index, level);
    store<u64>(nodeTags(node), load<u64>(nodeTags(node)) | ((<u64>1) << child));
    node = load<usize>(node + (child << 2));
  }
}

/** Clears the tags that lead to `index`. @returns those that `node` still has. */
function tagClear(node: usize, level: u32, index: u64): u64 {
  const child = childOf(index, level);
  const tags = load<u64>(nodeTags(node));
  if (level > 1 && tagClear(load<usize>(node + (child << 2)), level - 1, index)) return tags;
  const left = tags & ~((<u64>1) << child);
  store<u64>(nodeTags(node), left);
  return left;
}

function listAdd(mapping: Mapping): void {
  const pointer = changetype<usize>(mapping);
  mapping.dirtyPrev = dirtyLast;
  mapping.dirtyNext = 0;
  if (dirtyLast) changetype<Mapping>(dirtyLast).dirtyNext = pointer;
  else dirtyFirst = pointer;
  dirtyLast = pointer;
}

function listRemove(mapping: Mapping): void {
  if (mapping.dirtyPrev) changetype<Mapping>(mapping.dirtyPrev).dirtyNext = mapping.dirtyNext;
  else dirtyFirst = mapping.dirtyNext;
  if (mapping.dirtyNext) changetype<Mapping>(mapping.dirtyNext).dirtyPrev = mapping.dirtyPrev;
  else dirtyLast = mapping.dirtyPrev;
}

/** The file on a disk that `pfn` is a cached page of, or 0: only those are written back. */
function diskMapping(pfn: u32): usize {
  if (!flagTest(PG.pagecache, pfn)) return 0;
  const mapping = frameOf(pfn).mapping;
  return changetype<Mapping>(mapping).kind == FileKind.Disk ? mapping : 0;
}

/** A cached page, or one that has left its cache, has just got PG.dirty. */
export function pageDirtied(pfn: u32): void {
  const pointer = diskMapping(pfn);
  if (!pointer) return;
  const mapping = changetype<Mapping>(pointer);
  tagSet(mapping, frameOf(pfn).index);
  if (!mapping.dirty) listAdd(mapping);
  mapping.dirty++;
  statAdd(Vmstat.nr_dirty, 1);
  statAdd(Vmstat.nr_dirtied, 1);
}

/** A dirty page that is in the cache is clean from now on. */
export function pageCleaned(pfn: u32): void {
  const pointer = diskMapping(pfn);
  if (pointer) {
    const mapping = changetype<Mapping>(pointer);
    tagClear(mapping.root, mapping.height, frameOf(pfn).index);
  }
  pageCancelDirty(pfn);
}

/** A dirty page leaves the cache: its tags have gone, or go with its file. */
export function pageCancelDirty(pfn: u32): void {
  flagClear(PG.dirty, pfn);
  const pointer = diskMapping(pfn);
  if (!pointer) return;
  const mapping = changetype<Mapping>(pointer);
  mapping.dirty--;
  if (!mapping.dirty) listRemove(mapping);
  statAdd(Vmstat.nr_dirty, -1);
}

/** The first tagged index at or above `from` below `node`, whose first index is `base`. */
function nextBelow(node: usize, level: u32, base: u64, from: u64): u64 {
  const shift = (level - 1) * FANOUT_BITS;
  const first: u64 = from > base ? (from - base) >> shift : 0;
  if (first >= <u64>FANOUT) return NO_PAGE;
  for (let tags = (load<u64>(nodeTags(node)) >> first) << first; tags; tags &= tags - 1) {
    const child = <u32>ctz(tags);
    const at = base + ((<u64>child) << shift);
    if (level == 1) return at;
    const found = nextBelow(load<usize>(node + (child << 2)), level - 1, at, from);
    if (found != NO_PAGE) return found;
  }
  return NO_PAGE;
}

/** The first dirty page at or above `from` of a file on a disk, or NO_PAGE. */
export function dirtyNext(mapping: Mapping, from: u64): u64 {
  if (!mapping.dirty || from >> (mapping.height * FANOUT_BITS)) return NO_PAGE;
  return nextBelow(mapping.root, mapping.height, 0, from);
}

/** Begins to write `pfn` out: of a file, or to swap. */
export function writebackSet(pfn: u32): void {
  flagSet(PG.writeback, pfn);
  statAdd(Vmstat.nr_writeback, 1);
}

/** Ends what `writebackSet` began. */
export function writebackClear(pfn: u32): void {
  flagClear(PG.writeback, pfn);
  statAdd(Vmstat.nr_writeback, -1);
}
