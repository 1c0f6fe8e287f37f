// Going through the pages that a file has in its cache, and taking them out.
//
// Written by: op/truncate.ts and op/evict.ts in commits, op/file-read.ts for a page that could not
// be read.

import { PG } from "../abi";
import { flagTest } from "../frame/flags";
import { NO_PAGE, pageCleaned } from "./dirty";
import { cacheForget, cachePrune, FANOUT, FANOUT_BITS, Mapping, nodeUsed, slotIn } from "./mapping";

/** The first cached index at or above `from` below `node`, whose first index is `base`. */
function nextBelow(node: usize, level: u32, base: u64, from: u64): u64 {
  const shift = (level - 1) * FANOUT_BITS;
  let i: u64 = from > base ? (from - base) >> shift : 0;
  for (; i < <u64>FANOUT; i++) {
    const child = load<usize>(node + ((<usize>i) << 2));
    if (!child) continue;
    const first = base + (i << shift);
    if (level == 1) return first;
    const found = nextBelow(child, level - 1, first, from);
    if (found != NO_PAGE) return found;
  }
  return NO_PAGE;
}

/** The first cached page at or above `from`, or NO_PAGE. */
export function cacheNext(mapping: Mapping, from: u64): u64 {
  if (!mapping.root || from >> (mapping.height * FANOUT_BITS)) return NO_PAGE;
  return nextBelow(mapping.root, mapping.height, 0, from);
}

/** Takes page `index`, which is cached and mapped nowhere, out of the cache. */
export function cacheRemove(mapping: Mapping, index: u64): void {
  let node = mapping.root;
  for (let level = mapping.height; level > 1; level--) {
    node = load<usize>(slotIn(node, index, level - 1));
  }
  const slot = slotIn(node, index, 0);
  const pfn = <u32>load<usize>(slot);
  if (flagTest(PG.dirty, pfn)) pageCleaned(pfn);
  store<usize>(slot, 0);
  store<u32>(nodeUsed(node), load<u32>(nodeUsed(node)) - 1);
  mapping.pages--;
  cachePrune(mapping, index);
  cacheForget(pfn);
}

/** Takes the pages [first, end) out of the cache. */
export function cacheRemoveRange(mapping: Mapping, first: u64, end: u64): void {
  for (let at = cacheNext(mapping, first); at < end; at = cacheNext(mapping, at + 1)) {
    cacheRemove(mapping, at);
  }
}
