// The page cache of a file: near and far pages, few of them and many, and none when memory lacks.

import { FileKind, PG } from "../../../assembly/abi";
import {
  frameAllocZeroed,
  frameFree,
  framesReserve,
  framesReserved,
  framesUnreserve,
  freeFrames,
} from "../../../assembly/frame/buddy";
import { flagTest } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { poolAlloc, poolFree, poolUsed } from "../../../assembly/frame/pool";
import {
  cacheFill,
  cacheGet,
  fileRangeFits,
  Mapping,
  mappingCreate,
  mappingGet,
  mappingPages,
  mappingPut,
  nodePool,
} from "../../../assembly/map/mapping";
import { boot, countAll, expectEmpty, expectSound } from "../op/world";
import { below, randomReset, seeded } from "../random";

/** One more than the last page that a cache reaches. */
const REACH: u64 = 1 << 36;

let mapping = changetype<Mapping>(0);

function begin(): void {
  boot(4096);
  countAll();
  mapping = changetype<Mapping>(mappingCreate(FileKind.Memory, REACH << 12));
}

function finish(): void {
  expectSound();
  mappingPut(mapping);
  expect<u32>(poolUsed(nodePool)).toBe(0);
  expectEmpty();
}

describe("mapping: the page cache", () => {
  beforeEach(begin);
  afterEach(finish);

  test("a page that was never read is not there", () => {
    expect<u32>(cacheGet(mapping, 0)).toBe(0);
    expect<u32>(cacheGet(mapping, REACH - 1)).toBe(0);
    expect<u32>(cacheGet(mapping, u64.MAX_VALUE)).toBe(0);
  });

  test("C1, C2: a page is read as zeros, counted, and found again", () => {
    const pfn = cacheFill(mapping, 5);
    expect<u32>(cacheFill(mapping, 5)).toBe(pfn);
    expect<u32>(cacheGet(mapping, 5)).toBe(pfn);
    expect<u32>(cacheGet(mapping, 4)).toBe(0);
    expect<u32>(mapping.pages).toBe(1);
    expect<u32>(frameOf(pfn).refcount).toBe(1);
    expect<u64>(frameOf(pfn).index).toBe(5);
    expect<bool>(flagTest(PG.uptodate, pfn)).toBe(true);
    for (let at: usize = 0; at < 4096; at += 8) {
      expect<u64>(load<u64>(frameAddress(pfn) + at)).toBe(0);
    }
  });

  test("what lives in memory is swap-backed, what lives on a disk is not", () => {
    expect<bool>(flagTest(PG.swapbacked, cacheFill(mapping, 0))).toBe(true);
    const disk = changetype<Mapping>(mappingCreate(FileKind.Disk, 4096));
    expect<bool>(flagTest(PG.swapbacked, cacheFill(disk, 0))).toBe(false);
    mappingPut(disk);
  });

  test("C2: the tree is as high as its highest page needs, and pages below stay found", () => {
    const first = cacheFill(mapping, 0);
    expect<u32>(poolUsed(nodePool)).toBe(1);
    const last = cacheFill(mapping, REACH - 1);
    expect<u32>(poolUsed(nodePool)).toBe(11);
    expect<u32>(cacheGet(mapping, 0)).toBe(first);
    expect<u32>(cacheGet(mapping, REACH - 1)).toBe(last);
    expect<u32>(cacheGet(mapping, REACH / 2)).toBe(0);
    expectSound();
  });

  test("a page beyond the reach is refused, and leaves nothing", () => {
    const free = freeFrames();
    expect<u32>(cacheFill(mapping, REACH)).toBe(0);
    expect<u32>(cacheFill(mapping, u64.MAX_VALUE)).toBe(0);
    expect<u32>(poolUsed(nodePool)).toBe(0);
    expect<u32>(freeFrames()).toBe(free);
  });

  test("no frame for the page: nothing is left of the attempt", () => {
    framesReserve(freeFrames());
    expect<u32>(cacheFill(mapping, 3)).toBe(0);
    framesUnreserve(framesReserved());
    expect<u32>(mapping.pages).toBe(0);
    expect<u32>(poolUsed(nodePool)).toBe(0);
    expect<u32>(mapping.height).toBe(0);
  });

  test("C2: no record for a node, first or in the middle: what was made on the way goes", () => {
    for (let nodes: u32 = 0; nodes < 6; nodes++) {
      const free = freeFrames();
      const used = poolUsed(nodePool);
      expect<bool>(failsWith(nodes)).toBe(true);
      expect<u32>(poolUsed(nodePool)).toBe(used);
      expect<u32>(freeFrames()).toBe(free);
      expectSound();
    }
    expect<u32>(cacheFill(mapping, REACH - 1)).not.toBe(0);
  });

  test("C2: no record for a node of a file that has pages: it is as it was", () => {
    const first = cacheFill(mapping, 1);
    for (let nodes: u32 = 0; nodes < 10; nodes++) {
      expect<bool>(failsWith(nodes)).toBe(true);
      expect<u32>(cacheGet(mapping, 1)).toBe(first);
      expect<u32>(mapping.pages).toBe(1);
      expect<u32>(mapping.height).toBe(1);
      expect<u32>(poolUsed(nodePool)).toBe(1);
      expectSound();
    }
    expect<u32>(cacheFill(mapping, REACH - 1)).not.toBe(0);
  });

  test("C3: the last reference takes the cache with it, the one before does not", () => {
    cacheFill(mapping, 0);
    cacheFill(mapping, 100000);
    mappingGet(mapping);
    mappingPut(mapping);
    expect<u32>(mapping.pages).toBe(2);
    expect<u32>(mapping.refs).toBe(1);
  });

  test("a size in bytes covers its last page, however little of it", () => {
    mapping.size = 0;
    expect<u64>(mappingPages(mapping)).toBe(0);
    mapping.size = 1;
    expect<u64>(mappingPages(mapping)).toBe(1);
    mapping.size = 4096;
    expect<u64>(mappingPages(mapping)).toBe(1);
    mapping.size = 4097;
    expect<u64>(mappingPages(mapping)).toBe(2);
  });

  test("a range that ends beyond 63 bits of offset does not fit", () => {
    const limit: u64 = 1 << 51;
    expect<i32>(fileRangeFits(limit - 1, 1)).toBe(0);
    expect<bool>(fileRangeFits(limit - 1, 2) < 0).toBe(true);
    expect<bool>(fileRangeFits(u64.MAX_VALUE, 1) < 0).toBe(true);
  });
});

/** Takes all frames but one for a page and all nodes but `left`, then asks for the last page. */
function failsWith(left: u32): bool {
  let kept: usize = 0;
  for (let i: u32 = 0; i < left + 64; i++) kept = hold(kept);
  const page = frameAllocZeroed();
  framesReserve(freeFrames());
  while (true) {
    const node = poolAlloc(nodePool);
    if (!node) break;
    store<usize>(node, kept);
    kept = node;
  }
  for (let i: u32 = 0; i < left; i++) kept = unhold(kept);
  framesUnreserve(framesReserved());
  frameFree(page, 0);
  framesReserve(freeFrames() - 1);
  const failed = cacheFill(mapping, REACH - 1) == 0;
  framesUnreserve(framesReserved());
  while (kept) kept = unhold(kept);
  return failed;
}

/** One more node out of the pool, in a list through its first word. */
function hold(list: usize): usize {
  const node = poolAlloc(nodePool);
  store<usize>(node, list);
  return node;
}

function unhold(list: usize): usize {
  const next = load<usize>(list);
  poolFree(nodePool, list);
  return next;
}

const PAGES: i32 = 1000;
const indices = new StaticArray<u64>(PAGES);
const frames = new StaticArray<u32>(PAGES);

function isKnown(index: u64, count: i32): bool {
  for (let at = 0; at < count; at++) if (indices[at] == index) return true;
  return false;
}

/** A page somewhere: near the beginning, or at any power of two's distance. */
function somewhere(): u64 {
  const bits = below(37);
  const high = ((<u64>below(1 << 16)) << 20) | below(1 << 20);
  return bits == 0 ? 0 : high & (((<u64>1) << bits) - 1);
}

describe("mapping: against a list of pages", () => {
  beforeEach(begin);
  afterEach(finish);

  test(seeded("C1, C2: sparse pages are found, and no others"), () => {
    randomReset();
    let wrong = 0;
    for (let at = 0; at < PAGES; at++) {
      let index = somewhere();
      while (isKnown(index, at)) index = somewhere();
      if (cacheGet(mapping, index) != 0) wrong += 1;
      indices[at] = index;
      frames[at] = cacheFill(mapping, index);
      if (!frames[at]) wrong += 1;
    }
    for (let at = 0; at < PAGES; at++) {
      if (cacheGet(mapping, indices[at]) != frames[at]) wrong += 1;
    }
    expect<i32>(wrong).toBe(0);
    expect<u32>(mapping.pages).toBe(PAGES);
  });
});
