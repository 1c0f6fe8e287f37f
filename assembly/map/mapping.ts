// A file's pages (Linux: address_space): the page cache, and the areas that show it.
//
// The cache is a radix tree of 64-way nodes, as deep as the highest page needs:
//
//   height 2   node ── 64 ── node ── 64 ── frame        page = index
//
//   node  0                                256      260      264             272
//        ┌─────────────────────────────────┬────────┬────────┬───────────────┐
//        │ 64 children, or frames          │  used  │   -    │ tags: dirty   │   see dirty.ts
//        └─────────────────────────────────┴────────┴────────┴───────────────┘
//
// Invariants
//   C1  A cached frame has PG.pagecache, names the mapping and its index, and holds one reference.
//   C2  `pages` counts the cached frames; no node is empty, and a page is entered once.
//   C3  Whoever shows or holds the mapping has a reference; the last one out frees it.
//
// Written by: op/fault.ts, op/file.ts, teardown.

import { FileKind, LruKind, PG, Status, Vmstat } from "../abi";
import { frameAllocZeroed, frameFree } from "../frame/buddy";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { hugeDrop, hugeUnpromise, isHugeFrame } from "../frame/huge";
import { lruAdd, lruOf, lruRemove } from "../frame/lru";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { swappedForget } from "./cache-swap";
import { pageCancelDirty } from "./dirty";
import { holesFree } from "./hole";
import { Link, linkAlloc, linkFree, linkInsert, linkRemove } from "./link";
import { slotPut } from "./swap";
import { Vma } from "./vma";

@unmanaged
export class Mapping {
  /** Root slot of the tree of links to areas. */
  tree: usize;
  refs: u32;
  kind: u32;
  root: usize;
  height: u32;
  pages: u32;
  /** Open tickets that freeze a part of this file. */
  freezes: u32;
  /** Huge pages that are promised to it and not filled yet. */
  promised: u32;
  size: u64;
  /** Set where the host keeps the bytes: a page that is not cached has to be read from there. */
  isBacked: u32;
  /** Cached pages that are being read, and that are being written. */
  reads: u32;
  writebacks: u32;
  /** Pages that are dirty and on a disk; and the neighbours in the list of files that have some. */
  dirty: u32;
  dirtyPrev: usize;
  dirtyNext: usize;
  /** Holes that the host has not cleared yet, in order. */
  holes: usize;
  /** Of its areas, those that a walk has come to: of use to that walk only (op/huge-mmap.ts). */
  met: u32;
  /** Where the host's bytes end; to `staleEnd` it may have more, which count for nothing. */
  diskEnd: u64;
  staleEnd: u64;
  /** Of huge pages: which are promised, a bit each (huge-promise.ts); 0 where none ever was. */
  promises: usize;
  /** Page number in the file that the first of these bits stands for. */
  promisedFrom: u64;
  /** Pages that are in swap (cache-swap.ts), and the neighbours in the list of files with some. */
  swapped: u32;
  swapPrev: usize;
  swapNext: usize;
}

export const FANOUT_BITS: u32 = 6;
export const FANOUT: u32 = 1 << FANOUT_BITS;
export const NODE_BYTES: u32 = FANOUT * 4 + 16;
/** Highest page index that the tree reaches: 2^36 pages, as much as 48 bits of file. */
const HEIGHT_MAX: u32 = 6;

export const mappingPool = changetype<Pool>(memory.data(offsetof<Pool>()));
export const nodePool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function mappingInit(): void {
  poolInit(mappingPool, offsetof<Mapping>());
  poolInit(nodePool, NODE_BYTES);
}

/** A file of `size` bytes without pages and one reference, or 0 when memory lacks. */
export function mappingCreate(kind: FileKind, size: u64): usize {
  const pointer = poolAlloc(mappingPool);
  if (!pointer) return 0;
  const mapping = changetype<Mapping>(pointer);
  mapping.refs = 1;
  mapping.kind = kind;
  mapping.size = size;
  return pointer;
}

export function mappingTree(mapping: usize): usize {
  return mapping + offsetof<Mapping>("tree");
}

export function nodeUsed(node: usize): usize {
  return node + FANOUT * 4;
}

/** A bit for each child that has a dirty page below it. */
export function nodeTags(node: usize): usize {
  return node + FANOUT * 4 + 8;
}

export function slotIn(node: usize, index: u64, level: u32): usize {
  return node + ((<usize>(index >> (level * FANOUT_BITS)) & (FANOUT - 1)) << 2);
}

/** Set in what the cache has of a page that is in swap: the rest is its slot (cache-swap.ts). */
export const IN_SWAP: u32 = 0x80000000;

/** The cached frame of page `index`, or 0: it is not in memory, or in swap's cache alone. */
export function cacheGet(mapping: Mapping, index: u64): u32 {
  const entry = cacheEntry(mapping, index);
  return entry & IN_SWAP ? 0 : entry;
}

/** What the cache has of page `index`: a frame, a slot with IN_SWAP, or 0. */
export function cacheEntry(mapping: Mapping, index: u64): u32 {
  if (index >> (mapping.height * FANOUT_BITS)) return 0;
  let node = mapping.root;
  for (let level = mapping.height; node && level > 0; level--) {
    node = load<usize>(slotIn(node, index, level - 1));
  }
  return <u32>node;
}

/** Where the cache keeps page `index`, of which it has something. */
export function cachePlace(mapping: Mapping, index: u64): usize {
  let node = mapping.root;
  for (let level = mapping.height; level > 1; level--) {
    node = load<usize>(slotIn(node, index, level - 1));
  }
  return slotIn(node, index, 0);
}

function cacheGrow(mapping: Mapping, index: u64): bool {
  while (index >> (mapping.height * FANOUT_BITS) || !mapping.height) {
    if (mapping.root) {
      const node = poolAlloc(nodePool);
      if (!node) return false;
      store<usize>(node, mapping.root);
      store<u32>(nodeUsed(node), 1);
      store<u64>(nodeTags(node), load<u64>(nodeTags(mapping.root)) ? 1 : 0);
      mapping.root = node;
    }
    mapping.height++;
  }
  return true;
}

/** Takes empty nodes away on the way to `index`, and levels that hold one child at index 0. */
export function cachePrune(mapping: Mapping, index: u64): void {
  for (let level: u32 = 1; level <= mapping.height; level++) {
    let slot = changetype<usize>(mapping) + offsetof<Mapping>("root");
    let parent: usize = 0;
    for (let at = mapping.height; at > level && load<usize>(slot); at--) {
      parent = load<usize>(slot);
      slot = slotIn(parent, index, at - 1);
    }
    const node = load<usize>(slot);
    if (!node) continue;
    if (load<u32>(nodeUsed(node))) break;
    poolFree(nodePool, node);
    store<usize>(slot, 0);
    if (parent) store<u32>(nodeUsed(parent), load<u32>(nodeUsed(parent)) - 1);
  }
  cacheLower(mapping);
}

/** A root whose one child is its first is a level too many. */
function cacheLower(mapping: Mapping): void {
  if (!mapping.root) mapping.height = 0;
  while (mapping.height > 1) {
    const root = mapping.root;
    if (load<u32>(nodeUsed(root)) != 1 || !load<usize>(root)) return;
    mapping.root = load<usize>(root);
    mapping.height--;
    poolFree(nodePool, root);
  }
}

/** Enters a frame; false when memory lacked, and then `cachePrune` tidies up. */
export function cacheInsert(mapping: Mapping, index: u64, pfn: u32): bool {
  if (index >> (HEIGHT_MAX * FANOUT_BITS) || !cacheGrow(mapping, index)) return false;
  let slot = changetype<usize>(mapping) + offsetof<Mapping>("root");
  let parent: usize = 0;
  for (let level = mapping.height; level > 0; level--) {
    let node = load<usize>(slot);
    if (!node) {
      node = poolAlloc(nodePool);
      if (!node) return false;
      store<usize>(slot, node);
      if (parent) store<u32>(nodeUsed(parent), load<u32>(nodeUsed(parent)) + 1);
    }
    parent = node;
    slot = slotIn(node, index, level - 1);
  }
  store<usize>(slot, pfn);
  store<u32>(nodeUsed(parent), load<u32>(nodeUsed(parent)) + 1);
  return true;
}

/**
 * The frame of page `index`, zeros where it is not cached; 0 when memory lacks. Who makes it pays
 * for it: `group`.
 */
export function cacheFill(mapping: Mapping, index: u64, group: u32 = 0): u32 {
  const cached = cacheGet(mapping, index);
  if (cached) return cached;
  const pfn = cacheAdd(mapping, index, group);
  if (pfn) flagSet(PG.uptodate, pfn);
  return pfn;
}

/** A zeroed frame for page `index`, which is not cached, without PG.uptodate; 0: memory lacks. */
export function cacheAdd(mapping: Mapping, index: u64, group: u32 = 0): u32 {
  if (CHECK) assert(!cacheEntry(mapping, index), "C2: a page is entered once");
  const pfn = frameAllocZeroed();
  if (!pfn) return 0;
  if (!cacheInsert(mapping, index, pfn)) {
    cachePrune(mapping, index);
    frameFree(pfn, 0);
    return 0;
  }
  const frame = frameOf(pfn);
  frame.refcount = 1;
  frame.mapping = changetype<usize>(mapping);
  frame.index = index;
  flagSet(PG.pagecache, pfn);
  const onDisk = mapping.kind == FileKind.Disk;
  if (!onDisk) flagSet(PG.swapbacked, pfn);
  lruAdd(pfn, lruOf(group, onDisk ? LruKind.InactiveFile : LruKind.InactiveAnon));
  mapping.pages++;
  statAdd(Vmstat.nr_file_pages, 1);
  return pfn;
}

/** Drops the cache's own reference to a frame that has left the tree. */
export function cacheForget(pfn: u32): void {
  const frame = frameOf(pfn);
  if (flagTest(PG.dirty, pfn)) pageCancelDirty(pfn);
  flagClear(PG.pagecache, pfn);
  frame.mapping = 0;
  if (isHugeFrame(pfn)) {
    hugeDrop(pfn);
    return;
  }
  statAdd(Vmstat.nr_file_pages, -1);
  frameDrop(pfn);
}

/** One reference less; the last frees the frame, and with it its record and its flags. */
export function frameDrop(pfn: u32): void {
  const frame = frameOf(pfn);
  frame.refcount--;
  if (frame.refcount) return;
  if (frame.lru) lruRemove(pfn);
  frameFree(pfn, 0);
}

/** Whether swap is where the pages of a file go (Linux: shmem_mapping). */
export function isShmem(mapping: Mapping): bool {
  return mapping.kind == FileKind.Memory || mapping.kind == FileKind.Shm;
}

function cacheDropNode(node: usize, level: u32): void {
  for (let i: u32 = 0; i < FANOUT; i++) {
    const child = load<usize>(node + (i << 2));
    if (!child) continue;
    if (level > 1) cacheDropNode(child, level - 1);
    else if (child & IN_SWAP) slotPut(<u32>child & ~IN_SWAP);
    else cacheForget(<u32>child);
  }
  poolFree(nodePool, node);
}

export function mappingGet(mapping: Mapping): void {
  mapping.refs++;
}

/** One reference less; the last frees the cache and the record. */
export function mappingPut(mapping: Mapping): void {
  mapping.refs--;
  if (mapping.refs) return;
  if (mapping.root) cacheDropNode(mapping.root, mapping.height);
  if (mapping.swapped) swappedForget(mapping);
  holesFree(mapping);
  hugeUnpromise(mapping.promised);
  if (mapping.promises) poolFree(nodePool, mapping.promises);
  poolFree(mappingPool, changetype<usize>(mapping));
}

/** Puts an area that has `mapping` set into the mapping's tree, with a reference. */
export function shareAttach(vma: Vma): bool {
  const link = linkAlloc(vma, vma.mapping);
  if (!link) return false;
  vma.share = link;
  mappingGet(changetype<Mapping>(vma.mapping));
  linkInsert(mappingTree(vma.mapping), link);
  return true;
}

export function shareDrop(vma: Vma): void {
  if (!vma.mapping) return;
  const mapping = vma.mapping;
  linkRemove(mappingTree(mapping), vma.share);
  linkFree(vma.share);
  vma.share = 0;
  vma.mapping = 0;
  mappingPut(changetype<Mapping>(mapping));
}

export function shareUnhang(vma: Vma): void {
  if (vma.share) linkRemove(mappingTree(changetype<Link>(vma.share).object), vma.share);
}

export function shareRehang(vma: Vma): void {
  if (vma.share) linkInsert(mappingTree(changetype<Link>(vma.share).object), vma.share);
}

/** Pages that the file's size covers. */
export function mappingPages(mapping: Mapping): u64 {
  return (mapping.size + 4095) >> 12;
}

/** Page numbers beyond what a file offset of 63 bits reaches are refused (Linux: EOVERFLOW). */
export function fileRangeFits(pgoff: u64, pages: u64): i32 {
  const limit: u64 = 1 << 51;
  return pgoff + pages > limit || pgoff > limit ? Status.EOVERFLOW : Status.Ok;
}
