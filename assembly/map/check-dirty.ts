// The checker of what is dirty, being read and being written, and of holes that are not stored yet.
//
// Written by: nobody else. Read by: check-object.ts, check-table.ts, as they walk.

import { FileKind, PG, VM_SHARED } from "../abi";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { poolUsed } from "../frame/pool";
import { dirtyFirst } from "./dirty";
import { Hole, holePool } from "./hole";
import { FANOUT, IN_SWAP, Mapping, nodeTags } from "./mapping";
import { W } from "./pte";
import { Vma } from "./vma";

/** Numbers of broken invariants of dirty pages, 441..444, and of holes, 445. */
export const enum DirtyInvariant {
  None = 0,
  /** L1: tags, `dirty` or the list of files are not what the pages say. */
  Tags = 441,
  /** L2: a shared pte may write a page that is clean. */
  Unnoticed = 442,
  /** L3: a page that is being read is up to date or mapped, or the reverse; or `reads`. */
  Reading = 443,
  /** L4: `writebacks` is not what the pages say, or nobody has the bytes. */
  Writing = 444,
  /** L5: holes out of order, touching, empty, or beyond what is stored. */
  Holes = 445,
}

// What the walk over the cache of one file has seen, and over all files.
let dirty: u32 = 0;
let reads: u32 = 0;
let writebacks: u32 = 0;
let halfRead: bool = false;
let dirtyFiles: u32 = 0;
let holes: u32 = 0;

/** Before any file is walked. */
export function filesForget(): void {
  dirtyFiles = 0;
  holes = 0;
}

/** Before the cache of a file is walked. */
export function dirtyForget(): void {
  dirty = 0;
  reads = 0;
  writebacks = 0;
  halfRead = false;
}

/** A cached page. */
export function dirtySee(pfn: u32): void {
  const isDisk = changetype<Mapping>(frameOf(pfn).mapping).kind == FileKind.Disk;
  if (isDisk && flagTest(PG.dirty, pfn)) dirty += 1;
  // One that is wanted again while swap writes it is not its file's to write.
  if (flagTest(PG.writeback, pfn) && !flagTest(PG.swapcache, pfn)) writebacks += 1;
  const isLocked = flagTest(PG.locked, pfn);
  if (isLocked) reads += 1;
  if (isLocked == flagTest(PG.uptodate, pfn)) halfRead = true;
  if (isLocked && frameOf(pfn).mapcount) halfRead = true;
}

/** Does a child of a node lead to a dirty page of a disk, or is it one? */
function isDirtyBelow(child: usize, level: u32): bool {
  if (level > 1) return load<u64>(nodeTags(child)) != 0;
  const pfn = <u32>child;
  if (pfn & IN_SWAP) return false;
  const mapping = changetype<Mapping>(frameOf(pfn).mapping);
  return mapping.kind == FileKind.Disk && flagTest(PG.dirty, pfn);
}

/** L1 of one node, whose children have been looked at. */
export function checkTags(node: usize, level: u32): u32 {
  let tags: u64 = 0;
  for (let i: u32 = 0; i < FANOUT; i++) {
    const child = load<usize>(node + (i << 2));
    if (child && isDirtyBelow(child, level)) tags |= (<u64>1) << i;
  }
  return tags == load<u64>(nodeTags(node)) ? DirtyInvariant.None : DirtyInvariant.Tags;
}

/** L1 and L3 to L5 of one file. Precondition: its cache has been walked since `dirtyForget`. */
export function checkDirty(mapping: Mapping): u32 {
  if (dirty != mapping.dirty) return DirtyInvariant.Tags;
  if (halfRead || reads != mapping.reads) return DirtyInvariant.Reading;
  if (writebacks != mapping.writebacks) return DirtyInvariant.Writing;
  if (writebacks && !mapping.isBacked) return DirtyInvariant.Writing;
  if (dirty) dirtyFiles += 1;
  return checkHoles(mapping);
}

function checkHoles(mapping: Mapping): u32 {
  let last: u64 = 0;
  let isFirst = true;
  for (let at = mapping.holes; at; at = changetype<Hole>(at).next) {
    const hole = changetype<Hole>(at);
    if (hole.start >= hole.end || (!isFirst && hole.start <= last)) return DirtyInvariant.Holes;
    last = hole.end;
    isFirst = false;
    holes += 1;
  }
  return last <= (mapping.diskEnd + 4095) >> 12 ? DirtyInvariant.None : DirtyInvariant.Holes;
}

/** The list of dirty files, and the pool of holes. Precondition: every file has been checked. */
export function checkDirtyList(): u32 {
  let listed: u32 = 0;
  let last: usize = 0;
  for (let at = dirtyFirst; at; at = changetype<Mapping>(at).dirtyNext) {
    const mapping = changetype<Mapping>(at);
    if (!mapping.dirty || mapping.dirtyPrev != last) return DirtyInvariant.Tags;
    listed += 1;
    last = at;
  }
  const isListed = listed == dirtyFiles;
  const isHeld = holes == poolUsed(holePool);
  if (!isListed) return DirtyInvariant.Tags;
  return isHeld ? DirtyInvariant.None : DirtyInvariant.Holes;
}

/** L2, for one pte. */
export function isUnnoticed(vma: Vma, pfn: u32, pte: u64): bool {
  if (!(pte & W) || !(vma.flags & VM_SHARED) || !vma.mapping) return false;
  const isDisk = changetype<Mapping>(vma.mapping).kind == FileKind.Disk;
  return isDisk && flagTest(PG.pagecache, pfn) && !flagTest(PG.dirty, pfn);
}
