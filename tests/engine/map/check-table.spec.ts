// Each invariant of tables, ptes and the reverse map, broken on purpose: the checker names it.

import { PG, PROT_READ } from "../../../assembly/abi";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { Frame, frameAddress, frameOf } from "../../../assembly/frame/frame";
import { MAPPING_ANON } from "../../../assembly/map/anon-vma";
import { RmapInvariant } from "../../../assembly/map/check";
import { TableInvariant } from "../../../assembly/map/check-table";
import { Mm } from "../../../assembly/map/mm";
import { NX, P, pteMake, ptePfn, S, SD, U, W } from "../../../assembly/map/pte";
import {
  leafPfn,
  pteEnsure,
  pteGet,
  pteSet,
  pteSlot,
  tableTrim,
} from "../../../assembly/map/table";
import { frameCount } from "../../../assembly/mem/layout";
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
  pfnAt,
  read,
  space,
  touch,
} from "../op/world";
import { expectBroken } from "./broken";

let mm = changetype<Mm>(0);
let child = changetype<Mm>(0);
let shared: usize = 0;
let other: usize = 0;

/** Expects `invariant` while the pte of page `index` is `pte`. */
function expectBrokenBy(index: u32, pte: u64, invariant: u32): void {
  const slot = pteSlot(mm, page(index));
  const old = load<u64>(slot);
  store<u64>(slot, pte);
  expectBroken(invariant);
  store<u64>(slot, old);
}

function pteOf(index: u32): u64 {
  return pteGet(mm, page(index));
}

function frameAt(index: u32): Frame {
  return frameOf(pfnAt(mm, index));
}

/** Slot of the entry that leads to the table `level` above page 0's pte, from the top: 3, 2, 1. */
function upperSlot(level: u32): usize {
  let table = mm.pgd;
  for (let at: u32 = 3; at > level; at--) table = ptePfn(load<u64>(slotIn(table, at)));
  return slotIn(table, level);
}

function slotIn(table: u32, level: u32): usize {
  const index = (page(0) >> (12 + 9 * <u64>level)) & 511;
  return frameAddress(table) + ((<usize>index) << 3);
}

//   pages   0 ── 4          4 ── 6     6            8
//           W cleared by    untouched  r, reads     of a file
//           a fork                     the zero page
describe("the checker of tables and ptes", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
    shared = file(4);
    other = file(4);
    mapAnon(mm, 0, 6);
    mapAnon(mm, 6, 7, PROT_READ);
    mapFile(mm, 8, 12, shared, 0);
    touch(mm, 0, 4);
    read(mm, 6);
    touch(mm, 8, 9);
    child = forked(mm);
    touch(mm, 3, 4);
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

  test("T1: an entry that is not present and not zero", () => {
    expectBrokenBy(0, pteOf(0) & ~P, TableInvariant.PteForm);
    expectBrokenBy(5, W, TableInvariant.PteForm);
  });

  test("T1: an entry that leads out of memory, or has a bit that nothing sets", () => {
    expectBrokenBy(0, pteMake(frameCount, area(mm, 0).flags), TableInvariant.PteForm);
    expectBrokenBy(0, pteOf(0) | (1 << 52), TableInvariant.PteForm);
  });

  test("T1: an entry of an upper table that is not whole", () => {
    for (let level: u32 = 1; level <= 3; level++) {
      const slot = upperSlot(level);
      const entry = load<u64>(slot);
      store<u64>(slot, entry & ~W);
      expectBroken(TableInvariant.PteForm);
      store<u64>(slot, entry);
    }
  });

  test("T2: a private page of two that one of them may write", () => {
    expectBrokenBy(0, pteOf(0) | W, TableInvariant.PteWrite);
  });

  test("T2: a file's page that a private area may write", () => {
    const vma = area(mm, 8);
    const flags = vma.flags;
    vma.flags = area(mm, 0).flags;
    expectBroken(TableInvariant.PteWrite);
    vma.flags = flags;
  });

  test("T3: the zero page without s, s on another page, the zero page writable", () => {
    expectBrokenBy(6, pteOf(6) & ~S, TableInvariant.PteSpecial);
    expectBrokenBy(3, pteOf(3) | S, TableInvariant.PteSpecial);
    expectBrokenBy(5, pteMake(0, area(mm, 5).flags) | S | W, TableInvariant.PteSpecial);
  });

  test("T4: W where the area forbids writes; U or NX not as the area has it", () => {
    expectBrokenBy(6, pteOf(6) | W, TableInvariant.PteProtection);
    expectBrokenBy(3, pteOf(3) & ~U, TableInvariant.PteProtection);
    expectBrokenBy(3, pteOf(3) & ~NX, TableInvariant.PteProtection);
  });

  test("T5: a leaf table with a wrong count of entries, of references, or another mm", () => {
    const table = frameOf(leafPfn(mm, page(0)));
    table.private_ += 1;
    expectBroken(TableInvariant.TableFrame);
    table.private_ -= 1;
    table.refcount += 1;
    expectBroken(TableInvariant.TableFrame);
    table.refcount -= 1;
    table.mapping = changetype<usize>(child);
    expectBroken(TableInvariant.TableFrame);
    table.mapping = changetype<usize>(mm);
  });

  test("T5: a table at any level without its flag", () => {
    for (let level: u32 = 1; level <= 3; level++) {
      const below = ptePfn(load<u64>(upperSlot(level)));
      flagClear(PG.table, below);
      expectBroken(TableInvariant.TableFrame);
      flagSet(PG.table, below);
    }
  });

  test("T5: an mm that counts other tables than it has", () => {
    mm.tables += 1;
    expectBroken(TableInvariant.TableFrame);
    mm.tables -= 1;
  });

  test("T6: a leaf table without an entry", () => {
    pteEnsure(mm, page(512));
    expectBroken(TableInvariant.TableEmpty);
    tableTrim(mm, page(512));
  });

  test("T7: a leaf table that counts other e bits than it has", () => {
    frameOf(leafPfn(mm, page(0))).exports = 1;
    expectBroken(TableInvariant.TableExports);
    frameOf(leafPfn(mm, page(0))).exports = 0;
  });

  test("T8: a pte between two areas, and one above all of them", () => {
    for (let index: u32 = 7; index <= 13; index += 6) {
      pteSet(pteSlot(mm, page(index)), pteMake(0, 0) | S);
      expectBroken(TableInvariant.PteOutside);
      pteSet(pteSlot(mm, page(index)), 0);
    }
  });

  test("U1: a page that may be written unseen: no mark, in an area without one", () => {
    const written = pteOf(3);
    area(mm, 0).softDirty = 0;
    expectBrokenBy(3, (written | W) & ~SD, TableInvariant.SoftDirty);
    area(mm, 0).softDirty = 1;
  });

  test("R1: an anonymous page that names an anon_vma its area is not chained to", () => {
    const frame = frameAt(3);
    const own = frame.mapping;
    frame.mapping = area(child, 0).anonVma | MAPPING_ANON;
    expectBroken(TableInvariant.FrameOwner);
    frame.mapping = own & ~MAPPING_ANON;
    expectBroken(TableInvariant.FrameOwner);
    frame.mapping = own;
  });

  test("R1: a file's page in an area that shows another file", () => {
    const frame = frameAt(8);
    frame.mapping = other;
    expectBroken(TableInvariant.FrameOwner);
    frame.mapping = shared;
  });

  test("R4: a page that counts more, fewer, or none of the ptes that name it", () => {
    const frame = frameAt(0);
    expect<u32>(frame.mapcount).toBe(2);
    frame.mapcount = 3;
    expectBroken(RmapInvariant.MapCount);
    frame.mapcount = 1;
    expectBroken(RmapInvariant.MapCount);
    frame.mapcount = 0;
    expectBroken(TableInvariant.MapCount);
    frame.mapcount = 2;
  });

  test("R4: two counts that are wrong by as much", () => {
    frameAt(0).mapcount += 1;
    frameAt(1).mapcount -= 1;
    expectBroken(RmapInvariant.MapCount);
    frameAt(0).mapcount -= 1;
    frameAt(1).mapcount += 1;
  });

  test("R5: a reference that nobody has, of an anonymous page and of a cached one", () => {
    frameAt(0).refcount += 1;
    expectBroken(RmapInvariant.RefCount);
    frameAt(0).refcount -= 1;
    frameAt(8).refcount -= 1;
    expectBroken(RmapInvariant.RefCount);
    frameAt(8).refcount += 1;
  });

  test("R6: a page whose walk looks at another address", () => {
    frameAt(0).index += 1;
    expectBroken(RmapInvariant.Walk);
    frameAt(0).index -= 1;
  });
});
