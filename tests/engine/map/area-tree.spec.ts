// The tree of areas against a plain array of their starts, in order.

import { poolUsed } from "../../../assembly/frame/pool";
import { areaNodePool, nodeGap } from "../../../assembly/map/area-node";
import { areaAbove, areaTreeFree } from "../../../assembly/map/area-tree";
import { checkAreas } from "../../../assembly/map/check-area";
import { Mm } from "../../../assembly/map/mm";
import { Vma, vmaAlloc } from "../../../assembly/map/vma";
import { vmaInsert, vmaMove, vmaRemove } from "../../../assembly/map/vma-tree";
import { boot, expectSound, leave, page, space } from "../op/world";
import { below, randomReset, seeded } from "../random";

/** Areas stand on multiples of this many pages, and are shorter. */
const STRIDE: u32 = 8;
const PLACES: u32 = 4000;

const starts = new StaticArray<u64>(PLACES);
const areas = new StaticArray<usize>(PLACES);
let count: u32 = 0;
let mm = changetype<Mm>(0);

/** How many of the array start below `address`. */
function rank(address: u64): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(place: u32): void {
  const start = page(place * STRIDE);
  const at = rank(start);
  for (let i = count; i > at; i--) {
    starts[i] = starts[i - 1];
    areas[i] = areas[i - 1];
  }
  const vma = changetype<Vma>(vmaAlloc());
  vma.start = start;
  vma.end = start + 4096;
  starts[at] = start;
  areas[at] = changetype<usize>(vma);
  count += 1;
  vmaInsert(mm, vma);
}

function remove(at: u32): void {
  const vma = changetype<Vma>(areas[at]);
  count -= 1;
  for (let i = at; i < count; i++) {
    starts[i] = starts[i + 1];
    areas[i] = areas[i + 1];
  }
  vmaRemove(mm, vma);
}

/** Another start and another end, within the area's place. */
function move(at: u32): void {
  const vma = changetype<Vma>(areas[at]);
  const place = vma.start & ~(<u64>(STRIDE << 12) - 1);
  const first = below(STRIDE - 1);
  const last = first + 1 + below(STRIDE - 1 - first);
  vmaMove(mm, vma, place + ((<u64>first) << 12), place + ((<u64>last) << 12));
  starts[at] = vma.start;
}

/** Takes out or moves what is at a random place, or puts an area there; `growth` of ten do. */
function randomStep(growth: u32): void {
  const place = below(PLACES);
  const at = rank(page(place * STRIDE));
  const isTaken = at < count && starts[at] < page(place * STRIDE + STRIDE);
  if (below(10) < growth) {
    if (isTaken) move(at);
    else insert(place);
  } else if (count) {
    remove(below(count));
  }
}

/** Wrong answers of the tree to a question anywhere. */
function findsWrong(): u32 {
  const address = page(below(PLACES * STRIDE)) + below(4096);
  let at = rank(address + 1);
  if (at && changetype<Vma>(areas[at - 1]).end > address) at -= 1;
  return areaAbove(mm, address) == (at < count ? areas[at] : 0) ? 0 : 1;
}

/** Walks `steps` steps and looks at everything now and then. @returns what was wrong. */
function walk(steps: u32, growth: u32): u32 {
  let wrong: u32 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    randomStep(growth);
    wrong += findsWrong();
    if (step % 32 == 0) wrong += checkAreas(mm);
  }
  return wrong + checkAreas(mm);
}

function largestGap(): u32 {
  let gap: u64 = 0;
  for (let i: u32 = 1; i < count; i++) {
    gap = max(gap, starts[i] - changetype<Vma>(areas[i - 1]).end);
  }
  return <u32>(gap >> 12);
}

describe("area-tree: against an array", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
    count = 0;
  });
  afterEach(() => {
    while (count) remove(count - 1);
    leave(mm);
    expectSound();
    expect<u32>(poolUsed(areaNodePool)).toBe(0);
  });

  test(seeded("M3, M4, M5, V2, V3: growing, changing, shrinking, all is found"), () => {
    randomReset();
    expect<u32>(walk(6000, 9)).toBe(0);
    expect<bool>(count > 1000 && mm.levels >= 3).toBe(true);
    expect<u32>(nodeGap(mm.tree)).toBe(largestGap());
    expect<u32>(walk(2000, 5)).toBe(0);
    expect<u32>(walk(9000, 2)).toBe(0);
    expect<bool>(mm.levels <= 2).toBe(true);
  });

  test("up to 20 areas are one node, which stays when they go", () => {
    for (let place: u32 = 0; place < 20; place++) insert(place);
    expect<u32>(poolUsed(areaNodePool)).toBe(1);
    insert(20);
    expect<u32>(poolUsed(areaNodePool)).toBe(3);
    while (count) remove(0);
    expect<u32>(poolUsed(areaNodePool)).toBe(1);
    expect<u32>(checkAreas(mm)).toBe(0);
  });

  test("M3: in order, up or down, leaves are filled to 16 of 20", () => {
    for (let place: u32 = 0; place < PLACES; place++) insert(place);
    expect<bool>(poolUsed(areaNodePool) <= PLACES / 16 + PLACES / 256 + 2).toBe(true);
    expect<u32>(checkAreas(mm)).toBe(0);
    while (count) remove(0);
    for (let place = PLACES; place > 0; place--) insert(place - 1);
    expect<bool>(poolUsed(areaNodePool) <= PLACES / 16 + PLACES / 256 + 2).toBe(true);
    expect<u32>(checkAreas(mm)).toBe(0);
  });

  test("M3: what is left of many has no more nodes than it needs", () => {
    for (let place: u32 = 0; place < PLACES; place++) insert(place);
    for (let i = PLACES; i > 0; i--) if (i % 16) remove(i - 1);
    expect<u32>(count).toBe(PLACES / 16);
    expect<bool>(poolUsed(areaNodePool) <= count / 5 + count / 25 + 2).toBe(true);
    expect<u32>(checkAreas(mm)).toBe(0);
  });

  test(seeded("N1: an area takes a node per level at most, and none in a leaf with room"), () => {
    randomReset();
    let wrong: u32 = 0;
    for (let step = 0; step < 3000; step++) {
      const had = poolUsed(areaNodePool);
      const most = mm.levels ? mm.levels + 1 : 1;
      randomStep(8);
      if (poolUsed(areaNodePool) > had + most) wrong += 1;
      if (count <= 20 && mm.levels == 1 && poolUsed(areaNodePool) > 1) wrong += 1;
    }
    expect<u32>(wrong).toBe(0);
  });

  test("all nodes go at once, and the areas stay in the list", () => {
    for (let place: u32 = 0; place < 500; place++) insert(place);
    areaTreeFree(mm);
    expect<u32>(poolUsed(areaNodePool)).toBe(0);
    expect<u32>(mm.mapCount).toBe(500);
  });
});
