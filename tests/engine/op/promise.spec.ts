// What may be promised (vm.overcommit_memory 0): each promise alone is at most all memory, and what
// goes or moves is not promised anew.

import {
  MADV_DONTFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  Status,
} from "../../../assembly/abi";
import { Mm } from "../../../assembly/map/mm";
import { vmaFind } from "../../../assembly/map/vma-tree";
import { commitLimitSet } from "../../../assembly/op/commit-limit";
import { fork } from "../../../assembly/op/fork";
import { madvise } from "../../../assembly/op/madvise";
import { mmap } from "../../../assembly/op/mmap";
import { mremap } from "../../../assembly/op/mremap";
import {
  area,
  boot,
  countAll,
  expectEmpty,
  expectSound,
  forked,
  leave,
  mapAnon,
  page,
  READ_WRITE,
  space,
} from "./world";

const PAGE: u64 = 4096;
const PRIVATE: i32 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
const SHARED: i32 = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
const MOVE: i32 = MREMAP_MAYMOVE | MREMAP_FIXED;
/** The largest single promise, and one that two of them make. */
const LIMIT: u32 = 100;
const BOTH: u64 = 2 * <u64>LIMIT * PAGE;
/** Far from page 0. */
const AWAY: u32 = 4096;

let mm = changetype<Mm>(0);

/** Two promises that merge into an area larger than the limit. */
function mapBoth(): void {
  mapAnon(mm, 0, LIMIT);
  mapAnon(mm, LIMIT, 2 * LIMIT);
  expect<u64>(area(mm, 0).end).toBe(page(2 * LIMIT));
}

describe("promise: the commit limit", () => {
  beforeEach(() => {
    boot(1024);
    countAll();
    commitLimitSet(LIMIT);
    mm = space();
  });
  afterEach(() => {
    commitLimitSet(0);
    expectSound();
    leave(mm);
    expectEmpty();
  });

  test("private memory: ENOMEM past the limit, and what was there stays", () => {
    mapAnon(mm, 0, 4);
    const bytes = <u64>(LIMIT + 5) * PAGE;
    expect<i32>(mmap(mm, page(0), bytes, READ_WRITE, PRIVATE, 0, 0)).toBe(Status.ENOMEM);
    expect<u64>(area(mm, 0).end).toBe(page(4));
  });

  test("shared memory: ENOMEM past the limit, even unreadable; what was there goes", () => {
    const bytes = <u64>(LIMIT + 1) * PAGE;
    mapAnon(mm, 0, 4);
    expect<i32>(mmap(mm, page(0), bytes, PROT_NONE, SHARED, 0, 0)).toBe(Status.ENOMEM);
    expect<usize>(vmaFind(mm, 0)).toBe(0);
    const free = SHARED | MAP_NORESERVE;
    expect<i32>(mmap(mm, page(0), bytes, READ_WRITE, free, 0, 0)).toBe(0);
  });

  test("mmap over memory that was promised needs a promise for the rest only", () => {
    mapBoth();
    expect<i32>(mmap(mm, page(0), BOTH, READ_WRITE, PRIVATE, 0, 0)).toBe(0);
    const more = BOTH + <u64>(LIMIT + 1) * PAGE;
    expect<i32>(mmap(mm, page(0), more, READ_WRITE, PRIVATE, 0, 0)).toBe(Status.ENOMEM);
  });

  test("mremap needs a promise for what it adds", () => {
    mapBoth();
    expect<i32>(mremap(mm, page(0), BOTH, BOTH, MOVE, page(AWAY))).toBe(0);
    expect<i32>(mremap(mm, page(AWAY), BOTH, BOTH + PAGE, MOVE, page(0))).toBe(0);
    const more = BOTH + <u64>(LIMIT + 2) * PAGE;
    expect<i32>(mremap(mm, page(0), BOTH + PAGE, more, MOVE, page(AWAY))).toBe(Status.ENOMEM);
    expect<u64>(area(mm, 0).end).toBe(page(2 * LIMIT + 1));
  });

  test("fork: each area is a promise of its own, MADV_DONTFORK aside", () => {
    mapBoth();
    expect<i32>(fork(mm)).toBe(Status.ENOMEM);
    expect<i32>(madvise(mm, page(0), BOTH, MADV_DONTFORK)).toBe(0);
    leave(forked(mm));
  });

  test("mremap that leaves the old area needs a promise for all of the new one", () => {
    mapBoth();
    const stay = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
    expect<i32>(mremap(mm, page(0), BOTH, BOTH, stay, 0)).toBe(Status.ENOMEM);
  });

  test("mremap that moves and cuts off more than the limit: ENOMEM, cut off all the same", () => {
    mapBoth();
    expect<i32>(mremap(mm, page(0), BOTH, PAGE, MOVE, page(AWAY))).toBe(Status.ENOMEM);
    expect<u64>(area(mm, 0).end).toBe(page(1));
  });
});
