// The areas of an mm against a picture with one byte per page.

import { checkAreas } from "../../../assembly/map/check-area";
import { Mm } from "../../../assembly/map/mm";
import { Vma, vmaAlloc } from "../../../assembly/map/vma";
import {
  vmaBefore,
  vmaFind,
  vmaInsert,
  vmaIntersection,
  vmaLookup,
  vmaMove,
  vmaRemove,
} from "../../../assembly/map/vma-tree";
import { boot, expectSound, leave, page, space } from "../op/world";
import { below, randomReset, seeded } from "../random";

const PAGES: u32 = 300;
/** Number of the area that has a page, 0 for none. */
const picture = new StaticArray<usize>(PAGES);

let mm = changetype<Mm>(0);

function insert(first: u32, end: u32): void {
  const vma = changetype<Vma>(vmaAlloc());
  vma.start = page(first);
  vma.end = page(end);
  vmaInsert(mm, vma);
  for (let at = first; at < end; at++) picture[at] = changetype<usize>(vma);
}

function remove(vma: usize): void {
  for (let at: u32 = 0; at < PAGES; at++) if (picture[at] == vma) picture[at] = 0;
  vmaRemove(mm, changetype<Vma>(vma));
}

function firstFrom(index: u32, end: u32): usize {
  for (let at = index; at < end; at++) if (picture[at]) return picture[at];
  return 0;
}

/** Last area that has no page from `index` on. */
function lastBefore(index: u32): usize {
  for (let at = index; at > 0; at--) {
    const vma = picture[at - 1];
    if (vma && (index == PAGES || picture[index] != vma)) return vma;
  }
  return 0;
}

function findsWrong(index: u32): u32 {
  const at = page(index) + below(4096);
  const end = index + 1 + below(PAGES - index);
  let wrong: u32 = 0;
  if (vmaFind(mm, at) != firstFrom(index, PAGES)) wrong += 1;
  if (vmaLookup(mm, at) != picture[index]) wrong += 1;
  if (vmaIntersection(mm, page(index), page(end)) != firstFrom(index, end)) wrong += 1;
  if (vmaBefore(mm, page(index)) != lastBefore(index)) wrong += 1;
  return wrong;
}

/** Puts a small area in where there is room, or takes out the one in the way. */
function randomStep(): void {
  const first = below(PAGES);
  const end = min(first + 1 + below(5), PAGES);
  const inTheWay = firstFrom(first, end);
  if (inTheWay) remove(inTheWay);
  else insert(first, end);
}

describe("vma-tree: areas by address", () => {
  beforeEach(() => {
    boot(1024);
    mm = space();
    for (let at: u32 = 0; at < PAGES; at++) picture[at] = 0;
  });
  afterEach(() => {
    leave(mm);
    expectSound();
  });

  test(seeded("V1, V2, V3, A1, A4: every look-up finds what the picture has"), () => {
    randomReset();
    let wrong: u32 = 0;
    for (let step = 0; step < 3000; step++) {
      randomStep();
      wrong += findsWrong(below(PAGES)) + checkAreas(mm);
    }
    expect<u32>(wrong).toBe(0);
  });

  test("A3: what was found last and has gone is not found again", () => {
    insert(3, 5);
    insert(8, 9);
    expect<usize>(vmaFind(mm, page(4))).toBe(picture[3]);
    remove(picture[3]);
    expect<usize>(vmaFind(mm, page(4))).toBe(picture[8]);
    expect<usize>(vmaLookup(mm, page(4))).toBe(0);
  });

  test("A4: a gap that was found is forgotten when an area comes, goes or moves", () => {
    insert(3, 5);
    insert(20, 21);
    expect<usize>(vmaFind(mm, page(10))).toBe(picture[20]);
    insert(12, 13);
    expect<usize>(vmaFind(mm, page(10))).toBe(picture[12]);
    vmaMove(mm, changetype<Vma>(picture[12]), page(8), page(9));
    expect<usize>(vmaFind(mm, page(10))).toBe(picture[20]);
    remove(picture[20]);
    expect<usize>(vmaFind(mm, page(10))).toBe(0);
    expect<u32>(checkAreas(mm)).toBe(0);
  });

  test("an mm without areas finds none", () => {
    expect<usize>(vmaFind(mm, 0)).toBe(0);
    expect<usize>(vmaBefore(mm, page(0))).toBe(0);
    expect<usize>(vmaIntersection(mm, 0, page(9))).toBe(0);
  });
});
