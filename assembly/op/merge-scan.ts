// Looking for pages to merge (as Linux mm/ksm.c cmp_and_merge_page), page by page over every area
// with VM_MERGEABLE.
//
//   page ──▶ equal to a merged page? ──▶ a pair
//     │ no
//     ├──▶ changed since the last pass? ──▶ its checksum is kept; the next pass looks again
//     │ no
//     └──▶ equal to a page met before in this pass? ──▶ a pair
//            │ no: it is what later ones are compared with
//            ▼
//          unstable table, by checksum, forgotten at the end of the pass
//
// What the table names may be anything by the time that it is looked at: only what can be merged
// then, and is equal then, makes a pair.

import { MergeScan, PG, ResultField } from "../abi";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { checksumOf, framesEqual, KSM_BUCKETS, ksmAny, ksmFind } from "../map/ksm";
import { MMS_MAX, Mm, mmInSlot } from "../map/mm";
import { P, ptePfn, S } from "../map/pte";
import { leafEnd, leafSeek, pteGet } from "../map/table";
import { Vma } from "../map/vma";
import { vmaFind } from "../map/vma-tree";
import { resultSet, resultSet64 } from "../mem/result";
import { areaMerges, isMergeable } from "./merge-page";

@unmanaged
class Seen {
  next: usize;
  pfn: u32;
  checksum: u32;
}

const seenPool = changetype<Pool>(memory.data(offsetof<Pool>()));
const seen = memory.data(16384, 8);

// Where the pass is: the slot of an mm, and the first address that has not been looked at.
let atSlot: u32 = 0;
let atAddress: u64 = 0;
let found: u32 = 0;
/** Passes over everything that have ended. */
export let fullScans: u32 = 0;

export function mergeInit(): void {
  poolInit(seenPool, offsetof<Seen>());
}

/** The next anonymous page of `vma` from `atAddress` on: true with its frame in `found`. */
function nextInArea(mm: Mm, vma: Vma): bool {
  let at = leafSeek(mm, max(atAddress, vma.start), vma.end);
  while (at < vma.end) {
    const stop = leafEnd(at, vma.end);
    for (; at < stop; at += 4096) {
      const pte = pteGet(mm, at);
      if (!(pte & P) || pte & S || !flagTest(PG.anon, ptePfn(pte))) continue;
      atAddress = at + 4096;
      found = ptePfn(pte);
      return true;
    }
    at = leafSeek(mm, stop, vma.end);
  }
  atAddress = vma.end;
  return false;
}

/** The next page of the pass, of any mm; false at its end. */
function nextPage(): bool {
  while (atSlot <= MMS_MAX) {
    const mm = mmInSlot(atSlot);
    const area = mm ? vmaFind(mm, atAddress) : 0;
    if (!mm || !area) {
      atSlot++;
      atAddress = 0;
      continue;
    }
    const vma = changetype<Vma>(area);
    if (!areaMerges(vma)) atAddress = vma.end;
    else if (nextInArea(mm, vma)) return true;
  }
  return false;
}

function bucketOf(checksum: u32): usize {
  return seen + ((<usize>(checksum & (KSM_BUCKETS - 1))) << 2);
}

/** A page met before with the bytes of `pfn`, which stands for them from now on; or 0. */
function takeSeen(pfn: u32, checksum: u32): u32 {
  for (let at = load<usize>(bucketOf(checksum)); at; at = changetype<Seen>(at).next) {
    const entry = changetype<Seen>(at);
    const other = entry.pfn;
    if (entry.checksum != checksum || other == pfn) continue;
    if (!isMergeable(other) || !framesEqual(pfn, other)) continue;
    // Where a holder refuses one of the two, the next equal page meets the other.
    entry.pfn = pfn;
    return other;
  }
  remember(pfn, checksum);
  return 0;
}

/** Without memory for it, it is not remembered: it meets its like in another pass. */
function remember(pfn: u32, checksum: u32): void {
  const pointer = poolAlloc(seenPool);
  if (!pointer) return;
  const entry = changetype<Seen>(pointer);
  const bucket = bucketOf(checksum);
  entry.pfn = pfn;
  entry.checksum = checksum;
  entry.next = load<usize>(bucket);
  store<usize>(bucket, pointer);
}

/** The page that `pfn` is to be merged with, or 0. */
function partnerOf(pfn: u32): u32 {
  if (!isMergeable(pfn)) return 0;
  const checksum = checksumOf(pfn);
  const merged = ksmAny() ? ksmFind(pfn, checksum) : 0;
  if (merged) return merged;
  const frame = frameOf(pfn);
  if (frame.private_ == checksum) return takeSeen(pfn, checksum);
  frame.private_ = checksum;
  return 0;
}

function passEnd(): void {
  for (let bucket: u32 = 0; bucket < KSM_BUCKETS; bucket++) {
    let at = load<usize>(bucketOf(bucket));
    while (at) {
      const next = changetype<Seen>(at).next;
      poolFree(seenPool, at);
      at = next;
    }
    store<usize>(bucketOf(bucket), 0);
  }
  atSlot = 0;
  atAddress = 0;
  fullScans++;
}

/**
 * Goes on with the pass for at most `limit` pages, or to the first pair.
 *
 * @returns a MergeScan; Count = pages looked at; of a pair, Pfn and Value = the frames.
 */
export function mergeScan(limit: u32): i32 {
  for (let count: u32 = 0; count < limit; count++) {
    resultSet(ResultField.Count, count);
    if (!nextPage()) {
      passEnd();
      return MergeScan.End;
    }
    resultSet(ResultField.Count, count + 1);
    const page = found;
    const partner = partnerOf(page);
    if (!partner) continue;
    resultSet(ResultField.Pfn, page);
    resultSet64(ResultField.ValueLo, partner);
    return MergeScan.Pair;
  }
  return MergeScan.Limit;
}
