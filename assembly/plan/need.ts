// What a commit will take, set aside by its plan, so that the commit cannot fail for want of it.
//
// A plan adds up its worst case in the globals here, `needTake` reserves it, and a ticket carries
// the sums until commit or abort hands them back. A pool's reserve is records that exist already.
//
// Invariants
//   N1  What is reserved equals the sum over open tickets; nothing stays reserved without one.

import { framesAvailable, framesReserve, framesUnreserve } from "../frame/buddy";
import { hugeAvailable, hugePlan, hugeUnplan } from "../frame/huge";
import { Pool, poolCovers, poolReserve, poolUnreserve } from "../frame/pool";
import { anonVmaPool } from "../map/anon-vma";
import { areaNodePool, SLOTS, SLOTS_SPARE } from "../map/area-node";
import { holePool } from "../map/hole";
import { ksmPool } from "../map/ksm";
import { linkPool } from "../map/link";
import { mappingPool, nodePool } from "../map/mapping";
import { Mm, mmPool, mmsFit } from "../map/mm";
import { Vma, vmaPool } from "../map/vma";
import { vmaIntersection } from "../map/vma-tree";

@unmanaged
export class Need {
  frames: u32;
  /** Huge pages, promised by the pool (frame/huge.ts). */
  huge: u32;
  /** From here on records, each kind of a pool: see `poolOf`. */
  vmas: u32;
  links: u32;
  anonVmas: u32;
  mappings: u32;
  nodes: u32;
  mms: u32;
  /** Nodes and items of merged pages. */
  merges: u32;
  holes: u32;
  areaNodes: u32;
}

/** The sums of the plan that is being made. */
export const need = changetype<Need>(memory.data(offsetof<Need>()));

// Areas that the plan puts into the tree of an mm: at how many places of it, how many more next to
// one of those, and the mm's.
let places: u32 = 0;
let beside: u32 = 0;
let grown: usize = 0;

export function needClear(): void {
  // A loop, since `memory.fill` costs a call that is longer than this.
  for (let at: usize = 0; at < offsetof<Need>(); at += 4)
    store<u32>(changetype<usize>(need) + at, 0);
  needPlaces(null, 0, 0);
}

/** The plan puts areas at `count` places of `mm`'s tree, and `more` next to one of them. */
export function needPlaces(mm: Mm | null, count: u32, more: u32): void {
  grown = changetype<usize>(mm);
  places = count;
  beside = more;
}

/** An area that may merge with none: its record, and its place among those of `mm`. */
export function needArea(mm: Mm): void {
  need.vmas += 1;
  needPlaces(mm, places + 1, beside);
}

/** Areas that the plan may put into a tree, at all. */
export function needPlaced(): u32 {
  return places + beside;
}

/** The mm whose tree it is. */
export function needGrown(): Mm {
  return changetype<Mm>(grown);
}

/**
 * Nodes that they take in a tree of `levels`. Each place may split a node on each level; the roots
 * that are split have one above them, and a node takes five areas between two splits
 * (map/area-tree.ts).
 */
export function nodesFor(levels: u32): u32 {
  return places * (levels - 1) + 2 + (needPlaced() >> 2);
}

/** Nodes for `areas` that are added in order to an mm of their own. */
export function needNodesInOrder(areas: u32): void {
  let count = areas;
  while (count > 0) {
    count = count > SLOTS ? count / (SLOTS - SLOTS_SPARE) + 1 : 1;
    need.areaNodes += count;
    if (count == 1) return;
  }
}

/**
 * Areas in [start, end) get new attributes or go: the two at its ends may be split, all of them
 * may be merged with their neighbours.
 *
 * A split clones a chain and links a file, at most twice; an area that takes over a part of its
 * neighbour clones the neighbour's chain, and keeps it only at the two ends.
 */
export function needRange(mm: Mm, start: u64, end: u64): void {
  let at = vmaIntersection(mm, start, end);
  if (!at) return;
  let longest: u32 = 0;
  if (changetype<Vma>(at).prev) longest = changetype<Vma>(changetype<Vma>(at).prev).chainCount;
  for (; at; at = changetype<Vma>(at).next) {
    longest = max(longest, changetype<Vma>(at).chainCount);
    if (changetype<Vma>(at).start >= end) break;
  }
  need.vmas += 2;
  needPlaces(mm, places + 2, beside);
  need.links += 4 * longest + 4;
}

/** Counts in a Need, those of pools: in the order of `poolOf`. */
const POOLS: u32 = <u32>(offsetof<Need>() - offsetof<Need>("vmas")) >>> 2;

/** The pool that a count is of. */
function poolOf(index: u32): Pool {
  if (index == 0) return vmaPool;
  if (index == 1) return linkPool;
  if (index == 2) return anonVmaPool;
  if (index == 3) return mappingPool;
  if (index == 4) return nodePool;
  if (index == 5) return mmPool;
  if (index == 6) return ksmPool;
  return index == 7 ? holePool : areaNodePool;
}

function countOf(sums: Need, index: u32): u32 {
  return load<u32>(changetype<usize>(sums) + offsetof<Need>("vmas") + ((<usize>index) << 2));
}

/**
 * Sets aside what was added up. False, and nothing set aside, when there is not so much.
 */
export function needTake(): bool {
  if (!hugePlan(need.huge)) return false;
  if (takeRest()) return true;
  hugeUnplan(need.huge);
  return false;
}

function takeRest(): bool {
  if (!mmsFit(need.mms) || !framesReserve(need.frames)) return false;
  for (let i: u32 = 0; i < POOLS; i++) {
    const count = countOf(need, i);
    if (!count || poolReserve(poolOf(i), count)) continue;
    releasePools(need, i);
    framesUnreserve(need.frames);
    return false;
  }
  return true;
}

/** Hands back what the first `pools` pools of `taken` hold. */
function releasePools(taken: Need, pools: u32): void {
  for (let i: u32 = 0; i < pools; i++) {
    const count = countOf(taken, i);
    if (count) poolUnreserve(poolOf(i), count);
  }
}

/** Whether all of it is there already, so that nothing has to be set aside for an apply at once. */
export function needCovered(): bool {
  if (need.huge > hugeAvailable()) return false;
  if (need.frames > framesAvailable() || !poolCovers(vmaPool, need.vmas)) return false;
  if (!poolCovers(linkPool, need.links) || !poolCovers(anonVmaPool, need.anonVmas)) return false;
  if (!poolCovers(mappingPool, need.mappings)) return false;
  if (!poolCovers(ksmPool, need.merges)) return false;
  if (!poolCovers(nodePool, need.nodes) || !mmsFit(need.mms)) return false;
  if (!poolCovers(holePool, need.holes) || !poolCovers(areaNodePool, need.areaNodes)) return false;
  return poolCovers(mmPool, need.mms);
}

/** Hands back what `taken` holds, so that an apply can draw on it, or because a plan is dropped. */
export function needRelease(taken: Need): void {
  if (taken.frames) framesUnreserve(taken.frames);
  hugeUnplan(taken.huge);
  releasePools(taken, POOLS);
}
