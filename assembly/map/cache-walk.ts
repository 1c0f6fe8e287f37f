// Going through the pages that a file has in its cache, and taking them out.
//
// Written by: op/truncate.ts and op/evict.ts in commits, op/file-read.ts for a page that could not
// be read.

import { PG } from "../abi";
import { flagTest } from "../frame/flags";
import { slotLeft } from "./cache-swap";
import { NO_PAGE, pageCleaned } from "./dirty";
import {
  cacheForget,
  cachePlace,
  cachePrune,
  FANOUT,
  FANOUT_BITS,
  IN_SWAP,
  Mapping,
  nodeUsed,
} from "./mapping";

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

/** The first page at or above `from` that is cached or in swap, or NO_PAGE. */
export function cacheNext(mapping: Mapping, from: u64): u64 {
  if (!mapping.root || from >> (mapping.height * FANOUT_BITS)) return NO_PAGE;
  return nextBelow(mapping.root, mapping.height, 0, from);
}

/** Takes page `index`, which is cached or in swap, and mapped nowhere, out of the cache. */
export function cacheRemove(mapping: Mapping, index: u64): void {
  const place = cachePlace(mapping, index);
  const entry = load<u32>(place);
  const isInSwap = (entry & IN_SWAP) != 0;
  if (!isInSwap && flagTest(PG.dirty, entry)) pageCleaned(entry);
  store<u32>(place, 0);
  const used = nodeUsed(place - ((<usize>(index & (FANOUT - 1))) << 2));
  store<u32>(used, load<u32>(used) - 1);
  cachePrune(mapping, index);
  if (isInSwap) {
    slotLeft(mapping, entry & ~IN_SWAP);
    return;
  }
  mapping.pages--;
  cacheForget(entry);
}

/** Takes the pages [first, end) out of the cache. */
export function cacheRemoveRange(mapping: Mapping, first: u64, end: u64): void {
  for (let at = cacheNext(mapping, first); at < end; at = cacheNext(mapping, at + 1)) {
    cacheRemove(mapping, at);
  }
}
