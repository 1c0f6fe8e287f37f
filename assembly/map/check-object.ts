// The checker of what areas hang in: anon_vmas and mappings, their trees of links, and the cache.
//
// The links that areas list and the links that trees hold are two sums that must be equal: I1 both
// ways, without looking any link up.
//
// Written by: nobody. Read by: check.ts, after the areas of every mm.

import { PG } from "../abi";
import { flagCount } from "../frame/flag-range";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { poolUsed } from "../frame/pool";
import { frameCount } from "../mem/layout";
import { AnonVma, anonVmaPool } from "./anon-vma";
import { swappedFirst } from "./cache-swap";
import { linksListed, weighLink } from "./check-area";
import {
  checkDirty,
  checkDirtyList,
  checkTags,
  dirtyForget,
  dirtySee,
  filesForget,
} from "./check-dirty";
import { checkSlotOfFile } from "./check-swap";
import { usedFirst, usedNext, weigh } from "./check-used";
import { Link, linkPool } from "./link";
import { FANOUT, IN_SWAP, isShmem, Mapping, mappingPool, nodePool, nodeUsed } from "./mapping";
import { treeCheck, treeFirst, treeNext } from "./tree";
import { Vma, vmaPages } from "./vma";

/** Numbers of broken invariants of links, anon_vmas and mappings. */
export const enum ObjectInvariant {
  None = 0,
  /** M1: a height, or two siblings that differ by more than one. */
  TreeBalance = 201,
  /** M2: a node's parent is not the node that it hangs from. */
  TreeParent = 202,
  /** I1: a link that an area lists and its object's tree lacks, or the reverse. */
  LinkLost = 251,
  /** I2: lastMax. */
  LinkReach = 252,
  /** I3: the tree is not in the order of first pages. */
  LinkOrder = 253,
  /** R2: `active` or `children` is not what links and parents say. */
  AnonVmaUsers = 402,
  /** R3: an anon_vma that no area is linked to. */
  AnonVmaEmpty = 403,
  /** C1: a cached frame without its flag, its mapping or its index, or one in no tree. */
  CacheFrame = 411,
  /** C2: `pages`, or a node that is empty or counts wrongly. */
  CacheShape = 412,
  /** C4: `swapped`, or the list of files that have pages in swap. */
  CacheSwapped = 414,
  /** C3: fewer references than areas that show the file. */
  MappingRefs = 413,
}

// What the walk over all objects has seen.
let linksHeld: u64 = 0;
let linkCount: u32 = 0;
let active: u32 = 0;
let pages: u32 = 0;
let pagesOfAll: u32 = 0;
let swapped: u32 = 0;
let filesSwapped: u32 = 0;
let nodes: u32 = 0;

/** @returns the number of the first invariant of what areas hang in that does not hold, or 0. */
export function checkObjects(): u32 {
  linksHeld = 0;
  linkCount = 0;
  pagesOfAll = 0;
  nodes = 0;
  filesSwapped = 0;
  filesForget();
  const anon = checkAnonVmas();
  if (anon) return anon;
  const files = checkMappings();
  if (files) return files;
  const list = checkDirtyList();
  if (list) return list;
  if (!isSwappedListed()) return ObjectInvariant.CacheSwapped;
  if (linksHeld != linksListed || linkCount != poolUsed(linkPool)) return ObjectInvariant.LinkLost;
  if (pagesOfAll != flagCount(PG.pagecache, 0, frameCount)) return ObjectInvariant.CacheFrame;
  return nodes == poolUsed(nodePool) ? ObjectInvariant.None : ObjectInvariant.CacheShape;
}

function checkAnonVmas(): u32 {
  let named: u64 = 0;
  let counted: u64 = 0;
  for (let at = usedFirst(anonVmaPool); at; at = usedNext()) {
    const anonVma = changetype<AnonVma>(at);
    if (!anonVma.tree) return ObjectInvariant.AnonVmaEmpty;
    active = 0;
    const bad = checkLinks(anonVma.tree, at);
    if (bad) return bad;
    if (active != anonVma.active) return ObjectInvariant.AnonVmaUsers;
    named += weigh(anonVma.parent);
    counted += weigh(at) * anonVma.children;
  }
  return named == counted ? ObjectInvariant.None : ObjectInvariant.AnonVmaUsers;
}

function checkMappings(): u32 {
  for (let at = usedFirst(mappingPool); at; at = usedNext()) {
    const mapping = changetype<Mapping>(at);
    const before = linkCount;
    const bad = mapping.tree ? checkLinks(mapping.tree, at) : 0;
    if (bad) return bad;
    if (!mapping.refs || mapping.refs < linkCount - before) return ObjectInvariant.MappingRefs;
    pages = 0;
    swapped = 0;
    if (mapping.promises) nodes += 1;
    dirtyForget();
    const cache = mapping.root ? checkNode(mapping, mapping.root, mapping.height, 0) : 0;
    if (cache) return cache;
    if (pages != mapping.pages) return ObjectInvariant.CacheShape;
    if (swapped != mapping.swapped) return ObjectInvariant.CacheSwapped;
    if (swapped) filesSwapped += 1;
    const dirty = checkDirty(mapping);
    if (dirty) return dirty;
    pagesOfAll += pages;
  }
  return ObjectInvariant.None;
}

/** The tree of one object: its shape, its order, and what each link says. */
function checkLinks(root: usize, object: usize): u32 {
  const broken = treeCheck(root, 0);
  if (broken) return ObjectInvariant.TreeBalance + broken - 1;
  let first: u64 = 0;
  for (let at = treeFirst(root); at; at = treeNext(at)) {
    const link = changetype<Link>(at);
    const vma = changetype<Vma>(link.vma);
    if (link.object != object) return ObjectInvariant.LinkLost;
    if (vma.pgoff < first) return ObjectInvariant.LinkOrder;
    if (link.lastMax != reachOf(link, vma)) return ObjectInvariant.LinkReach;
    if (vma.anonVma == object) active += 1;
    linksHeld += weighLink(vma, at);
    linkCount += 1;
    first = vma.pgoff;
  }
  return ObjectInvariant.None;
}

/** What `augment` would say, without saying it. */
function reachOf(link: Link, vma: Vma): u64 {
  let last = vma.pgoff + vmaPages(vma) - 1;
  if (link.left) last = max(last, changetype<Link>(link.left).lastMax);
  if (link.right) last = max(last, changetype<Link>(link.right).lastMax);
  return last;
}

/** A node `level` above the frames, whose first page is `base` nodes of its size from 0. */
function checkNode(mapping: Mapping, node: usize, level: u32, base: u64): u32 {
  let used: u32 = 0;
  nodes += 1;
  for (let i: u32 = 0; i < FANOUT; i++) {
    const child = load<usize>(node + (i << 2));
    if (!child) continue;
    used += 1;
    const at = base * FANOUT + i;
    const bad =
      level > 1 ? checkNode(mapping, child, level - 1, at) : checkCached(mapping, child, at);
    if (bad) return bad;
  }
  const tags = checkTags(node, level);
  if (tags) return tags;
  return used && used == load<u32>(nodeUsed(node)) ? 0 : ObjectInvariant.CacheShape;
}

function checkCached(mapping: Mapping, child: usize, index: u64): u32 {
  const pfn = <u32>child;
  if (pfn & IN_SWAP) return checkInSwap(mapping, pfn & ~IN_SWAP);
  if (pfn >= frameCount || !flagTest(PG.pagecache, pfn)) return ObjectInvariant.CacheFrame;
  const frame = frameOf(pfn);
  const isOurs = frame.mapping == changetype<usize>(mapping) && frame.index == index;
  pages += 1;
  dirtySee(pfn);
  return isOurs ? ObjectInvariant.None : ObjectInvariant.CacheFrame;
}

/** An entry of a slot, which counts it. */
function checkInSwap(mapping: Mapping, slot: u32): u32 {
  if (!isShmem(mapping)) return ObjectInvariant.CacheSwapped;
  swapped += 1;
  return checkSlotOfFile(slot);
}

/** C4: the list has as many files as have pages in swap, and each of them has some. */
function isSwappedListed(): bool {
  let listed: u32 = 0;
  let last: usize = 0;
  for (let at = swappedFirst; at; at = changetype<Mapping>(at).swapNext) {
    const mapping = changetype<Mapping>(at);
    if (!mapping.swapped || mapping.swapPrev != last) return false;
    listed += 1;
    last = at;
  }
  return listed == filesSwapped;
}
