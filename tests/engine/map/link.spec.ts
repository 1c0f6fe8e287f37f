// The tree of links against a list of areas that is looked through from end to end.

import { checkPools } from "../../../assembly/frame/check-pool";
import {
  Link,
  linkAlloc,
  linkFirst,
  linkFree,
  linkInsert,
  linkNext,
  linkRemove,
} from "../../../assembly/map/link";
import { treeCheck } from "../../../assembly/map/tree";
import { Vma, vmaAlloc, vmaFree } from "../../../assembly/map/vma";
import { boot } from "../op/world";
import { below, randomReset, seeded } from "../random";

const AREAS: i32 = 200;
const PAGES: u32 = 400;

const slot = memory.data(4, 8);
const areas = new StaticArray<usize>(AREAS);
const links = new StaticArray<usize>(AREAS);

/** An area that shows `pages` pages of the object from page `first`, linked. */
function addArea(at: i32, first: u32, pages: u32): void {
  const vma = changetype<Vma>(vmaAlloc());
  vma.pgoff = first;
  vma.end = (<u64>pages) << 12;
  areas[at] = changetype<usize>(vma);
  links[at] = linkAlloc(vma, slot);
  linkInsert(slot, links[at]);
}

function dropArea(at: i32): void {
  linkRemove(slot, links[at]);
  linkFree(links[at]);
  vmaFree(areas[at]);
  links[at] = 0;
}

function shows(at: i32, first: u64, last: u64): bool {
  const vma = changetype<Vma>(areas[at]);
  return vma.pgoff <= last && vma.pgoff + (vma.end >> 12) - 1 >= first;
}

/** Whether the walk over [first, last] comes to every area that shows a page of it, in order. */
function walkIsRight(first: u64, last: u64): bool {
  let want: u32 = 0;
  for (let at = 0; at < AREAS; at++) if (links[at] && shows(at, first, last)) want += 1;
  let order: u64 = 0;
  let got: u32 = 0;
  for (let at = linkFirst(load<usize>(slot), first, last); at; at = linkNext(at, first, last)) {
    const vma = changetype<Vma>(changetype<Link>(at).vma);
    if (vma.pgoff < order || vma.pgoff > last) return false;
    if (vma.pgoff + (vma.end >> 12) - 1 < first) return false;
    order = vma.pgoff;
    got += 1;
  }
  return got == want && treeCheck(load<usize>(slot), 0) == 0;
}

function wrongWalks(steps: u32, longest: u32): u32 {
  let wrong: u32 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    const at = <i32>below(AREAS);
    if (links[at]) dropArea(at);
    else addArea(at, below(PAGES), 1 + below(longest));
    const first = below(PAGES + 10);
    if (!walkIsRight(first, first + below(1 + below(40)))) wrong += 1;
  }
  return wrong;
}

describe("link: the areas that show a page", () => {
  beforeEach(() => boot(1024));
  afterEach(() => {
    for (let at = 0; at < AREAS; at++) if (links[at]) dropArea(at);
    expect<usize>(load<usize>(slot)).toBe(0);
    expect<u32>(checkPools()).toBe(0);
  });

  test(seeded("I1, I2, I3: short areas, far apart"), () => {
    randomReset();
    expect<u32>(wrongWalks(3000, 3)).toBe(0);
  });

  test(seeded("I1, I2, I3: long areas, one over the other"), () => {
    randomReset();
    expect<u32>(wrongWalks(3000, 100)).toBe(0);
  });

  test("a page that an area ends before, begins at, ends with", () => {
    addArea(0, 10, 5);
    expect<bool>(linkFirst(load<usize>(slot), 9, 9) == 0).toBe(true);
    expect<usize>(linkFirst(load<usize>(slot), 10, 10)).toBe(links[0]);
    expect<usize>(linkFirst(load<usize>(slot), 14, 14)).toBe(links[0]);
    expect<bool>(linkFirst(load<usize>(slot), 15, 15) == 0).toBe(true);
  });

  test("areas that show the very same pages are all walked, each once", () => {
    for (let at = 0; at < 20; at++) addArea(at, 7, 2);
    let count = 0;
    const root = load<usize>(slot);
    for (let at = linkFirst(root, 8, 8); at; at = linkNext(at, 8, 8)) count += 1;
    expect<i32>(count).toBe(20);
  });

  test("an object that nobody shows has nothing to walk", () => {
    expect<usize>(linkFirst(0, 0, u64.MAX_VALUE)).toBe(0);
  });
});
