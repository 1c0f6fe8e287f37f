// Does a page of shared memory leave the cache for a slot, and come back to it, and do the checkers
// see what is broken on purpose?

import {
  Access,
  FileKind,
  FilePage,
  MADV_PAGEOUT,
  PG,
  ResultField,
  Status,
} from "../../../assembly/abi";
import { flagTest } from "../../../assembly/frame/flags";
import { cacheSlot, swappedFirst } from "../../../assembly/map/cache-swap";
import { ObjectInvariant } from "../../../assembly/map/check-object";
import { SwapInvariant } from "../../../assembly/map/check-swap";
import { cacheGet, cachePlace, IN_SWAP, Mapping } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { slotDup, slotFrame, slotPut, swapOn, swapUsed } from "../../../assembly/map/swap";
import { pteGet } from "../../../assembly/map/table";
import { resultGet } from "../../../assembly/mem/result";
import { access } from "../../../assembly/op/fault";
import { filePage } from "../../../assembly/op/file";
import { machineCheck } from "../../../assembly/op/machine";
import { madvise } from "../../../assembly/op/madvise";
import { swapFilled, swapNext, swapWritten } from "../../../assembly/op/swap-in";
import { boot, closeFile, expectSound, file, leave, mapFile, page, space, touch } from "./world";

let mm: Mm = changetype<Mm>(0);
let mapping: Mapping = changetype<Mapping>(0);

/** Everything that is on its way out is there. */
function hostWrites(): void {
  while (swapNext(1)) {
    assert(swapWritten(resultGet(ResultField.Count), false) == 0, "a slot that is written");
  }
}

/** The slot of page `index` of the file. */
function slotOf(index: u64): u32 {
  return cacheSlot(mapping, index) - 1;
}

describe("shared memory in swap", () => {
  beforeAll(() => {
    boot(300);
    assert(swapOn(8) == 0, "no swap for the test");
  });

  beforeEach(() => {
    mm = space();
    const made = file(100);
    mapping = changetype<Mapping>(made);
    mapFile(mm, 0, 4, made, 0);
    touch(mm, 0, 4);
    madvise(mm, page(0), 2 << 12, MADV_PAGEOUT);
    expectSound();
  });

  afterEach(() => {
    leave(mm);
    closeFile(changetype<usize>(mapping));
    hostWrites();
    expect<u32>(swapUsed).toBe(0);
    expect<usize>(swappedFirst).toBe(0);
    expectSound();
  });

  test("no pte is left, the cache names the slot, and no page counts as cached", () => {
    expect<u64>(pteGet(mm, page(0))).toBe(0);
    expect<u32>(cacheGet(mapping, 0)).toBe(0);
    expect<u32>(mapping.pages).toBe(2);
    expect<u32>(mapping.swapped).toBe(2);
    expect<u32>(swapUsed).toBe(2);
  });

  test("wanted while it is written it is in both caches, and in one afterwards", () => {
    const slot = slotOf(0);
    expect<i32>(access(mm, page(0), Access.Write)).toBe(0);
    const pfn = cacheGet(mapping, 0);
    expect<bool>(flagTest(PG.swapcache, pfn)).toBe(true);
    expect<u32>(slotFrame(slot)).toBe(pfn);
    expectSound();
    hostWrites();
    expect<bool>(flagTest(PG.swapcache, pfn)).toBe(false);
    expect<bool>(flagTest(PG.dirty, pfn)).toBe(true);
    expect<u32>(swapUsed).toBe(1);
  });

  test("whoever asks for it waits for one read; a look finds it then", () => {
    hostWrites();
    expect<i32>(filePage(mapping, 1, FilePage.Look)).toBe(Status.NEED_IO);
    expect<i32>(access(mm, page(1), Access.Read)).toBe(Status.NEED_IO);
    expect<u32>(resultGet(ResultField.Mapping)).toBe(0);
    expect<i32>(swapFilled(resultGet(ResultField.Count), false)).toBe(0);
    expect<i32>(filePage(mapping, 1, FilePage.Look)).toBe(0);
    // Its neighbour was read ahead.
    expect<i32>(swapFilled(slotOf(0), false)).toBe(0);
  });

  test("C4: a file that counts other pages in swap than it has, or is not in the list", () => {
    mapping.swapped += 1;
    expect<u32>(machineCheck()).toBe(ObjectInvariant.CacheSwapped);
    mapping.swapped -= 1;
    mapping.swapPrev = changetype<usize>(mapping);
    expect<u32>(machineCheck()).toBe(ObjectInvariant.CacheSwapped);
    mapping.swapPrev = 0;
    const kind = mapping.kind;
    mapping.kind = FileKind.Disk;
    expect<u32>(machineCheck()).toBe(ObjectInvariant.CacheSwapped);
    mapping.kind = kind;
  });

  test("W1: a slot counts a page of a file that is not there, or the file names another", () => {
    const slot = slotOf(0);
    slotDup(slot);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Count);
    slotPut(slot);
    store<u32>(cachePlace(mapping, 0), slotOf(1) | IN_SWAP);
    expect<u32>(machineCheck()).toBe(SwapInvariant.Count);
    store<u32>(cachePlace(mapping, 0), slot | IN_SWAP);
  });
});
