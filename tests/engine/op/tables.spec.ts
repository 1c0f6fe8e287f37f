// What operations do to page tables: they come and go with the pages below them.

import {
  Access,
  MADV_DONTNEED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
} from "../../../assembly/abi";
import { Mm } from "../../../assembly/map/mm";
import { pteGet } from "../../../assembly/map/table";
import { access } from "../../../assembly/op/fault";
import { madvise } from "../../../assembly/op/madvise";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import {
  BASE,
  boot,
  countAll,
  expectEmpty,
  expectSound,
  forked,
  leave,
  mapAnon,
  page,
  read,
  space,
  touch,
} from "./world";

const PAGE: u64 = 4096;
/** Tables of an mm with one leaf: the top one, two between, the leaf. */
const ONE_LEAF: u32 = 4;

let mm = changetype<Mm>(0);

//   pages   500 ───────── 524
//           leaf 0 ends at 512
describe("tables: with one leaf and its neighbour", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    mapAnon(mm, 500, 524);
    touch(mm, 508, 516);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 1);
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    expectEmpty();
  });

  test("T6: munmap frees a leaf when its last page goes, and not before", () => {
    munmap(mm, page(508), 3 * PAGE);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 1);
    munmap(mm, page(511), PAGE);
    expect<u32>(mm.tables).toBe(ONE_LEAF);
    munmap(mm, page(500), 24 * PAGE);
    expect<u32>(mm.tables).toBe(1);
  });

  test("T6: MADV_DONTNEED frees leaves, and a fault makes them anew", () => {
    madvise(mm, page(500), 24 * PAGE, MADV_DONTNEED);
    expect<u32>(mm.tables).toBe(1);
    expect<u32>(mm.mapCount).toBe(1);
    expect<i32>(access(mm, page(508), Access.Write)).toBe(0);
    expect<u32>(mm.tables).toBe(ONE_LEAF);
  });

  test("T6: a move takes its pages' tables along, over the edge of a leaf", () => {
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    expect<i32>(mremap(mm, page(500), 24 * PAGE, 24 * PAGE, flags, page(2550))).toBe(0);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 1);
    expect<u64>(pteGet(mm, page(508))).toBe(0);
    expect<bool>(pteGet(mm, page(2558)) != 0).toBe(true);
    expect<bool>(pteGet(mm, page(2565)) != 0).toBe(true);
    expect<u64>(pteGet(mm, page(2566))).toBe(0);
  });

  test("T6: two leaves move into one", () => {
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    expect<i32>(mremap(mm, page(500), 24 * PAGE, 24 * PAGE, flags, page(1024))).toBe(0);
    expect<u32>(mm.tables).toBe(ONE_LEAF);
    for (let at: u32 = 0; at < 8; at++) expect<bool>(pteGet(mm, page(1032 + at)) != 0).toBe(true);
  });

  test("T6: DONTUNMAP leaves an area without a table", () => {
    const flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
    expect<i32>(mremap(mm, page(500), 24 * PAGE, 24 * PAGE, flags, 0)).toBe(0);
    expect<u32>(mm.mapCount).toBe(2);
    expect<u64>(pteGet(mm, page(508))).toBe(0);
  });

  test("a fork child has the tables of the pages that it shares, and no others", () => {
    mapAnon(mm, 5000, 5001);
    read(mm, 5000);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 2);
    const child = forked(mm);
    // The zero page of an area without an anon_vma comes back by a fault.
    expect<u32>(child.tables).toBe(ONE_LEAF + 1);
    leave(child);
  });

  test("mprotect and reads make no table", () => {
    expect<i32>(mprotect(mm, page(500), 24 * PAGE, PROT_NONE)).toBe(0);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 1);
    expect<u64>(pteGet(mm, BASE)).toBe(0);
    expect<u32>(mm.tables).toBe(ONE_LEAF + 1);
  });
});
