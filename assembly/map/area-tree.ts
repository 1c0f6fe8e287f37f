// The tree of an mm's areas: wide nodes, all leaves at one depth (a B+ tree by end of area).
//
//   Mm.tree ──▶ ┌ node ┬───┐      levels = 3
//               └──┬───┴─┬─┘
//            ┌─────▼┐  ┌─▼────┐   a slot: the span and the largest gap of the node below
//            └─┬──┬─┘  └─┬──┬─┘
//      leaves  ▼  ▼      ▼  ▼     a slot: an area
//
// An mm of up to 20 areas is one leaf. With 5 slots of a node in use at least, 65,531 areas need
// seven levels at the very most; in order of address they need four.
//
// A node that is full is split in halves, or so that the greater part stays behind where areas are
// added one after the other; both parts have 4 slots free or more. One that falls below 5 takes
// slots from its neighbour or joins it, where both leave 4 free. So a place that was split once
// takes at least 5 more areas before it is split again: plan/need.ts counts on that.
//
// Written by: vma-tree.ts. Read by: plan/placement.ts, check-area-tree.ts.

import { CHECK } from "../mem/assert";
import {
  nodeCount,
  nodeCreate,
  nodeFree,
  nodeGap,
  nodeShift,
  nodeSplit,
  rootAbove,
  SLOTS,
  SLOTS_MIN,
  SLOTS_SPARE,
  slotAbove,
  slotClose,
  slotEnd,
  slotGap,
  slotOpen,
  slotRef,
  slotSet,
  slotStart,
} from "./area-node";
import { Mm } from "./mm";

/** Levels of a tree at most: twice 5^7 is more areas than an mm may have. */
export const LEVELS_MAX: u32 = 7;

/** The way to a leaf: of each level, from the leaf's up, a node and the slot that was taken. */
const path = memory.data((LEVELS_MAX + 1) * 8);

function pathNode(level: u32): usize {
  return load<usize>(path + ((<usize>level) << 3));
}

function pathSlot(level: u32): u32 {
  return load<u32>(path + ((<usize>level) << 3), 4);
}

function pathSet(level: u32, node: usize, slot: u32): void {
  store<usize>(path + ((<usize>level) << 3), node);
  store<u32>(path + ((<usize>level) << 3), slot, 4);
}

/** First area that ends above `address`, or 0. */
export function areaAbove(mm: Mm, address: u64): usize {
  let node = mm.tree;
  if (!node) return 0;
  let slot = rootAbove(node, address);
  if (slot >= nodeCount(node)) return 0;
  for (let level = mm.levels; level > 1; level--) {
    node = slotRef(node, slot);
    slot = slotAbove(node, address);
  }
  return slotRef(node, slot);
}

/** First area of `slot` of a node that stands `level` levels above the leaves. */
export function areaFirst(node: usize, slot: u32, level: u32): usize {
  let at = slotRef(node, slot);
  for (let i = level; i > 0; i--) at = slotRef(at, 0);
  return at;
}

/**
 * Notes the way to where `address` is, or would be. @returns the leaf; its slot is the first one
 * that ends above.
 */
function descend(mm: Mm, address: u64): usize {
  let node = mm.tree;
  let slot = rootAbove(node, address);
  for (let level = mm.levels - 1; level > 0; level--) {
    const taken = min(slot, nodeCount(node) - 1);
    pathSet(level, node, taken);
    node = slotRef(node, taken);
    slot = slotAbove(node, address);
  }
  pathSet(0, node, slot);
  return node;
}

/** Has `slot` of `parent` say what its node says. @returns whether that is another thing. */
function describe(parent: usize, slot: u32, node: usize): bool {
  const start = slotStart(node, 0);
  const end = slotEnd(node, nodeCount(node) - 1);
  const gap = nodeGap(node);
  const same =
    start == slotStart(parent, slot) &&
    end == slotEnd(parent, slot) &&
    gap == slotGap(parent, slot);
  if (!same) slotSet(parent, slot, start, end, node, gap);
  return !same;
}

/** The node of the way at `level` has changed: those above say so, as far as they must. */
function climb(mm: Mm, level: u32): void {
  for (let at = level + 1; at < mm.levels; at++) {
    if (!describe(pathNode(at), pathSlot(at), pathNode(at - 1))) return;
  }
}

/** A slot of its own for `node` in `parent`. */
function adopt(parent: usize, slot: u32, node: usize): void {
  slotOpen(parent, slot);
  slotSet(parent, slot, 0, 0, node, 0);
  describe(parent, slot, node);
}

/** How many slots of a full node stay where they are, when one is to come before `slot`. */
function cutOf(slot: u32): u32 {
  if (slot > SLOTS - SLOTS_SPARE) return SLOTS - SLOTS_SPARE;
  return slot < SLOTS_SPARE ? SLOTS_SPARE : SLOTS >> 1;
}

/** The half of a node that was split at `cut` where `slot` is now. */
function halfOf(node: usize, right: usize, cut: u32, slot: u32): usize {
  return slot > cut ? right : node;
}

/**
 * Puts the area [start, end), which meets no other, where it belongs.
 * @returns the area after it, or 0.
 */
export function areaInsert(mm: Mm, start: u64, end: u64, area: usize): usize {
  if (!mm.tree) {
    mm.tree = nodeCreate();
    mm.levels = 1;
  }
  const leaf = descend(mm, start);
  const slot = pathSlot(0);
  const count = nodeCount(leaf);
  const after = slot < count ? slotRef(leaf, slot) : 0;
  if (count < SLOTS) {
    slotOpen(leaf, slot);
    slotSet(leaf, slot, start, end, area, 0);
    climb(mm, 0);
    return after;
  }
  const cut = cutOf(slot);
  const right = nodeSplit(leaf, cut);
  const half = halfOf(leaf, right, cut, slot);
  const at = half == right ? slot - cut : slot;
  slotOpen(half, at);
  slotSet(half, at, start, end, area, 0);
  spread(mm, right);
  return after;
}

/** The leaf of the way was split: `right` gets a place in the node above, and so on. */
function spread(mm: Mm, right: usize): void {
  let fresh = right;
  for (let level: u32 = 1; level < mm.levels; level++) {
    const parent = pathNode(level);
    const slot = pathSlot(level) + 1;
    describe(parent, slot - 1, pathNode(level - 1));
    if (nodeCount(parent) < SLOTS) {
      adopt(parent, slot, fresh);
      climb(mm, level);
      return;
    }
    const cut = cutOf(slot);
    const beside = nodeSplit(parent, cut);
    const half = halfOf(parent, beside, cut, slot);
    adopt(half, half == beside ? slot - cut : slot, fresh);
    fresh = beside;
  }
  const root = nodeCreate();
  adopt(root, 0, mm.tree);
  adopt(root, 1, fresh);
  mm.tree = root;
  mm.levels++;
}

/** Takes the area that starts at `start` out. */
export function areaRemove(mm: Mm, start: u64, area: usize): void {
  const leaf = descend(mm, start);
  if (CHECK) assert(slotRef(leaf, pathSlot(0)) == area, "the tree has another area there");
  slotClose(leaf, pathSlot(0));
  let level: u32 = 0;
  for (; level + 1 < mm.levels; level++) {
    if (nodeCount(pathNode(level)) >= SLOTS_MIN) {
      climb(mm, level);
      return;
    }
    refill(pathNode(level + 1), pathSlot(level + 1));
  }
  trimRoot(mm);
}

/** The node of `slot` has too few: it joins a neighbour, or gets some of his. */
function refill(parent: usize, slot: u32): void {
  const first = slot ? slot - 1 : 0;
  const left = slotRef(parent, first);
  const right = slotRef(parent, first + 1);
  const total = nodeCount(left) + nodeCount(right);
  if (total <= SLOTS - SLOTS_SPARE) {
    nodeShift(left, right, total);
    nodeFree(right);
    slotClose(parent, first + 1);
  } else {
    nodeShift(left, right, total >> 1);
    describe(parent, first + 1, right);
  }
  describe(parent, first, left);
}

/** A root that has but one node below it goes. A leaf stays, without areas too. */
function trimRoot(mm: Mm): void {
  const root = mm.tree;
  if (mm.levels == 1 || nodeCount(root) > 1) return;
  mm.tree = slotRef(root, 0);
  mm.levels--;
  nodeFree(root);
}

/** The area that started at `was` is [start, end) from now on; it still meets no other. */
export function areaMove(mm: Mm, was: u64, start: u64, end: u64, area: usize): void {
  const leaf = descend(mm, was);
  if (CHECK) assert(slotRef(leaf, pathSlot(0)) == area, "the tree has another area there");
  slotSet(leaf, pathSlot(0), start, end, area, 0);
  climb(mm, 0);
}

/** Gives all nodes back, for an mm that ends; its areas stay in the list. */
export function areaTreeFree(mm: Mm): void {
  if (mm.tree) freeBelow(mm.tree, mm.levels - 1);
  mm.tree = 0;
  mm.levels = 0;
}

function freeBelow(node: usize, level: u32): void {
  if (level) {
    for (let i: u32 = 0; i < nodeCount(node); i++) freeBelow(slotRef(node, i), level - 1);
  }
  nodeFree(node);
}
