// Where a mapping goes: below what is there, around guard gaps and brackets, aligned where it pays.

import {
  FileKind,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  Status,
} from "../../../assembly/abi";
import { mappingCreate } from "../../../assembly/map/mapping";
import { Mm, mmCreate, mmOf } from "../../../assembly/map/mm";
import { startGap, Vma } from "../../../assembly/map/vma";
import { ticketAbort } from "../../../assembly/op/commit";
import { mmWatch } from "../../../assembly/op/export";
import { mmap } from "../../../assembly/op/mmap";
import { munmap } from "../../../assembly/op/munmap";
import { NOWHERE, placementFailed, placementFind } from "../../../assembly/plan/placement";
import { ticketOf } from "../../../assembly/plan/ticket";
import { boot, closeFile, countAll, expectEmpty, leave, READ_WRITE, space, TOP } from "../op/world";
import { below, randomReset, seeded } from "../random";

const PAGE: u64 = 4096;
const MIB2: u64 = 1 << 21;
/** Pages that stay free below a stack. */
const GUARD: u64 = 256 << 12;
const USER: u64 = 0x7ffffffff000;
const A_THIRD: u64 = 0x2aaaaaaaa000;
const LOW: u64 = 0x40000000;
const LOW_END: u64 = 0x80000000;

let mm = changetype<Mm>(0);

/** Private anonymous memory of `length` bytes at `at`. */
function put(at: u64, length: u64, more: i32 = 0): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | more;
  assert(mmap(mm, at, length, READ_WRITE, flags, 0, 0) == 0, "mmap");
}

function find(hint: u64, length: u64, more: i32 = 0): u64 {
  return placementFind(mm, hint, length, 0, 0, MAP_PRIVATE | MAP_ANONYMOUS | more);
}

function findStatus(hint: u64, length: u64, more: i32): i32 {
  const at = find(hint, length, more);
  return placementFailed(at) ? <i32>at : 0;
}

/** Plans to take [start, end) away; the mm is watched, so that it waits. */
function freeze(start: u64, end: u64): u32 {
  const handle = munmap(mm, start, end - start);
  assert(handle > 0, "the range is told about");
  return <u32>handle;
}

function thaw(handle: u32): void {
  const ticket = ticketOf(handle);
  if (ticket) ticketAbort(ticket);
}

function begin(): void {
  boot(2048);
  countAll();
  mm = space();
}

function finish(): void {
  leave(mm);
  expectEmpty();
}

describe("placement: top down", () => {
  beforeEach(begin);
  afterEach(finish);

  test("the first mapping ends at mmap_base, the next ends where it begins", () => {
    expect<u64>(find(0, PAGE)).toBe(TOP - PAGE);
    put(TOP - PAGE, PAGE);
    expect<u64>(find(0, 3 * PAGE)).toBe(TOP - 4 * PAGE);
  });

  test("the highest gap that is long enough is taken, at its upper end", () => {
    put(TOP - PAGE, PAGE);
    put(TOP - 4 * PAGE, PAGE);
    put(TOP - 9 * PAGE, PAGE);
    expect<u64>(find(0, PAGE)).toBe(TOP - 2 * PAGE);
    expect<u64>(find(0, 2 * PAGE)).toBe(TOP - 3 * PAGE);
    expect<u64>(find(0, 3 * PAGE)).toBe(TOP - 7 * PAGE);
    expect<u64>(find(0, 5 * PAGE)).toBe(TOP - 14 * PAGE);
  });

  test("what lies above mmap_base does not matter", () => {
    put(TOP + PAGE, PAGE);
    expect<u64>(find(0, PAGE)).toBe(TOP - PAGE);
  });

  test("below a stack its guard gap stays free", () => {
    put(TOP - 8 * PAGE, 8 * PAGE, MAP_GROWSDOWN);
    expect<u64>(find(0, PAGE)).toBe(TOP - 8 * PAGE - GUARD - PAGE);
  });

  test("a gap that a guard fills is no gap", () => {
    put(TOP - PAGE, PAGE, MAP_GROWSDOWN);
    put(TOP - 2 * PAGE - GUARD, PAGE);
    expect<u64>(find(0, PAGE)).toBe(TOP - 3 * PAGE - GUARD);
  });

  test("no room below mmap_base: bottom up from a third of user space", () => {
    const handle = mmCreate(0x20000, 0);
    const small = changetype<Mm>(changetype<usize>(mmOf(<u32>handle)));
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    expect<u64>(placementFind(small, 0, 0x100000, 0, 0, flags)).toBe(A_THIRD);
    expect<u64>(placementFind(small, 0, 0x10000, 0, 0, flags)).toBe(0x10000);
    leave(small);
  });

  test("more than user space has: ENOMEM", () => {
    expect<i32>(findStatus(0, USER + PAGE, 0)).toBe(Status.ENOMEM);
    expect<i32>(findStatus(0, USER, 0)).toBe(Status.ENOMEM);
  });
});

describe("placement: what the caller wants", () => {
  beforeEach(begin);
  afterEach(finish);

  test("a hint that is free is taken, down to its page", () => {
    expect<u64>(find(0x123456789, PAGE)).toBe(0x123456000);
  });

  test("a hint that is taken, or only partly free, is ignored", () => {
    put(0x200000000, PAGE);
    expect<u64>(find(0x200000000, PAGE)).toBe(TOP - PAGE);
    expect<u64>(find(0x200000000 - PAGE, 2 * PAGE)).toBe(TOP - 2 * PAGE);
    expect<u64>(find(0x200000000 - PAGE, PAGE)).toBe(0x200000000 - PAGE);
  });

  test("a hint in the guard gap of a stack is ignored, the one right below it is not", () => {
    put(0x200000000, PAGE, MAP_GROWSDOWN);
    const edge = 0x200000000 - GUARD;
    expect<u64>(find(edge, PAGE)).toBe(TOP - PAGE);
    expect<u64>(find(edge - PAGE, PAGE)).toBe(edge - PAGE);
  });

  test("a hint whose end leaves user space is ignored", () => {
    expect<u64>(find(USER - PAGE, PAGE)).toBe(USER - PAGE);
    expect<u64>(find(USER - PAGE, 2 * PAGE)).toBe(TOP - 2 * PAGE);
    expect<u64>(find(u64.MAX_VALUE, PAGE)).toBe(TOP - PAGE);
  });

  test("FIXED is taken as it is: not aligned is EINVAL, out of user space ENOMEM", () => {
    put(0x200000000, PAGE);
    expect<u64>(find(0x200000000, PAGE, MAP_FIXED)).toBe(0x200000000);
    expect<i32>(findStatus(0x200000001, PAGE, MAP_FIXED)).toBe(Status.EINVAL);
    expect<i32>(findStatus(USER, PAGE, MAP_FIXED)).toBe(Status.ENOMEM);
  });

  test("32BIT goes bottom up, between 1 and 2 GiB", () => {
    expect<u64>(find(0, PAGE, MAP_32BIT)).toBe(LOW);
    put(LOW, 3 * PAGE);
    expect<u64>(find(0, PAGE, MAP_32BIT)).toBe(LOW + 3 * PAGE);
    expect<u64>(find(0x10000, PAGE, MAP_32BIT)).toBe(0x10000);
    expect<u64>(find(LOW_END, PAGE, MAP_32BIT)).toBe(LOW + 3 * PAGE);
    expect<i32>(findStatus(0, LOW + PAGE, MAP_32BIT)).toBe(Status.ENOMEM);
  });

  test("32BIT keeps the guard gap of a stack above", () => {
    put(LOW + GUARD + PAGE, PAGE, MAP_GROWSDOWN);
    expect<u64>(find(0, PAGE, MAP_32BIT)).toBe(LOW);
    expect<u64>(find(0, 2 * PAGE, MAP_32BIT)).toBe(LOW + GUARD + 2 * PAGE);
  });
});

describe("placement: aligned to 2 MiB", () => {
  beforeEach(begin);
  afterEach(finish);

  test("anonymous memory of whole 2 MiB is, other is not", () => {
    expect<u64>(find(0, MIB2)).toBe((TOP - MIB2) & ~(MIB2 - 1));
    expect<u64>(find(0, 3 * MIB2)).toBe((TOP - 3 * MIB2) & ~(MIB2 - 1));
    expect<u64>(find(0, MIB2 + PAGE)).toBe(TOP - MIB2 - PAGE);
    expect<u64>(find(0, MIB2 - PAGE)).toBe(TOP - MIB2 + PAGE);
  });

  test("shared anonymous memory is not", () => {
    const at = placementFind(mm, 0, MIB2, 0, 0, MAP_SHARED | MAP_ANONYMOUS);
    expect<u64>(at).toBe(TOP - MIB2);
  });

  test("a file on a disk is aligned as its offset is, one in memory is not", () => {
    const disk = mappingCreate(FileKind.Disk, 16 << 20);
    const memory = mappingCreate(FileKind.Memory, 16 << 20);
    for (let offset: u64 = 0; offset < MIB2; offset += 37 * PAGE) {
      const at = placementFind(mm, 0, 2 * MIB2, disk, offset, MAP_SHARED);
      expect<u64>(at & (MIB2 - 1)).toBe(offset);
      expect<bool>(at + 2 * MIB2 <= TOP).toBe(true);
    }
    expect<u64>(placementFind(mm, 0, 2 * MIB2, memory, PAGE, MAP_SHARED)).toBe(TOP - 2 * MIB2);
    closeFile(disk);
    closeFile(memory);
  });

  test("a part of a file that has no aligned 2 MiB in it is placed plainly", () => {
    const disk = mappingCreate(FileKind.Disk, 16 << 20);
    const at = placementFind(mm, 0, MIB2, disk, PAGE, MAP_SHARED);
    expect<u64>(at).toBe(TOP - MIB2);
    closeFile(disk);
  });
});

describe("placement: around open brackets", () => {
  beforeEach(begin);
  afterEach(finish);

  test("top down: what a bracket freezes is no gap until it ends", () => {
    put(TOP - PAGE, PAGE);
    mmWatch(mm, 1);
    const ticket = freeze(TOP - 8 * PAGE, TOP);
    expect<u64>(find(0, PAGE)).toBe(TOP - 9 * PAGE);
    thaw(ticket);
    expect<u64>(find(0, PAGE)).toBe(TOP - 2 * PAGE);
    mmWatch(mm, -1);
  });

  test("bottom up: the same", () => {
    put(LOW + 2 * PAGE, PAGE);
    mmWatch(mm, 1);
    const ticket = freeze(LOW + PAGE, LOW + 5 * PAGE);
    expect<u64>(find(0, PAGE, MAP_32BIT)).toBe(LOW);
    expect<u64>(find(0, 2 * PAGE, MAP_32BIT)).toBe(LOW + 5 * PAGE);
    thaw(ticket);
    expect<u64>(find(0, 2 * PAGE, MAP_32BIT)).toBe(LOW);
    mmWatch(mm, -1);
  });

  test("a hint in a frozen range is ignored", () => {
    put(0x200000000, PAGE);
    mmWatch(mm, 1);
    const ticket = freeze(0x200000000, 0x200000000 + 4 * PAGE);
    expect<u64>(find(0x200000000 + 2 * PAGE, PAGE)).toBe(TOP - PAGE);
    thaw(ticket);
    expect<u64>(find(0x200000000 + 2 * PAGE, PAGE)).toBe(0x200000000 + 2 * PAGE);
    mmWatch(mm, -1);
  });

  test("two brackets with a page between them leave that page", () => {
    put(TOP - PAGE, PAGE);
    put(TOP - 6 * PAGE, PAGE);
    mmWatch(mm, 1);
    const high = freeze(TOP - 3 * PAGE, TOP);
    const low = freeze(TOP - 8 * PAGE, TOP - 4 * PAGE);
    expect<u64>(find(0, PAGE)).toBe(TOP - 4 * PAGE);
    expect<u64>(find(0, 2 * PAGE)).toBe(TOP - 10 * PAGE);
    thaw(high);
    thaw(low);
    mmWatch(mm, -1);
  });
});

/** Looks through all areas from the top; only the one right above a gap has a guard in it. */
function slowFind(length: u64): u64 {
  let high = TOP;
  for (let at = mm.last; at; at = changetype<Vma>(at).prev) {
    const vma = changetype<Vma>(at);
    if (high > vma.end && high - vma.end >= length) return high - length;
    high = min(TOP, startGap(vma));
  }
  return high >= length + PAGE ? high - length : NOWHERE;
}

/** Maps or unmaps something in the 64 MiB below TOP. */
function randomStep(): void {
  const at = TOP - ((<u64>(1 + below(16384))) << 12);
  const length = min((<u64>(1 + below(40))) << 12, TOP - at);
  if (below(3) == 0) munmap(mm, at, length);
  else put(at, length, below(8) == 0 ? MAP_GROWSDOWN : 0);
}

describe("placement: against a search through all areas", () => {
  beforeEach(begin);
  afterEach(finish);

  test(seeded("V3: both find the same gap, of any length"), () => {
    randomReset();
    let wrong: u32 = 0;
    for (let step = 0; step < 600; step++) {
      randomStep();
      for (let look = 0; look < 4; look++) {
        const length = (<u64>(1 + below(500))) << 12;
        if (find(0, length) != slowFind(length)) wrong += 1;
      }
    }
    expect<u32>(wrong).toBe(0);
  });
});
