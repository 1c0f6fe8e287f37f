// A hole in a file of huge pages (as Linux hugetlbfs_punch_hole): whole ones go, of those at the
// two ends the bytes are zeroed.

import { frameAddress } from "../frame/frame";
import { cacheRemoveRange } from "../map/cache-walk";
import { hugeStart, hugeUp } from "../map/huge";
import { hugeIndexOf } from "../map/huge-cache";
import { cacheGet, Mapping } from "../map/mapping";
import { unmapHits } from "./unmap-mapping";

/** First page that goes of a hole that begins at byte `start`. */
export function hugeHoleFirst(start: u64): u64 {
  return hugeUp(start) >> 12;
}

/** Page after the last that goes; not before the first. */
export function hugeHoleEnd(start: u64, end: u64): u64 {
  return max(hugeStart(end) >> 12, hugeHoleFirst(start));
}

/** Zeroes bytes [from, to) of one huge page, where it is cached. */
function zeroWithin(mapping: Mapping, from: u64, to: u64): void {
  if (from >= to) return;
  const head = cacheGet(mapping, hugeIndexOf(from >> 12));
  const start = frameAddress(head) + <usize>(from - hugeStart(from));
  if (head) memory.fill(start, 0, <usize>(to - from));
}

export function hugePunch(mapping: Mapping, start: u64, end: u64): void {
  const first = hugeHoleFirst(start);
  const last = hugeHoleEnd(start, end);
  unmapHits(mapping, first, last, false);
  cacheRemoveRange(mapping, first, last);
  zeroWithin(mapping, start, min(first << 12, end));
  if (end >> 12 >= first) zeroWithin(mapping, hugeStart(end), end);
}
