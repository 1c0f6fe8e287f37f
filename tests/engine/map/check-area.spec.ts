// Each invariant of areas, broken on purpose: the checker names it, and nothing once it is mended.

import { PROT_READ } from "../../../assembly/abi";
import { AreaInvariant } from "../../../assembly/map/check-area";
import { Link } from "../../../assembly/map/link";
import { Mm } from "../../../assembly/map/mm";
import { Vma } from "../../../assembly/map/vma";
import { vmaFind } from "../../../assembly/map/vma-tree";
import {
  area,
  boot,
  closeFile,
  expectSound,
  file,
  forked,
  leave,
  mapAnon,
  mapFile,
  page,
  space,
  touch,
} from "../op/world";
import { expectBroken } from "./broken";

let mm = changetype<Mm>(0);
let child = changetype<Mm>(0);
let shared: usize = 0;
let other: usize = 0;

//   pages   0 ── 4   4 ── 6   8 ── 12   20 ── 24
//           rw       r        file      rw, untouched
describe("the checker of areas", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
    shared = file(4);
    other = file(4);
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 6, PROT_READ);
    mapFile(mm, 8, 12, shared, 0);
    mapAnon(mm, 20, 24);
    touch(mm, 0, 4);
    child = forked(mm);
    touch(child, 0, 2);
    expectSound();
  });
  afterEach(() => {
    expectSound();
    leave(child);
    leave(mm);
    closeFile(shared);
    closeFile(other);
    expectSound();
  });

  test("V1: an area over its neighbour, an empty one, one that is not page aligned", () => {
    const vma = area(mm, 0);
    vma.end = page(5);
    expectBroken(AreaInvariant.Range);
    vma.end = vma.start;
    expectBroken(AreaInvariant.Range);
    vma.end = page(4) - 1;
    expectBroken(AreaInvariant.Range);
    vma.end = page(4);
  });

  test("V1: an area that reaches out of user space", () => {
    const vma = area(mm, 20);
    vma.end = 0x800000000000;
    expectBroken(AreaInvariant.Range);
    vma.end = page(24);
  });

  test("V2: a neighbour that is another, a list that skips an area, an end that is none", () => {
    const vma = area(mm, 4);
    const next = vma.next;
    vma.next = changetype<Vma>(next).next;
    expectBroken(AreaInvariant.Order);
    vma.next = next;
    changetype<Vma>(next).prev = 0;
    expectBroken(AreaInvariant.Order);
    changetype<Vma>(next).prev = changetype<usize>(vma);
    const last = mm.last;
    mm.last = mm.first;
    expectBroken(AreaInvariant.Order);
    mm.last = last;
  });

  test("V2: an area that names another mm", () => {
    area(mm, 4).mm = changetype<usize>(child);
    expectBroken(AreaInvariant.Order);
    changetype<Vma>(area(mm, 0).next).mm = changetype<usize>(mm);
  });

  test("V4: a file's area without a link, a link without a file, a link of another file", () => {
    const vma = area(mm, 8);
    const share = vma.share;
    vma.share = 0;
    expectBroken(AreaInvariant.Share);
    vma.share = share;
    area(mm, 0).share = share;
    expectBroken(AreaInvariant.Share);
    area(mm, 0).share = 0;
    changetype<Link>(share).object = other;
    expectBroken(AreaInvariant.Share);
    changetype<Link>(share).object = shared;
  });

  test("V5: an anon_vma that the chain does not lead to", () => {
    const vma = area(mm, 0);
    const own = vma.anonVma;
    vma.anonVma = area(child, 0).anonVma;
    expectBroken(AreaInvariant.Chain);
    vma.anonVma = own;
  });

  test("V5: a chain that is longer, or shorter, than it says, or ends elsewhere", () => {
    const vma = area(child, 0);
    vma.chainCount += 1;
    expectBroken(AreaInvariant.Chain);
    vma.chainCount -= 2;
    expectBroken(AreaInvariant.Chain);
    vma.chainCount += 1;
    const last = vma.chainLast;
    vma.chainLast = vma.chainFirst;
    expectBroken(AreaInvariant.Chain);
    vma.chainLast = last;
  });

  test("A1: an mm without a page table, or with other areas or pages than it counts", () => {
    const pgd = mm.pgd;
    mm.pgd = 0;
    expectBroken(AreaInvariant.Count);
    mm.pgd = pgd;
    mm.mapCount += 1;
    expectBroken(AreaInvariant.Count);
    mm.mapCount -= 2;
    expectBroken(AreaInvariant.Count);
    mm.mapCount += 1;
    mm.totalPages += 1;
    expectBroken(AreaInvariant.Count);
    mm.totalPages -= 1;
  });

  test("A3: a hint that is another mm's area", () => {
    mm.hint = vmaFind(child, page(0));
    expectBroken(AreaInvariant.Hint);
    mm.hint = 0;
  });

  test("A4: a gap that begins, or ends, elsewhere, or is another area's", () => {
    vmaFind(mm, page(10));
    vmaFind(mm, page(7));
    mm.gapLow -= 4096;
    expectBroken(AreaInvariant.KnownGap);
    mm.gapLow += 4096;
    mm.gapHigh += 4096;
    expectBroken(AreaInvariant.KnownGap);
    mm.gapHigh -= 4096;
    mm.gapNext = mm.last;
    expectBroken(AreaInvariant.KnownGap);
    mm.gapNext = changetype<usize>(area(child, 0));
    expectBroken(AreaInvariant.KnownGap);
    mm.gapHigh = 0;
  });
});
