// As many areas as an mm may have: what still works there, and what says that it does not.

import {
  Access,
  MADV_RANDOM,
  MAP_ANONYMOUS,
  MAP_COUNT_MAX,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  PROT_READ,
  Status,
} from "../../../assembly/abi";
import { Mm } from "../../../assembly/map/mm";
import { vmaFind } from "../../../assembly/map/vma-tree";
import { commitLimitSet } from "../../../assembly/op/commit-limit";
import { access } from "../../../assembly/op/fault";
import { fork } from "../../../assembly/op/fork";
import { madvise } from "../../../assembly/op/madvise";
import { mlock } from "../../../assembly/op/mlock";
import { mmap } from "../../../assembly/op/mmap";
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
  READ_WRITE,
  space,
} from "./world";

const PAGE: u64 = 4096;
const FIXED: i32 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
/** Where the wide area is: six pages, the only one with a middle. */
const WIDE: u32 = 2 * MAP_COUNT_MAX + 10;

let mm = changetype<Mm>(0);

/** One page mapped, one not, and so on, until there are `count` areas; the last is the wide one. */
function fill(count: u32): void {
  mapEveryOther(mm, 0, count - 1);
  mapAnon(mm, WIDE, WIDE + 6);
}

describe("areas: at the limit", () => {
  beforeEach(() => {
    boot(4096);
    countAll();
    commitLimitSet(1 << 30);
    mm = space();
    fill(MAP_COUNT_MAX);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    expectEmpty();
  });

  test("V1, V2, V3, A1: all 65,530 are in list and tree, and each is found", () => {
    expectSound();
    let wrong: u32 = 0;
    for (let at: u32 = 0; at < MAP_COUNT_MAX - 1; at++) {
      if (vmaFind(mm, page(2 * at)) != changetype<usize>(area(mm, 2 * at))) wrong += 1;
    }
    expect<u32>(wrong).toBe(0);
    expect<u32>(mm.levels).toBe(4);
  });

  test("munmap of the middle of an area: ENOMEM, and nothing goes", () => {
    access(mm, page(WIDE + 2), Access.Write);
    expect<i32>(munmap(mm, page(WIDE + 2), PAGE)).toBe(Status.ENOMEM);
    expect<i32>(access(mm, page(WIDE + 2), Access.Read)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
  });

  test("munmap of an area's end, its beginning, or all of it still works", () => {
    expect<i32>(munmap(mm, page(WIDE + 5), PAGE)).toBe(0);
    expect<i32>(munmap(mm, page(WIDE), PAGE)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
    expect<i32>(munmap(mm, page(0), PAGE)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX - 1);
    expect<i32>(munmap(mm, page(WIDE + 2), PAGE)).toBe(0);
  });

  test("mmap adds one more, as Linux has it, and then no other", () => {
    expect<i32>(mmap(mm, page(WIDE + 20), PAGE, READ_WRITE, FIXED, 0, 0)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX + 1);
    expect<i32>(mmap(mm, page(WIDE + 30), PAGE, READ_WRITE, FIXED, 0, 0)).toBe(Status.ENOMEM);
    expect<i32>(mmap(mm, 0, PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0)).toBe(
      Status.ENOMEM,
    );
  });

  test("mmap over the middle of an area: ENOMEM, and the area is whole", () => {
    expect<i32>(mmap(mm, page(WIDE + 2), PAGE, PROT_READ, FIXED, 0, 0)).toBe(Status.ENOMEM);
    expect<u64>(area(mm, WIDE + 2).end).toBe(page(WIDE + 6));
  });

  test("mlock and madvise of a part: refused, and the area is whole", () => {
    expect<i32>(mlock(mm, page(WIDE + 2), PAGE, 0)).toBe(Status.ENOMEM);
    expect<i32>(madvise(mm, page(WIDE + 2), PAGE, MADV_RANDOM)).toBe(Status.EAGAIN);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
    expect<u64>(area(mm, WIDE).end).toBe(page(WIDE + 6));
  });

  test("mprotect, mlock and madvise of all of an area still work", () => {
    expect<i32>(mprotect(mm, page(WIDE), 6 * PAGE, PROT_READ)).toBe(0);
    expect<i32>(mlock(mm, page(WIDE), 6 * PAGE, 0)).toBe(0);
    expect<i32>(madvise(mm, page(WIDE), 6 * PAGE, MADV_RANDOM)).toBe(0);
    expect<u32>(mm.mapCount).toBe(MAP_COUNT_MAX);
  });

  test("mremap that would move: ENOMEM, as long as fewer than four areas are left", () => {
    const to = 100 * PAGE;
    expect<i32>(mremap(mm, page(2), PAGE, to, MREMAP_MAYMOVE, 0)).toBe(Status.ENOMEM);
    for (let at: u32 = 0; at < 3; at++) munmap(mm, page(10 + 2 * at), PAGE);
    expect<i32>(mremap(mm, page(2), PAGE, to, MREMAP_MAYMOVE, 0)).toBe(Status.ENOMEM);
    munmap(mm, page(16), PAGE);
    expect<i32>(mremap(mm, page(2), PAGE, to, MREMAP_MAYMOVE, 0)).toBe(0);
  });

  test("fork: the child's areas do not fit this memory, and it is not half made", () => {
    expect<i32>(fork(mm)).toBe(Status.ENOMEM);
  });
});
