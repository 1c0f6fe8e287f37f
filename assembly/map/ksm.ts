// Merged pages (Linux: mm/ksm.c): one frame for equal pages of unrelated areas, never written.
//
//   frame.mapping ──▶ node ──▶ item ──▶ item         an item: (mm, address), one for each pte
//   bucket of the checksum ──▶ node ──▶ node         the stable tree of Linux, by hash
//
// A merged page belongs to no anon_vma: its ptes are found through the items. A pte that goes
// leaves its item behind, which then names nobody; the walk passes it over, and the next item that
// comes takes it away (one of a fork: where half of them name nobody). No pte of a merged page ever
// moves: mremap gives it a page of its own first.
//
//   page ──merge──▶ merged page ──write, MADV_UNMERGEABLE, mremap──▶ a page of its own
//                       │ the last pte goes
//                       ▼
//                   free, with node and items
//
// Invariants
//   X1  PG.ksm exactly on the frames that a node names; each names its node, which is in the bucket
//       of its checksum and counts its items.
//   X2  A pte of a merged page has W clear, in an area that has VM_MERGEABLE.
//   X3  The bytes of a merged page are those that its node's checksum was made of.
//
// Written by: op/merge-page.ts, op/fork.ts, op/migrate.ts, and map/rmap.ts when the last pte goes.

import { PAGE_SIZE, PG } from "../abi";
import { flagClear, flagSet, flagsLive } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { certain } from "../mem/certain";
import { MAPPING_ANON, MAPPING_KSM } from "./anon-vma";
import { Mm, mmOf } from "./mm";
import { P, ptePfn, S } from "./pte";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteGet } from "./table";

@unmanaged
export class KsmNode {
  pfn: u32;
  checksum: u32;
  items: usize;
  /** Next node of the same bucket. */
  next: usize;
  /** Items, those that name nobody too. */
  count: u32;
}

@unmanaged
export class KsmItem {
  next: usize;
  /** Handle of the mm, which may be gone. */
  mm: u32;
  address: u64;
}

/** Nodes and items are records of one pool, so that a plan sets aside one sum of them. */
export const ksmPool = changetype<Pool>(memory.data(offsetof<Pool>()));

export const KSM_BUCKETS: u32 = 4096;
const buckets = memory.data(16384, 8);
if (KSM_BUCKETS << 2 != 16384) ERROR("buckets resized");

/** Ptes of one merged page, as Linux's max_page_sharing; forks may add more. */
export const KSM_SHARING_MAX: u32 = 256;

export function ksmInit(): void {
  poolInit(ksmPool, max(<u32>offsetof<KsmNode>(), <u32>offsetof<KsmItem>()));
}

/** Whether any page is merged: what others have to do for merged pages is skipped when not. */
export function ksmAny(): bool {
  return ((flagsLive >>> PG.ksm) & 1) != 0;
}

export function isMerged(pfn: u32): bool {
  return (frameOf(pfn).mapping & MAPPING_KSM) != 0;
}

/** The node of a merged page. */
export function ksmNode(pfn: u32): KsmNode {
  return changetype<KsmNode>(frameOf(pfn).mapping & ~(MAPPING_ANON | MAPPING_KSM));
}

export function ksmBucket(checksum: u32): usize {
  return buckets + ((<usize>(checksum & (KSM_BUCKETS - 1))) << 2);
}

/** A number that equal pages have in common; never 0. */
export function checksumOf(pfn: u32): u32 {
  let sum: u64 = 0x9e3779b97f4a7c15;
  const end = frameAddress(pfn) + PAGE_SIZE;
  for (let at = frameAddress(pfn); at < end; at += 8) {
    sum = (sum ^ load<u64>(at)) * 0xbf58476d1ce4e5b9;
    sum ^= sum >> 29;
  }
  const folded = <u32>(sum ^ (sum >> 32));
  return folded ? folded : 1;
}

export function framesEqual(one: u32, other: u32): bool {
  const a = frameAddress(one);
  const b = frameAddress(other);
  for (let i: usize = 0; i < PAGE_SIZE; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  }
  return true;
}

/** A merged page with the bytes of `pfn` and room for its ptes, or 0. */
export function ksmFind(pfn: u32, checksum: u32): u32 {
  for (let at = load<usize>(ksmBucket(checksum)); at; at = changetype<KsmNode>(at).next) {
    const node = changetype<KsmNode>(at);
    if (node.checksum != checksum || !ksmHasRoom(node.pfn, pfn)) continue;
    if (framesEqual(node.pfn, pfn)) return node.pfn;
  }
  return 0;
}

/** Whether the ptes of `pfn` can be added to those of merged page `into`. */
export function ksmHasRoom(into: u32, pfn: u32): bool {
  return frameOf(into).mapcount + frameOf(pfn).mapcount <= KSM_SHARING_MAX;
}

/** `pfn` becomes a merged page; the caller adds an item for each of its ptes. */
export function ksmCreate(pfn: u32): KsmNode {
  const pointer = poolAlloc(ksmPool);
  certain(pointer != 0);
  const node = changetype<KsmNode>(pointer);
  node.pfn = pfn;
  node.checksum = checksumOf(pfn);
  const bucket = ksmBucket(node.checksum);
  node.next = load<usize>(bucket);
  store<usize>(bucket, pointer);
  frameOf(pfn).mapping = pointer | MAPPING_ANON | MAPPING_KSM;
  flagSet(PG.ksm, pfn);
  return node;
}

/** Does the item name a pte of `pfn` that is there? */
export function itemNames(item: KsmItem, pfn: u32): bool {
  const mm = mmOf(item.mm);
  if (!mm) return false;
  const pte = pteGet(mm, item.address);
  return (pte & P) != 0 && !(pte & S) && ptePfn(pte) == pfn;
}

/** An item for a pte that none names yet. */
export function ksmAppend(node: KsmNode, mm: Mm, address: u64): void {
  const pointer = poolAlloc(ksmPool);
  certain(pointer != 0);
  const item = changetype<KsmItem>(pointer);
  item.mm = mm.handle;
  item.address = address;
  item.next = node.items;
  node.items = pointer;
  node.count++;
}

/** Takes items away that name nobody, and any of (mm, address): it is about to be named again. */
export function ksmPrune(node: KsmNode, mm: Mm, address: u64): void {
  let slot = changetype<usize>(node) + offsetof<KsmNode>("items");
  while (load<usize>(slot)) {
    const at = load<usize>(slot);
    const item = changetype<KsmItem>(at);
    const isSame = item.mm == mm.handle && item.address == address;
    if (!isSame && itemNames(item, node.pfn)) {
      slot = at + offsetof<KsmItem>("next");
      continue;
    }
    store<usize>(slot, item.next);
    poolFree(ksmPool, at);
    node.count--;
  }
}

/** Node and items of a page whose last pte has gone. */
export function ksmForget(pfn: u32): void {
  const node = ksmNode(pfn);
  let slot = ksmBucket(node.checksum);
  while (load<usize>(slot) != changetype<usize>(node)) {
    slot = load<usize>(slot) + offsetof<KsmNode>("next");
  }
  store<usize>(slot, node.next);
  let at = node.items;
  while (at) {
    const next = changetype<KsmItem>(at).next;
    poolFree(ksmPool, at);
    at = next;
  }
  poolFree(ksmPool, changetype<usize>(node));
  flagClear(PG.ksm, pfn);
}

/** First address in [address, end) whose pte names a merged page, or `end`. */
export function ksmSeek(mm: Mm, address: u64, end: u64): u64 {
  if (!ksmAny()) return end;
  let at = leafSeek(mm, address, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    let slot = frameAddress(leafPfn(mm, at)) + ((<usize>leafIndex(at)) << 3);
    for (; at < stop; at += 4096, slot += 8) {
      const pte = load<u64>(slot);
      if (pte & P && !(pte & S) && isMerged(ptePfn(pte))) return at;
    }
    at = leafSeek(mm, stop, end);
  }
  return end;
}

/** Ptes of [start, end) that name merged pages. */
export function ksmCount(mm: Mm, start: u64, end: u64): u32 {
  let count: u32 = 0;
  for (let at = ksmSeek(mm, start, end); at < end; at = ksmSeek(mm, at + 4096, end)) count++;
  return count;
}

/** The child's ptes of [start, end), copied from its parent, are counted; each gets its item. */
export function ksmFork(child: Mm, start: u64, end: u64): void {
  for (let at = ksmSeek(child, start, end); at < end; at = ksmSeek(child, at + 4096, end)) {
    const pfn = ptePfn(pteGet(child, at));
    const node = ksmNode(pfn);
    // Children that have gone: looked for as rarely as their number doubles.
    if (node.count > 2 * frameOf(pfn).mapcount) ksmPrune(node, child, at);
    ksmAppend(node, child, at);
  }
}
