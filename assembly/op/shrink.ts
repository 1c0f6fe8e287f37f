// Reclaim (as Linux mm/vmscan.c): the LRU lists are scanned from their tails, in larger parts the
// longer it takes, until enough pages are on their way.
//
//   priority 12 ─────────────▶ 0      a part of 1/4096 of each list … all of it
//
//   inactive, at the tail                                 becomes
//     used by two ptes, or for the second time            active
//     used once since the last look                       inactive again, marked
//     not used                                            evicted (evict.ts), if nothing keeps it
//   active, at the tail                                   inactive; executable files once more
//
// What somebody outside holds is passed over here: `ageNext` lists it for the host, which asks
// the holders how much they use it, and then evicts it in a bracket.

import {
  Candidate,
  DIRTY_LIST_MAX,
  DirtyEntry,
  Fate,
  LRU_KINDS,
  LruKind,
  PG,
  ScanField,
  Vmstat,
} from "../abi";
import { flagClear, flagSet, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import {
  isActive,
  isSwapBacked,
  lruActivate,
  lruDeactivate,
  lruList,
  lruMove,
  lruOf,
} from "../frame/lru";
import { groupsEnd } from "../map/group";
import { lookExecutable, lookReferences, pageForgetReferences, pageLook } from "../map/look";
import { windowBase } from "../mem/layout";
import { statAdd } from "../mem/vmstat";
import { recordsForgetAccess } from "../plan/record";
import { evictApply, hasSwap, isDirtyOfFile, obstacleOf } from "./evict";

/** Pages that are scanned before others get their turn (Linux: SWAP_CLUSTER_MAX). */
const CLUSTER: u32 = 32;
const PRIORITY: i32 = 12;
/** Of 200: how much of the scanning is anonymous memory's (Linux: vm.swappiness). */
const SWAPPINESS: u32 = 60;

/** The kinds in turn, beginning with what needs no swap. */
const FIRST: u32 = LruKind.InactiveFile;

/** Of each kind, how many pages are still to be scanned at this priority. */
const toScan = memory.data(4 * LRU_KINDS);
let reclaimed: u32 = 0;
let target: u32 = 0;
/** Where the next round over all groups begins, so that none of them always goes first. */
let turn: u32 = 0;

function field(index: u32): usize {
  return windowBase + ((<usize>index) << 2);
}

function tally(fate: Fate): void {
  const at = field(ScanField.Fates + fate);
  store<u32>(at, load<u32>(at) + 1);
}

/** Lists a dirty page for the host, which has it written so that it can go later. */
function listDirty(pfn: u32): void {
  const listed = load<u32>(field(ScanField.Listed));
  if (listed >= DIRTY_LIST_MAX) return;
  const entry = field(ScanField.LENGTH + listed * DirtyEntry.LENGTH);
  const frame = frameOf(pfn);
  store<u32>(entry, <u32>(frame.mapping >>> 3));
  store<u64>(entry + (DirtyEntry.IndexLo << 2), frame.index);
  store<u32>(field(ScanField.Listed), listed + 1);
}

/** What is to become of a page with `references` since the last look (folio_check_references). */
export function judge(pfn: u32, references: u32): Fate {
  const wasReferenced = flagTest(PG.referenced, pfn);
  const isFile = !isSwapBacked(frameOf(pfn).lru);
  flagClear(PG.referenced, pfn);
  if (!references) return Fate.Reclaimed;
  if (wasReferenced || references > 1 || (lookExecutable && isFile)) lruActivate(pfn);
  else flagSet(PG.referenced, pfn);
  return Fate.Kept;
}

/** Looks at a page of an inactive list, and evicts it if it was not used. */
function consider(pfn: u32): Fate {
  const obstacle = obstacleOf(pfn);
  if (obstacle != Fate.Reclaimed) return obstacle;
  const references = lookReferences;
  if (references) pageForgetReferences(pfn);
  const fate = judge(pfn, references);
  return fate == Fate.Reclaimed ? evictApply(pfn) : fate;
}

/** Scans `count` pages of an inactive list. */
function scanInactive(list: u32, count: u32): void {
  const at = lruList(list);
  const most = min(count, at.count);
  for (let i: u32 = 0; i < most && at.tail; i++) {
    const pfn = at.tail;
    const fate = consider(pfn);
    tally(fate);
    if (fate == Fate.Dirty) listDirty(pfn);
    store<u32>(field(ScanField.Scanned), load<u32>(field(ScanField.Scanned)) + 1);
    if (fate == Fate.Reclaimed) reclaimed++;
    // Still there, and where it was: its next turn comes after everybody's.
    if (at.tail == pfn) lruMove(pfn, list);
  }
}

/** Scans `count` pages of an active list: all but programs that run become inactive. */
function scanActive(list: u32, count: u32): void {
  const at = lruList(list);
  const most = min(count, at.count);
  for (let i: u32 = 0; i < most && at.tail; i++) {
    const pfn = at.tail;
    pageLook(pfn);
    const stays = lookReferences != 0 && lookExecutable && !isSwapBacked(list);
    if (lookReferences) pageForgetReferences(pfn);
    if (stays) lruMove(pfn, list);
    else lruDeactivate(pfn);
  }
  statAdd(Vmstat.pgrefill, most);
}

/** Are there fewer inactive pages than active ones? (Linux: below 1 GiB, one for one.) */
function inactiveIsLow(group: u32, active: LruKind): bool {
  return lruList(lruOf(group, active - 1)).count < lruList(lruOf(group, active)).count;
}

/** How much of each list is scanned at `priority` (get_scan_count). */
function share(group: u32, priority: i32): void {
  for (let kind: u32 = 0; kind < LRU_KINDS; kind++) {
    const list = lruOf(group, <LruKind>kind);
    let count = lruList(list).count >>> priority;
    const isAnon = isSwapBacked(list);
    if (isAnon && !hasSwap()) count = 0;
    else if (priority) count = max((count * (isAnon ? SWAPPINESS : 200 - SWAPPINESS)) / 100, 1);
    store<u32>(toScan + ((<usize>kind) << 2), count);
  }
}

function left(kind: u32): u32 {
  return load<u32>(toScan + ((<usize>kind) << 2));
}

/** Scans a cluster of one kind. */
function scanSome(group: u32, kind: u32): void {
  const count = min(left(kind), CLUSTER);
  if (!count) return;
  store<u32>(toScan + ((<usize>kind) << 2), left(kind) - count);
  const list = lruOf(group, <LruKind>kind);
  if (!isActive(list)) scanInactive(list, count);
  else if (inactiveIsLow(group, <LruKind>kind)) scanActive(list, count);
}

/** One group at one priority (shrink_lruvec). */
function shrinkGroup(group: u32, priority: i32): void {
  share(group, priority);
  do {
    for (let i: u32 = 0; i < LRU_KINDS && reclaimed < target; i++) {
      scanSome(group, (FIRST + i) % LRU_KINDS);
    }
    if (reclaimed >= target) return;
  } while (left(LruKind.InactiveAnon) || left(LruKind.InactiveFile) || left(LruKind.ActiveFile));
}

/** All groups at one priority, each time beginning with another. */
function shrinkAll(priority: i32): void {
  for (let i: u32 = 0; i < groupsEnd && reclaimed < target; i++) {
    turn = turn + 1 < groupsEnd ? turn + 1 : 0;
    shrinkGroup(turn, priority);
  }
}

/**
 * Takes `pages` out of memory, of one group or, with 0, of all, as far as nobody has to be told.
 * How many went, or are on their way to swap; the window has what was looked at (ScanField).
 */
export function shrink(pages: u32, group: u32, direct: bool): u32 {
  memory.fill(windowBase, 0, (<usize>ScanField.LENGTH) << 2);
  reclaimed = 0;
  target = pages;
  for (let priority = PRIORITY; priority >= 0 && reclaimed < target; priority--) {
    if (group) shrinkGroup(group, priority);
    else shrinkAll(priority);
  }
  const scanned = load<u32>(field(ScanField.Scanned));
  statAdd(direct ? Vmstat.pgscan_direct : Vmstat.pgscan_kswapd, scanned);
  countStolen(reclaimed, direct);
  return reclaimed;
}

/** `pages` of those that were scanned have gone. */
export function countStolen(pages: u32, direct: bool): void {
  statAdd(direct ? Vmstat.pgsteal_direct : Vmstat.pgsteal_kswapd, pages);
}

/** Adds to the window what of one inactive list somebody has to be told of. */
function ageList(list: u32, from: u32, most: u32): u32 {
  const at = lruList(list);
  let found = from;
  for (let i = at.count; i && found < most; i--) {
    const pfn = at.tail;
    lruMove(pfn, list);
    if (obstacleOf(pfn) != Fate.Exported) continue;
    const entry = windowBase + ((<usize>found * Candidate.LENGTH) << 2);
    const references = lookReferences + recordsForgetAccess(pfn);
    pageForgetReferences(pfn);
    store<u32>(entry, pfn);
    store<u32>(entry + (Candidate.References << 2), references);
    const isStale = isDirtyOfFile(pfn);
    store<u32>(entry + (Candidate.Mapping << 2), isStale ? <u32>(frameOf(pfn).mapping >>> 3) : 0);
    store<u64>(entry + (Candidate.IndexLo << 2), frameOf(pfn).index);
    found++;
  }
  return found;
}

/**
 * Writes up to `most` candidates that are held outside to the window, the least used first, with
 * the references that ptes and records have, now cleared. @returns how many.
 */
export function ageNext(group: u32, most: u32): u32 {
  let found: u32 = 0;
  const end = group ? group + 1 : groupsEnd;
  for (let at = group; at < end; at++) {
    for (let kind: u32 = 0; kind < LRU_KINDS; kind += 2) {
      const active = <LruKind>(kind + 1);
      if (inactiveIsLow(at, active)) scanActive(lruOf(at, active), CLUSTER);
      found = ageList(lruOf(at, <LruKind>kind), found, most);
    }
  }
  return found;
}
