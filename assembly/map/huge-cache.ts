// Shared huge pages: the page cache of a file that has them (as Linux fs/hugetlbfs, mm/hugetlb.c).
// A huge page stands in the cache once, at its first index.
//
// The file is promised a page for each that nobody has touched. One that a hole took comes back
// from what is promised to nobody.

import { HUGE_FRAMES, PG, Status } from "../abi";
import { flagSet } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { hugeDrop, hugePromise, hugeTake, hugeZero } from "../frame/huge";
import { isPromised, promiseUsed } from "./huge-promise";
import { cacheGet, cacheInsert, cachePrune, Mapping } from "./mapping";

/** First index of the huge page that page `index` of a file is a part of. */
export function hugeIndexOf(index: u64): u64 {
  return index & ~(<u64>HUGE_FRAMES - 1);
}

/**
 * The huge page of `mapping` at `index`, a multiple of 512; zeroed where it is not cached.
 * @returns its first frame; BUS_ADRERR where the pool has none for it, ENOMEM.
 */
export function hugeCacheFill(mapping: Mapping, index: u64): i32 {
  const cached = cacheGet(mapping, index);
  if (cached) return <i32>cached;
  const promised = isPromised(mapping, index);
  const head = hugeTake(promised);
  if (!head) return Status.BUS_ADRERR;
  if (!cacheInsert(mapping, index, head)) {
    cachePrune(mapping, index);
    hugeDrop(head);
    if (promised) hugePromise(1);
    return Status.ENOMEM;
  }
  if (promised) promiseUsed(mapping, index);
  hugeZero(head);
  const frame = frameOf(head);
  frame.mapping = changetype<usize>(mapping);
  frame.index = index;
  flagSet(PG.pagecache, head);
  flagSet(PG.uptodate, head);
  mapping.pages++;
  return <i32>head;
}
