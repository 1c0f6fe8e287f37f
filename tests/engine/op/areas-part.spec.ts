// A part of an area gets other attributes near the limit of areas: a merge takes no area, and the
// first of two splits stays where the second does not fit.

import {
  MAP_COUNT_MAX,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  Status,
} from "../../../assembly/abi";
import { Mm } from "../../../assembly/map/mm";
import { commitLimitSet } from "../../../assembly/op/commit-limit";
import { mlock } from "../../../assembly/op/mlock";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import {
  area,
  boot,
  countAll,
  expectEmpty,
  expectSound,
  leave,
  mapAnon,
  mapEveryOther,
  page,
  space,
} from "./world";

const PAGE: u64 = 4096;
/** Where the wide area of eight pages is, and where the others begin. */
const WIDE: u32 = 0;
const OTHERS: u32 = 100;

let mm = changetype<Mm>(0);

/** One page mapped, one not, and so on, until there are `count` areas with the wide one. */
function fill(count: u32): void {
  mapEveryOther(mm, OTHERS, count - 1);
  mapAnon(mm, WIDE, WIDE + 8);
}

function expectWide(end: u32): void {
  expect<u64>(area(mm, WIDE).end).toBe(page(end));
}

describe("areas-part", () => {
  beforeEach(() => {
    boot(4096);
    countAll();
    commitLimitSet(1 << 30);
    mm = space();
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    expectEmpty();
  });

  test("mprotect of a part at the limit: ENOMEM, and the area is whole", () => {
    fill(MAP_COUNT_MAX);
    expect<i32>(mprotect(mm, page(WIDE + 2), PAGE, PROT_READ)).toBe(Status.ENOMEM);
    expect<i32>(mprotect(mm, page(WIDE), PAGE, PROT_READ)).toBe(Status.ENOMEM);
    expectWide(WIDE + 8);
  });

  test("mprotect of the middle with room for one: ENOMEM, and the first split stays", () => {
    fill(MAP_COUNT_MAX - 1);
    expect<i32>(mprotect(mm, page(WIDE + 2), PAGE, PROT_READ)).toBe(Status.ENOMEM);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
    expectWide(WIDE + 2);
    expect<u32>(area(mm, WIDE + 2).flags).toBe(area(mm, WIDE).flags);
  });

  test("mlock of the middle with room for one: the same", () => {
    fill(MAP_COUNT_MAX - 1);
    expect<i32>(mlock(mm, page(WIDE + 2), PAGE, 0)).toBe(Status.ENOMEM);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
    expectWide(WIDE + 2);
  });

  test("a part that joins its neighbour works at the limit", () => {
    fill(MAP_COUNT_MAX - 1);
    expect<i32>(mprotect(mm, page(WIDE), 2 * PAGE, PROT_READ)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
    expect<i32>(mprotect(mm, page(WIDE + 2), 2 * PAGE, PROT_READ)).toBe(0);
    expectWide(WIDE + 4);
    expect<i32>(mlock(mm, page(WIDE), 4 * PAGE, 0)).toBe(0);
    mprotect(mm, page(WIDE), 8 * PAGE, PROT_READ);
    expect<i32>(mlock(mm, page(WIDE + 4), PAGE, 0)).toBe(0);
    expectWide(WIDE + 5);
  });

  test("mremap that shrinks the middle away at the limit: ENOMEM, and the area is whole", () => {
    fill(MAP_COUNT_MAX);
    expect<i32>(mremap(mm, page(WIDE), 4 * PAGE, 2 * PAGE, 0, 0)).toBe(Status.ENOMEM);
    expectWide(WIDE + 8);
    expect<i32>(mremap(mm, page(WIDE), 8 * PAGE, 2 * PAGE, 0, 0)).toBe(0);
    expectWide(WIDE + 2);
  });

  test("mremap to a place needs five areas, before it looks at anything", () => {
    const to = page(WIDE + 40);
    fill(MAP_COUNT_MAX - 5);
    const move = MREMAP_MAYMOVE | MREMAP_FIXED;
    expect<i32>(mremap(mm, page(20), PAGE, PAGE, move, to)).toBe(Status.ENOMEM);
    expect<i32>(mremap(mm, page(WIDE), PAGE, PAGE, move, to)).toBe(Status.ENOMEM);
    munmap(mm, page(OTHERS), PAGE);
    expect<i32>(mremap(mm, page(WIDE), PAGE, PAGE, move, to)).toBe(0);
  });
});
