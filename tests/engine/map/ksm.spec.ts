// Do merged pages know their ptes, and do the checkers see what is broken on purpose?

import { MADV_MERGEABLE, PG, Status, VM_MERGEABLE } from "../../../assembly/abi";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameAddress } from "../../../assembly/frame/frame";
import { poolUsed } from "../../../assembly/frame/pool";
import { RmapInvariant } from "../../../assembly/map/check";
import { KsmInvariant } from "../../../assembly/map/check-ksm";
import {
  checksumOf,
  KsmItem,
  ksmAppend,
  ksmCount,
  ksmNode,
  ksmPool,
  ksmPrune,
} from "../../../assembly/map/ksm";
import { Mm } from "../../../assembly/map/mm";
import { W } from "../../../assembly/map/pte";
import { rmapFirst, rmapNext, walkAddress } from "../../../assembly/map/rmap";
import { pteSlot } from "../../../assembly/map/table";
import { madvise } from "../../../assembly/op/madvise";
import { pageMerge } from "../../../assembly/op/merge-page";
import { munmap } from "../../../assembly/op/munmap";
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
  pfnAt,
  space,
  touch,
} from "../op/world";
import { expectBroken } from "./broken";

let mm = changetype<Mm>(0);
let pfn: u32 = 0;

/** Ptes that the walk visits. */
function visits(): u32 {
  let count: u32 = 0;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) count++;
  return count;
}

//   pages   0 ── 3          3 ── 4
//           equal, merged   equal, not merged
describe("merged pages", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    assert(madvise(mm, page(0), 4 << 12, MADV_MERGEABLE) == 0, "advice");
    pfn = pfnAt(mm, 0);
    assert(pageMerge(pfnAt(mm, 1), pfn) == 0, "the first two");
    assert(pageMerge(pfnAt(mm, 2), pfn) == 0, "a third");
    expectSound();
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    expect<u32>(poolUsed(ksmPool)).toBe(0);
    expectEmpty();
  });

  test("the walk comes to each pte once, of a child too", () => {
    expect<u32>(pfnAt(mm, 2)).toBe(pfn);
    expect<u32>(visits()).toBe(3);
    expect<u32>(ksmCount(mm, page(0), page(4))).toBe(3);
    const child = forked(mm);
    expect<u32>(visits()).toBe(6);
    leave(child);
    expect<u32>(visits()).toBe(3);
  });

  test("an item that names nobody is passed over, and goes with the next that comes", () => {
    assert(munmap(mm, page(1), 1 << 12) == 0, "munmap");
    expect<u32>(visits()).toBe(2);
    expect<u32>(poolUsed(ksmPool)).toBe(4);
    assert(pageMerge(pfnAt(mm, 3), pfn) == 0, "another one");
    expect<u32>(poolUsed(ksmPool)).toBe(4);
    expect<u32>(visits()).toBe(3);
  });

  test("only two equal pages that may be merged", () => {
    expect<i32>(pageMerge(pfn, pfn)).toBe(Status.ENOENT);
    expect<i32>(pageMerge(pfn, pfnAt(mm, 3))).toBe(Status.ENOENT);
    expect<i32>(pageMerge(0, pfn)).toBe(Status.ENOENT);
    expect<i32>(pageMerge(pfnAt(mm, 3), 0)).toBe(Status.ENOENT);
    expect<i32>(pageMerge(pfnAt(mm, 3), u32.MAX_VALUE)).toBe(Status.ENOENT);
    store<u8>(frameAddress(pfnAt(mm, 3)), 1);
    expect<i32>(pageMerge(pfnAt(mm, 3), pfn)).toBe(Status.ENOENT);
  });

  test("equal bytes have one checksum, and it is never 0", () => {
    expect<u32>(checksumOf(pfnAt(mm, 3))).toBe(checksumOf(pfn));
    expect<bool>(checksumOf(pfn) != 0).toBe(true);
    store<u8>(frameAddress(pfnAt(mm, 3)) + 4095, 1);
    expect<bool>(checksumOf(pfnAt(mm, 3)) != checksumOf(pfn)).toBe(true);
  });

  test("X1: a merged page, its flag and its node without each other", () => {
    const node = ksmNode(pfn);
    flagClear(PG.ksm, pfn);
    expectBroken(KsmInvariant.Node);
    flagSet(PG.ksm, pfn);
    flagSet(PG.ksm, pfnAt(mm, 3));
    expectBroken(KsmInvariant.Node);
    flagClear(PG.ksm, pfnAt(mm, 3));
    node.count++;
    expectBroken(KsmInvariant.Node);
    node.count--;
    node.pfn = pfnAt(mm, 3);
    expectBroken(KsmInvariant.Node);
    node.pfn = 0;
    expectBroken(KsmInvariant.Node);
    node.pfn = pfn;
    node.checksum ^= 1;
    expectBroken(KsmInvariant.Node);
    node.checksum ^= 1;
  });

  test("X2: a pte of it that may be written, or whose area does not merge", () => {
    const slot = pteSlot(mm, page(1));
    store<u64>(slot, load<u64>(slot) | W);
    expectBroken(KsmInvariant.Pte);
    store<u64>(slot, load<u64>(slot) & ~W);
    area(mm, 0).flags &= ~VM_MERGEABLE;
    expectBroken(KsmInvariant.Pte);
    area(mm, 0).flags |= VM_MERGEABLE;
  });

  test("X3: a merged page whose bytes have changed", () => {
    const at = frameAddress(pfn) + 100;
    const byte = load<u8>(at);
    store<u8>(at, byte + 1);
    expectBroken(KsmInvariant.Bytes);
    store<u8>(at, byte);
  });

  test("R6: a pte of a merged page that no item names, or two", () => {
    const node = ksmNode(pfn);
    const first = changetype<KsmItem>(node.items);
    const address = first.address;
    first.address = page(3);
    expectBroken(RmapInvariant.Walk);
    first.address = address;
    ksmAppend(node, mm, page(1));
    expectBroken(RmapInvariant.Walk);
    ksmPrune(node, mm, page(1));
    expectBroken(RmapInvariant.Walk);
    ksmAppend(node, mm, page(1));
    rmapFirst(pfn);
    expect<u64>(walkAddress).toBe(page(1));
  });
});
