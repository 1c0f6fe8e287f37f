// Huge pages: the pool and its promises, and each invariant of them broken on purpose.

import {
  Access,
  HUGE_BYTES,
  HUGE_FRAMES,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PG,
  ResultField,
  Rights,
  Status,
} from "../../../assembly/abi";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameOf } from "../../../assembly/frame/frame";
import {
  headOf,
  hugeAvailable,
  hugeFirst,
  hugeFree,
  hugePoolInit,
  hugePromise,
  hugePromised,
  hugeTotal,
  hugeUnpromise,
} from "../../../assembly/frame/huge";
import { TableInvariant } from "../../../assembly/map/check-table";
import { hugeGet, hugeMake, hugePfn, pteAt } from "../../../assembly/map/huge";
import { Mapping } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { E, H, P, ptePfn, W } from "../../../assembly/map/pte";
import { leafPfn, pteGet } from "../../../assembly/map/table";
import { Vma } from "../../../assembly/map/vma";
import { vmaLookup } from "../../../assembly/map/vma-tree";
import { resultGet } from "../../../assembly/mem/result";
import { exportAdd, exportRemove } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { machineCheck } from "../../../assembly/op/machine";
import { mmap } from "../../../assembly/op/mmap";
import { munmap } from "../../../assembly/op/munmap";
import { HugeInvariant } from "../../../assembly/plan/check-huge";
import { BASE, boot, forked, leave, READ_WRITE, space } from "./world";

const POOL: u32 = 4;
const HOLDER: u32 = 5;
const PRIVATE: i32 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
const SHARED: i32 = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB;

let mm = changetype<Mm>(0);

/** Address of huge page `index` from BASE. */
function huge(index: u32): u64 {
  return BASE + <u64>index * HUGE_BYTES;
}

function map(start: u32, end: u32, flags: i32): i32 {
  const bytes = <u64>(end - start) * HUGE_BYTES;
  return mmap(mm, huge(start), bytes, READ_WRITE, flags | MAP_FIXED, 0, 0);
}

function write(one: Mm, address: u64): i32 {
  return access(one, address, Access.Write);
}

/** The head of the huge page at `index`, written to. */
function written(index: u32): u32 {
  assert(write(mm, huge(index)) == 0, "write");
  return hugePfn(hugeGet(mm, huge(index)));
}

function expectBroken(invariant: u32): void {
  expect<u32>(machineCheck()).toBe(invariant);
}

describe("huge pages", () => {
  beforeAll(() => {
    boot(4096);
    assert(hugePoolInit(POOL) == 0, "no pool for the test");
  });

  beforeEach(() => {
    mm = space();
  });

  afterEach(() => {
    leave(mm);
    expect<u32>(machineCheck()).toBe(0);
    expect<u32>(hugeFree).toBe(POOL, "a huge page is left");
    expect<u32>(hugePromised).toBe(0, "a promise is left");
  });

  test("a second pool is refused, and one that memory has no room for is none", () => {
    expect<i32>(hugePoolInit(1)).toBe(Status.EBUSY);
    expect<u32>(hugeTotal).toBe(POOL);
  });

  test("a walk of four levels finds nothing where a huge page is", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    expect<u32>(leafPfn(mm, huge(0))).toBe(0);
    expect<u64>(pteGet(mm, huge(0) + 8192)).toBe(0);
    expect<u32>(ptePfn(pteAt(mm, huge(0) + 8192))).toBe(head + 2);
    expect<u64>(hugeGet(mm, huge(0)) & (P | W | H)).toBe(P | W | H);
  });

  test("an entry names the last huge page that the largest machine can have", () => {
    const head: u32 = 2024 * HUGE_FRAMES;
    expect<u32>(hugePfn(hugeMake(head, 0))).toBe(head);
    expect<u32>(ptePfn(hugeMake(head, 0))).toBe(0);
  });

  test("mmap promises, a fault uses the promise, munmap gives it back", () => {
    expect<i32>(map(0, 3, PRIVATE)).toBe(0);
    expect<u32>(hugePromised).toBe(3);
    expect<u32>(hugeAvailable()).toBe(1);
    written(1);
    expect<u32>(hugePromised).toBe(2);
    expect<u32>(hugeFree).toBe(3);
    expect<i32>(munmap(mm, huge(0), 2 * <u64>HUGE_BYTES)).toBe(0);
    expect<u32>(hugePromised).toBe(1);
    expect<u32>(hugeFree).toBe(POOL);
  });

  test("more than the pool can promise is ENOMEM; without a promise it is SIGBUS later", () => {
    expect<i32>(map(0, 5, PRIVATE)).toBe(Status.ENOMEM);
    expect<i32>(map(0, 5, SHARED)).toBe(Status.ENOMEM);
    expect<i32>(map(0, 5, PRIVATE | MAP_NORESERVE)).toBe(0);
    for (let i: u32 = 0; i < POOL; i++) written(i);
    expect<i32>(write(mm, huge(4))).toBe(Status.BUS_ADRERR);
  });

  test("nobody takes what is promised to others", () => {
    map(0, 4, SHARED);
    map(4, 5, PRIVATE | MAP_NORESERVE);
    expect<i32>(write(mm, huge(4))).toBe(Status.BUS_ADRERR);
    expect<i32>(write(mm, huge(3))).toBe(0);
  });

  test("shared pages stay in the file when they are unmapped in part", () => {
    map(0, 2, SHARED);
    const head = written(0);
    const child = forked(mm);
    expect<i32>(munmap(mm, huge(0), HUGE_BYTES)).toBe(0);
    expect<i32>(access(child, huge(0) + 4096, Access.Read)).toBe(0);
    expect<u32>(resultGet(ResultField.Pfn)).toBe(head + 1);
    leave(child);
  });

  test("a record of a part holds the whole page", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    const address = huge(0) + 12288;
    expect<i32>(exportAdd(HOLDER, mm, address, Rights.Read)).toBe(0);
    expect<u32>(resultGet(ResultField.Pfn)).toBe(head + 3);
    expect<u32>(frameOf(headOf(head + 3)).refcount).toBe(2);
    expect<u32>(machineCheck()).toBe(0);
    expect<i32>(exportRemove(HOLDER, mm.handle, address)).toBe(1);
    expect<u32>(frameOf(head).refcount).toBe(1);
  });

  test("the e bit stays while another part is held", () => {
    map(0, 1, PRIVATE);
    written(0);
    exportAdd(HOLDER, mm, huge(0), Rights.Read);
    exportAdd(HOLDER, mm, huge(0) + HUGE_BYTES - 4096, Rights.Read);
    exportRemove(HOLDER, mm.handle, huge(0));
    expect<u64>(hugeGet(mm, huge(0)) & E).toBe(E);
    expect<u32>(machineCheck()).toBe(0);
    exportRemove(HOLDER, mm.handle, huge(0) + HUGE_BYTES - 4096);
    expect<u64>(hugeGet(mm, huge(0)) & E).toBe(0);
  });

  test("G1: a tail that lost its flag, or has a count", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    flagClear(PG.tail, head + 7);
    expectBroken(HugeInvariant.Block);
    flagSet(PG.tail, head + 7);
    frameOf(head + 7).refcount = 1;
    expectBroken(HugeInvariant.Block);
    frameOf(head + 7).refcount = 0;
  });

  test("G2: a free huge page that the list has lost", () => {
    const free = frameOf(hugeFirst);
    const next = free.lruNext;
    free.lruNext = 0;
    expectBroken(HugeInvariant.FreeList);
    free.lruNext = next;
  });

  test("G3: a promise that nobody has", () => {
    map(0, 1, PRIVATE);
    hugePromise(1);
    expectBroken(HugeInvariant.Promise);
    hugeUnpromise(1);
  });

  test("G4: a huge page in an area of ordinary ones, or its frames without the flag", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    flagClear(PG.head, head);
    expectBroken(TableInvariant.HugeLeaf);
    flagSet(PG.head, head);
  });

  test("G6: a page is lent that nobody uses, or that is not counted", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    flagSet(PG.private_, head);
    expectBroken(HugeInvariant.Lent);
    flagClear(PG.private_, head);
    flagSet(PG.private_, hugeFirst);
    expectBroken(HugeInvariant.Lent);
    flagClear(PG.private_, hugeFirst);
  });

  test("G7: a file has a promise for a page that it has, or one that is not counted", () => {
    map(0, 2, SHARED);
    written(0);
    const file = changetype<Mapping>(changetype<Vma>(vmaLookup(mm, huge(0))).mapping);
    store<u32>(file.promises, 1);
    expectBroken(HugeInvariant.FilePromise);
    store<u32>(file.promises, 3);
    expectBroken(HugeInvariant.FilePromise);
    store<u32>(file.promises, 2);
  });

  test("G5: a reference that nobody holds", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    frameOf(head).refcount++;
    expectBroken(HugeInvariant.RefCount);
    frameOf(head).refcount--;
  });

  test("G6: a page that is marked as lent, and was not", () => {
    map(0, 1, PRIVATE);
    const head = written(0);
    flagSet(PG.private_, head);
    expectBroken(HugeInvariant.Lent);
    flagClear(PG.private_, head);
  });
});
