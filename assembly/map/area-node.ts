// A node of an mm's tree of areas (Linux: a maple node): up to 20 slots in order of address.
//
//   0          160         320        400        480     484        512
//  ┌──────────┬───────────┬──────────┬──────────┬───────┬──────────┐
//  │ ends     │ starts    │ refs     │ gaps     │ count │ unused   │
//  │ 20 × u64 │ 20 × u64  │ 20 × u32 │ 20 × u32 │       │          │
//  └──────────┴───────────┴──────────┴──────────┴───────┴──────────┘
//   a leaf's slot       an area: its end, its start, its record; gap 0
//   any other's slot    a node: the end of its last area, the start of its first, its address, and
//                       the largest gap between two of its areas, in pages
//
// A look-up reads nothing of a node but some ends and one ref: three lines of a cache side by side,
// and one more. It does not read the count: slots not in use have an end above all others.
//
// Invariants (of a tree; checked by check-area-tree.ts)
//   M3  A node other than the root has 5 slots in use or more; a root that is no leaf has two.
//   M4  Slots not in use have the end SLOT_FREE.
//   M5  A slot's start and end are those of its area, or the first start and last end of its node.
//   M6  Every node of the pool is in the tree of one mm.
//   V3  A slot's gap is the largest between two areas of its node, in pages, at most GAP_MAX.
//
// Written by: this file, for area-tree.ts. Read by: check-area-tree.ts, plan/placement.ts.

import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { certain } from "../mem/certain";

/** Slots of a node. */
export const SLOTS: u32 = 20;
/** Slots in use of a node that is no root, at least. */
export const SLOTS_MIN: u32 = 5;
/** Slots that stay free in both halves of a node that was split, and in one that was merged. */
export const SLOTS_SPARE: u32 = 4;
/** Slots in use that are sooner gone through than compared all at once. */
const FEW: u32 = 4;
/** End of a slot that is not in use. */
export const SLOT_FREE: u64 = u64.MAX_VALUE;
/** A gap that is this long or longer, in pages. */
export const GAP_MAX: u64 = u32.MAX_VALUE;

const STARTS: usize = SLOTS * 8;
const REFS: usize = 2 * SLOTS * 8;
const GAPS: usize = REFS + SLOTS * 4;
const COUNT: usize = GAPS + SLOTS * 4;
/** As many lines of a cache, 8 to a frame. */
const NODE_BYTES: u32 = 512;

export const areaNodePool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function areaNodeInit(): void {
  poolInit(areaNodePool, NODE_BYTES);
}

/** A node without slots in use. Precondition: it is reserved (plan/need.ts). */
export function nodeCreate(): usize {
  const node = poolAlloc(areaNodePool);
  certain(node != 0);
  for (let i: u32 = 0; i < SLOTS; i++) store<u64>(node + (i << 3), SLOT_FREE);
  return node;
}

export function nodeFree(node: usize): void {
  poolFree(areaNodePool, node);
}

export function nodeCount(node: usize): u32 {
  return load<u32>(node, COUNT);
}

export function slotEnd(node: usize, slot: u32): u64 {
  return load<u64>(node + ((<usize>slot) << 3));
}

export function slotStart(node: usize, slot: u32): u64 {
  return load<u64>(node + ((<usize>slot) << 3), STARTS);
}

/** The area, or the node below. */
export function slotRef(node: usize, slot: u32): usize {
  return <usize>load<u32>(node + ((<usize>slot) << 2), REFS);
}

export function slotGap(node: usize, slot: u32): u32 {
  return load<u32>(node + ((<usize>slot) << 2), GAPS);
}

export function slotSet(node: usize, slot: u32, start: u64, end: u64, ref: usize, gap: u32): void {
  const wide = node + ((<usize>slot) << 3);
  const narrow = node + ((<usize>slot) << 2);
  store<u64>(wide, end);
  store<u64>(wide, start, STARTS);
  store<u32>(narrow, <u32>ref, REFS);
  store<u32>(narrow, gap, GAPS);
}

/** 1 when `slot` ends at or below `address`. */
function isBelow(node: usize, slot: u32, address: u64): u32 {
  return <u32>(slotEnd(node, slot) <= address);
}

/**
 * First the last slots of three groups of five, then the group: sums, since no processor foretells
 * which way a branch goes. (By vectors it is no faster, and slow where an end was just written.)
 *
 * @returns the first slot that ends above `address`, or the number of those in use.
 */
export function slotAbove(node: usize, address: u64): u32 {
  const groups = isBelow(node, 4, address) + isBelow(node, 9, address) + isBelow(node, 14, address);
  const slot = groups * 5;
  const low = isBelow(node, slot, address) + isBelow(node, slot + 1, address);
  const high = isBelow(node, slot + 2, address) + isBelow(node, slot + 3, address);
  return slot + low + high + isBelow(node, slot + 4, address);
}

/** As `slotAbove`, of a root: one with few slots in use is gone through, as it always is. */
export function rootAbove(root: usize, address: u64): u32 {
  const count = nodeCount(root);
  if (count > FEW) return slotAbove(root, address);
  let slot: u32 = 0;
  while (slot < count && slotEnd(root, slot) <= address) slot++;
  return slot;
}

/** Makes room for a slot before `slot`, whose content is the caller's to set. */
export function slotOpen(node: usize, slot: u32): void {
  const count = nodeCount(node);
  for (let i = count; i > slot; i--) slotCopy(node, i - 1, node, i);
  store<u32>(node, count + 1, COUNT);
}

/** Takes `slot` out. */
export function slotClose(node: usize, slot: u32): void {
  const last = nodeCount(node) - 1;
  for (let i = slot; i < last; i++) slotCopy(node, i + 1, node, i);
  countSet(node, last);
}

function slotCopy(from: usize, slot: u32, to: usize, target: u32): void {
  slotSet(
    to,
    target,
    slotStart(from, slot),
    slotEnd(from, slot),
    slotRef(from, slot),
    slotGap(from, slot),
  );
}

/** Slots from `count` on are no longer in use. */
function countSet(node: usize, count: u32): void {
  for (let i = count; i < nodeCount(node); i++) store<u64>(node + ((<usize>i) << 3), SLOT_FREE);
  store<u32>(node, count, COUNT);
}

/** Moves the slots of `node` from `cut` on to a new node. @returns it. */
export function nodeSplit(node: usize, cut: u32): usize {
  const right = nodeCreate();
  const count = nodeCount(node);
  for (let i = cut; i < count; i++) slotCopy(node, i, right, i - cut);
  store<u32>(right, count - cut, COUNT);
  countSet(node, cut);
  return right;
}

/** Moves slots between two neighbours, so that the left one has `count` in use. */
export function nodeShift(left: usize, right: usize, count: u32): void {
  const had = nodeCount(left);
  const beside = nodeCount(right);
  if (count > had) {
    const moved = count - had;
    for (let i: u32 = 0; i < moved; i++) slotCopy(right, i, left, had + i);
    for (let i = moved; i < beside; i++) slotCopy(right, i, right, i - moved);
    countSet(right, beside - moved);
  } else {
    const moved = had - count;
    for (let i = beside; i > 0; i--) slotCopy(right, i - 1, right, i - 1 + moved);
    for (let i: u32 = 0; i < moved; i++) slotCopy(left, count + i, right, i);
    store<u32>(right, beside + moved, COUNT);
  }
  countSet(left, count);
}

/** `bytes` of a gap in pages, at most GAP_MAX. */
export function gapPages(bytes: u64): u32 {
  return <u32>min(bytes >> 12, GAP_MAX);
}

/** Largest gap between two areas of `node`, in pages: between its slots, and within them. */
export function nodeGap(node: usize): u32 {
  const count = nodeCount(node);
  let bytes: u64 = 0;
  let within = slotGap(node, 0);
  for (let i: u32 = 1; i < count; i++) {
    bytes = max(bytes, slotStart(node, i) - slotEnd(node, i - 1));
    within = max(within, slotGap(node, i));
  }
  return max(within, gapPages(bytes));
}
