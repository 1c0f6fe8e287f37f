// The checker of an mm's tree of areas: its nodes, and that it has what the list has.
//
// Written by: nobody. Read by: check-area.ts, check.ts.

import { poolUsed } from "../frame/pool";
import {
  areaNodePool,
  nodeCount,
  nodeGap,
  SLOT_FREE,
  SLOTS,
  SLOTS_MIN,
  slotEnd,
  slotGap,
  slotRef,
  slotStart,
} from "./area-node";
import { LEVELS_MAX } from "./area-tree";
import { Mm } from "./mm";
import { Vma } from "./vma";

/** Numbers of broken invariants of the trees of areas, 203..206, 212 and 213. */
export const enum AreaTreeInvariant {
  None = 0,
  /** M3: too few slots in use, or more than there are, or a tree higher than any may be. */
  Fill = 203,
  /** M4: a slot that is not in use does not say so. */
  Free = 204,
  /** M5: a slot's start or end is not that of what it names. */
  Span = 205,
  /** M6: nodes that are in no tree. */
  Lost = 206,
  /** V2: list and tree do not have the same areas in the same order. */
  Order = 212,
  /** V3: the gap of a slot. */
  Gap = 213,
}

/** Area of the list that the tree should have next. */
let expected: usize = 0;
/** Nodes that were come to, since `areaNodesForget`. */
let nodes: u32 = 0;

export function areaNodesForget(): void {
  nodes = 0;
}

/** M6, once the trees of all address spaces are checked. */
export function areaNodesLost(): u32 {
  return nodes == poolUsed(areaNodePool) ? AreaTreeInvariant.None : AreaTreeInvariant.Lost;
}

/** @returns the number of the first invariant of `mm`'s tree that does not hold, or 0. */
export function checkAreaTree(mm: Mm): u32 {
  expected = mm.first;
  if (!mm.tree != !mm.levels || mm.levels > LEVELS_MAX) return AreaTreeInvariant.Fill;
  const bad = mm.tree ? checkNode(mm.tree, mm.levels - 1, mm.levels > 1 ? 2 : 0) : 0;
  if (bad) return bad;
  return expected ? AreaTreeInvariant.Order : AreaTreeInvariant.None;
}

/** A node `level` levels above the leaves, `least` of whose slots are in use. */
function checkNode(node: usize, level: u32, least: u32): u32 {
  const count = nodeCount(node);
  if (count < least || count > SLOTS) return AreaTreeInvariant.Fill;
  nodes += 1;
  for (let i: u32 = 0; i < count; i++) {
    const bad = level ? checkSlot(node, i, level) : checkLeafSlot(node, i);
    if (bad) return bad;
  }
  for (let i = count; i < SLOTS; i++) {
    if (slotEnd(node, i) != SLOT_FREE) return AreaTreeInvariant.Free;
  }
  return AreaTreeInvariant.None;
}

function checkSlot(node: usize, slot: u32, level: u32): u32 {
  const below = slotRef(node, slot);
  const bad = checkNode(below, level - 1, SLOTS_MIN);
  if (bad) return bad;
  if (slotStart(node, slot) != slotStart(below, 0)) return AreaTreeInvariant.Span;
  if (slotEnd(node, slot) != slotEnd(below, nodeCount(below) - 1)) return AreaTreeInvariant.Span;
  return slotGap(node, slot) == nodeGap(below) ? AreaTreeInvariant.None : AreaTreeInvariant.Gap;
}

function checkLeafSlot(node: usize, slot: u32): u32 {
  const area = slotRef(node, slot);
  if (area != expected) return AreaTreeInvariant.Order;
  const vma = changetype<Vma>(area);
  expected = vma.next;
  if (slotStart(node, slot) != vma.start) return AreaTreeInvariant.Span;
  if (slotEnd(node, slot) != vma.end) return AreaTreeInvariant.Span;
  return slotGap(node, slot) ? AreaTreeInvariant.Gap : AreaTreeInvariant.None;
}
