// Each invariant of the tree of areas, broken on purpose: the checker names it, and nothing once it
// is mended.

import { poolAlloc } from "../../../assembly/frame/pool";
import {
  areaNodePool,
  nodeCount,
  nodeFree,
  SLOT_FREE,
  slotEnd,
  slotGap,
  slotRef,
  slotSet,
  slotStart,
} from "../../../assembly/map/area-node";
import { AreaTreeInvariant } from "../../../assembly/map/check-area-tree";
import { Mm } from "../../../assembly/map/mm";
import { boot, expectSound, leave, mapAnon, mapEveryOther, space } from "../op/world";
import { expectBroken } from "./broken";

/** Where a node has how many of its slots are in use. */
const COUNT: usize = 480;

let mm = changetype<Mm>(0);
/** Leftmost leaf. */
let leaf: usize = 0;

/** Changes one slot by so much, and back. */
function slotBreak(node: usize, start: u64, end: u64, gap: u32, invariant: u32): void {
  const was = slotStart(node, 0);
  const until = slotEnd(node, 0);
  const gapWas = slotGap(node, 0);
  const ref = slotRef(node, 0);
  slotSet(node, 0, was + start, until + end, ref, gapWas + gap);
  expectBroken(invariant);
  slotSet(node, 0, was, until, ref, gapWas);
}

//   pages   0 ─ 1   2 ─ 3   …   118 ─ 119   200 ─ 201
describe("the checker of the tree of areas", () => {
  beforeEach(() => {
    boot(1024);
    mm = space();
    mapEveryOther(mm, 0, 60);
    mapAnon(mm, 200, 201);
    expect<u32>(mm.levels).toBe(2);
    leaf = slotRef(mm.tree, 0);
    expectSound();
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    expectSound();
  });

  test("M3: a node with too few slots in use, or more than it has; more levels than may be", () => {
    const count = nodeCount(leaf);
    store<u32>(leaf, 4, COUNT);
    expectBroken(AreaTreeInvariant.Fill);
    store<u32>(leaf, 21, COUNT);
    expectBroken(AreaTreeInvariant.Fill);
    store<u32>(leaf, count, COUNT);
    mm.levels = 8;
    expectBroken(AreaTreeInvariant.Fill);
    mm.levels = 2;
  });

  test("M4: a slot that is not in use and does not say so", () => {
    const slot = nodeCount(leaf);
    store<u64>(leaf + (slot << 3), 4096);
    expectBroken(AreaTreeInvariant.Free);
    store<u64>(leaf + (slot << 3), SLOT_FREE);
  });

  test("M5: a slot whose start or end is not its area's, or not its node's", () => {
    slotBreak(leaf, 4096, 0, 0, AreaTreeInvariant.Span);
    slotBreak(leaf, 0, 4096, 0, AreaTreeInvariant.Span);
    slotBreak(mm.tree, 4096, 0, 0, AreaTreeInvariant.Span);
    slotBreak(mm.tree, 0, 4096, 0, AreaTreeInvariant.Span);
  });

  test("M6: a node that is in no tree", () => {
    const lost = poolAlloc(areaNodePool);
    expectBroken(AreaTreeInvariant.Lost);
    nodeFree(lost);
  });

  test("V2: the tree has an area that the list has elsewhere, or one fewer", () => {
    const ref = slotRef(leaf, 1);
    slotSet(leaf, 1, slotStart(leaf, 1), slotEnd(leaf, 1), slotRef(leaf, 2), 0);
    expectBroken(AreaTreeInvariant.Order);
    slotSet(leaf, 1, slotStart(leaf, 1), slotEnd(leaf, 1), ref, 0);
    const last = slotRef(mm.tree, nodeCount(mm.tree) - 1);
    const count = nodeCount(last);
    const end = slotEnd(last, count - 1);
    store<u32>(last, count - 1, COUNT);
    store<u64>(last + ((count - 1) << 3), SLOT_FREE);
    expectBroken(AreaTreeInvariant.Span);
    store<u64>(last + ((count - 1) << 3), end);
    store<u32>(last, count, COUNT);
  });

  test("V3: a gap that is larger, or smaller, than those between the areas; one in a leaf", () => {
    slotBreak(mm.tree, 0, 0, 1, AreaTreeInvariant.Gap);
    slotBreak(mm.tree, 0, 0, -1, AreaTreeInvariant.Gap);
    slotBreak(leaf, 0, 0, 1, AreaTreeInvariant.Gap);
  });
});
