// The reverse map: from a frame to every pte that maps it, and the counts that ptes keep.
//
// Invariants
//   R4  mapcount of a frame = present ptes that name it; the zero page and special ptes count none.
//   R5  refcount = mapcount + 1 for the page cache + export records + pins.
//   R6  The walk of a mapped frame visits exactly its ptes.
//
// Written by: op/*.ts in commits, by these functions only.

import { LruKind, PG, Vmstat } from "../abi";
import { framesFreeRun } from "../frame/buddy";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { isHugeFrame } from "../frame/huge";
import { lruAdd, lruOf, lruRemoveRun } from "../frame/lru";
import { CHECK } from "../mem/assert";
import { statAdd } from "../mem/vmstat";
import { anonVmaTree, MAPPING_ANON, MAPPING_KSM } from "./anon-vma";
import { pageDirtied } from "./dirty";
import { pteAt } from "./huge";
import { itemNames, KsmItem, ksmForget, ksmNode } from "./ksm";
import { Link, linkFirst, linkNext } from "./link";
import { frameDrop, mappingTree } from "./mapping";
import { Mm, mmOf } from "./mm";
import { P, ptePfn } from "./pte";
import { pteSlot } from "./table";
import { linearIndex, Vma, vmaMm } from "./vma";
import { vmaLookup } from "./vma-tree";

/** A frame that nobody maps becomes an anonymous page of `vma` at `address`, mapped once. */
export function frameMapNewAnon(pfn: u32, vma: Vma, address: u64): void {
  const frame = frameOf(pfn);
  frame.refcount = 1;
  frame.mapcount = 1;
  frame.mapping = vma.anonVma | MAPPING_ANON;
  frame.index = linearIndex(vma, address);
  if (!frame.lru) lruAdd(pfn, lruOf(vmaMm(vma).group, LruKind.InactiveAnon));
  flagSet(PG.anon, pfn);
  flagSet(PG.swapbacked, pfn);
  flagSet(PG.uptodate, pfn);
  statAdd(Vmstat.nr_anon_pages, 1);
}

/** One more pte names `pfn`. */
export function frameMap(pfn: u32): void {
  const frame = frameOf(pfn);
  frame.refcount++;
  frame.mapcount++;
  if (frame.mapcount == 1 && !flagTest(PG.anon, pfn)) statAdd(Vmstat.nr_mapped, 1);
}

/** refcount and mapcount stand side by side: a pte of a shared page is one addition. */
const BOTH_COUNTS: u64 = 0x0000000100000001;

/** One more pte names `pfn`, which is mapped already. */
export function frameMapAgain(pfn: u32): void {
  const frame = frameOf(pfn);
  if (CHECK) assert(frame.mapcount != 0, "R4: a page that is copied is mapped");
  store<u64>(changetype<usize>(frame), load<u64>(changetype<usize>(frame)) + BOTH_COUNTS);
}

/** One pte less names `pfn`; the last reference frees the frame. */
export function frameUnmap(pfn: u32): void {
  const frame = frameOf(pfn);
  frame.mapcount--;
  if (!frame.mapcount) {
    if (flagTest(PG.anon, pfn)) {
      statAdd(Vmstat.nr_anon_pages, -1);
      if (frame.mapping & MAPPING_KSM) ksmForget(pfn);
      // Held from outside alone now: its anon_vma may go before it does.
      frame.mapping = 0;
    } else {
      statAdd(Vmstat.nr_mapped, -1);
    }
  }
  frameDrop(pfn);
}

const MARKS: usize = MAPPING_ANON | MAPPING_KSM;

// Frames that lie together, in memory and in their LRU list, and go together: the run that
// `frameUnmapInRun` has not freed yet.
let runFirst: u32 = 0;
let runCount: u32 = 0;

/**
 * As `frameUnmap`, for a caller that takes many ptes away: an anonymous page that nobody else has
 * is freed with its neighbours. `runFree` must follow before anything else looks at frames.
 */
export function frameUnmapInRun(pfn: u32): void {
  const frame = frameOf(pfn);
  if (frame.mapcount > 1) {
    store<u64>(changetype<usize>(frame), load<u64>(changetype<usize>(frame)) - BOTH_COUNTS);
    return;
  }
  if (frame.refcount != 1 || (frame.mapping & MARKS) != MAPPING_ANON) {
    frameUnmap(pfn);
    return;
  }
  frame.mapcount = 0;
  // Lists grow at the head: the frame before it in memory is the one after it there.
  if (pfn == runFirst + runCount && frame.lruNext == pfn - 1) {
    runCount++;
    return;
  }
  runFree();
  runFirst = pfn;
  runCount = 1;
}

/** Frees what `frameUnmapInRun` has gathered. */
export function runFree(): void {
  if (!runCount) return;
  statAdd(Vmstat.nr_anon_pages, -(<f64>runCount));
  lruRemoveRun(runFirst, runCount);
  framesFreeRun(runFirst, runCount);
  runFirst = 0;
  runCount = 0;
}

/** The last owner's page belongs to its own anon_vma from now on (Linux: folio_move_anon_rmap). */
export function frameTakeOver(pfn: u32, vma: Vma): void {
  frameOf(pfn).mapping = vma.anonVma | MAPPING_ANON;
}

/**
 * True when one pte alone maps this anonymous page, so that a write may take it over. A merged page
 * is never taken over.
 */
export function isLastOwner(pfn: u32): bool {
  const frame = frameOf(pfn);
  if (!flagTest(PG.anon, pfn) || frame.mapcount != 1 || frame.mapping & MAPPING_KSM) return false;
  // A swap entry may stand for the same bytes.
  return !flagTest(PG.swapcache, pfn);
}

// The walk. A cursor in globals instead of a callback: the engine has no closures, and a walk is
// never left half way by a caller that starts another.
let walkLink: usize = 0;
let walkPfn: u32 = 0;
/** Of a merged page, the item where the walk stands; else 0. */
let walkItem: usize = 0;
let walkHuge: bool = false;
/** Area and address where the walk stands. */
export let walkVma: usize = 0;
export let walkAddress: u64 = 0;

function walkSettle(): bool {
  const index = frameOf(walkPfn).index;
  while (walkLink) {
    const vma = changetype<Vma>(changetype<Link>(walkLink).vma);
    const address = vma.start + ((index - vma.pgoff) << 12);
    const mm = vmaMm(vma);
    const pte = walkHuge ? pteAt(mm, address) : load<u64>(pteSlot(mm, address));
    if (pte & P && ptePfn(pte) == walkPfn) {
      walkVma = changetype<usize>(vma);
      walkAddress = address;
      return true;
    }
    walkLink = linkNext(walkLink, index, index);
  }
  return false;
}

/** The same among the items of a merged page. */
function ksmSettle(): bool {
  while (walkItem) {
    const item = changetype<KsmItem>(walkItem);
    if (itemNames(item, walkPfn)) {
      walkAddress = item.address;
      walkVma = vmaLookup(changetype<Mm>(changetype<usize>(mmOf(item.mm))), item.address);
      return true;
    }
    walkItem = item.next;
  }
  return false;
}

/**
 * Stands on the first pte that maps `pfn`, of a huge page its first frame; false when there is
 * none.
 */
export function rmapFirst(pfn: u32): bool {
  const frame = frameOf(pfn);
  if (!frame.mapcount || !frame.mapping) return false;
  walkPfn = pfn;
  walkHuge = isHugeFrame(pfn);
  walkItem = frame.mapping & MAPPING_KSM ? ksmNode(pfn).items : 0;
  if (walkItem) return ksmSettle();
  const anon = (frame.mapping & MAPPING_ANON) != 0;
  const object = frame.mapping & ~MAPPING_ANON;
  const slot = anon ? anonVmaTree(object) : mappingTree(object);
  walkLink = linkFirst(load<usize>(slot), frame.index, frame.index);
  return walkSettle();
}

/** Goes on to the next pte. */
export function rmapNext(): bool {
  if (walkItem) {
    walkItem = changetype<KsmItem>(walkItem).next;
    return ksmSettle();
  }
  const index = frameOf(walkPfn).index;
  walkLink = linkNext(walkLink, index, index);
  return walkSettle();
}

/** No address: where a page is not. */
export const NOWHERE: u64 = 0xffffffffffffffff;

/** Where `vma` maps `pfn`, or NOWHERE (as Linux page_mapped_in_vma): one look, no walk. */
export function pageMappedIn(pfn: u32, vma: Vma): u64 {
  const frame = frameOf(pfn);
  if (frame.mapping & MAPPING_KSM) return mergedIn(pfn, vma);
  if (!frame.mapcount || frame.index < vma.pgoff) return NOWHERE;
  const address = vma.start + ((frame.index - vma.pgoff) << 12);
  if (address < vma.start || address >= vma.end) return NOWHERE;
  const pte = load<u64>(pteSlot(vmaMm(vma), address));
  return pte & P && ptePfn(pte) == pfn ? address : NOWHERE;
}

/** The same of a merged page, which has no index: the first of its places there. */
function mergedIn(pfn: u32, vma: Vma): u64 {
  const handle = vmaMm(vma).handle;
  for (let at = ksmNode(pfn).items; at; at = changetype<KsmItem>(at).next) {
    const item = changetype<KsmItem>(at);
    const isInside = item.address >= vma.start && item.address < vma.end;
    if (item.mm == handle && isInside && itemNames(item, pfn)) return item.address;
  }
  return NOWHERE;
}

/** Marks a frame dirty: its bytes differ from what its backing has. */
export function frameDirty(pfn: u32): void {
  if (flagTest(PG.dirty, pfn)) return;
  flagSet(PG.dirty, pfn);
  pageDirtied(pfn);
}

/** An anonymous page has nothing that has to be kept. */
export function frameClean(pfn: u32): void {
  flagClear(PG.dirty, pfn);
}
