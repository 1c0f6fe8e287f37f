// Which pages of a shared file of huge pages are promised (as Linux mm/hugetlb.c, the resv_map of
// an inode): those that mmap asked for and nobody has touched since. What a hole took is promised
// to nobody, although the file may have promises for other pages.
//
//   bits, in a record of a node's size:  0 1 2 …        page promisedFrom / 512 + bit
//
// Invariants
//   G7  As many bits are set as `promised` says, and none for a page that is cached.
//
// Written by: op/huge-mmap.ts, map/huge-cache.ts in commits.

import { HUGE_FRAMES } from "../abi";
import { poolAlloc } from "../frame/pool";
import { CHECK } from "../mem/assert";
import { cacheGet, Mapping, NODE_BYTES, nodePool } from "./mapping";

/** Promises that one file can have: more than the largest machine has huge pages. */
const PROMISES_MAX: u32 = NODE_BYTES * 8;

/** The file is promised `count` pages from page `first` on. Precondition: a node is there. */
export function promisesMake(mapping: Mapping, first: u64, count: u32): void {
  if (CHECK) assert(count <= PROMISES_MAX, "G7: more promises than huge pages");
  mapping.promises = poolAlloc(nodePool);
  mapping.promisedFrom = first;
  mapping.promised = count;
  for (let bit: u32 = 0; bit < count; bit++) flip(mapping, bit);
}

function wordOf(mapping: Mapping, bit: u32): usize {
  return mapping.promises + ((<usize>bit >>> 5) << 2);
}

function flip(mapping: Mapping, bit: u32): void {
  const word = wordOf(mapping, bit);
  store<u32>(word, load<u32>(word) ^ (1 << (bit & 31)));
}

function bitOf(mapping: Mapping, index: u64): u64 {
  return (index - mapping.promisedFrom) / HUGE_FRAMES;
}

/** Is the huge page at `index` promised to its file? */
export function isPromised(mapping: Mapping, index: u64): bool {
  if (!mapping.promised || index < mapping.promisedFrom) return false;
  const bit = bitOf(mapping, index);
  if (bit >= PROMISES_MAX) return false;
  return ((load<u32>(wordOf(mapping, <u32>bit)) >>> (<u32>bit & 31)) & 1) != 0;
}

/** The promise for `index` was used. Precondition: there is one. */
export function promiseUsed(mapping: Mapping, index: u64): void {
  flip(mapping, <u32>bitOf(mapping, index));
  mapping.promised--;
}

/** Is a page cached that the file is promised still? */
export function promisesCached(mapping: Mapping): bool {
  if (!mapping.promised || !mapping.pages) return false;
  for (let bit: u64 = 0; bit < PROMISES_MAX; bit++) {
    const index = mapping.promisedFrom + bit * HUGE_FRAMES;
    if (isPromised(mapping, index) && cacheGet(mapping, index)) return true;
  }
  return false;
}

/** Number of bits that are set. */
export function promisesCount(mapping: Mapping): u32 {
  let count: u32 = 0;
  if (!mapping.promises) return 0;
  for (let bit: u32 = 0; bit < PROMISES_MAX; bit += 32) {
    count += popcnt<u32>(load<u32>(wordOf(mapping, bit)));
  }
  return count;
}
