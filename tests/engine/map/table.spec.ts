// Page tables: made on the way down, gone with their last entry, walked where they are not.

import { PG } from "../../../assembly/abi";
import {
  frameAllocZeroed,
  frameFree,
  framesReserve,
  framesUnreserve,
  freeFrames,
} from "../../../assembly/frame/buddy";
import { flagTest } from "../../../assembly/frame/flags";
import { frameAddress, frameOf, pfnOfAddress } from "../../../assembly/frame/frame";
import { Mm } from "../../../assembly/map/mm";
import { E, P } from "../../../assembly/map/pte";
import {
  LEAF_BYTES,
  leafCount,
  leafEnd,
  leafIndex,
  leafPfn,
  leafSeek,
  pteEnsure,
  pteGet,
  pteSet,
  pteSlot,
  tableTrim,
} from "../../../assembly/map/table";
import { boot, countAll, expectEmpty, leave, page, space } from "../op/world";
import { below, randomReset, seeded } from "../random";

/** The last page that a user has. */
const LAST: u64 = 0x7fffffffe000;
const END: u64 = 0x7ffffffff000;
/** An entry that is not zero; what it says does not matter here. */
const SOME: u64 = P | 0x5000;

let mm = changetype<Mm>(0);

function set(address: u64, pte: u64): void {
  pteSet(pteEnsure(mm, address), pte);
}

function clear(address: u64): void {
  pteSet(pteSlot(mm, address), 0);
  tableTrim(mm, address);
}

describe("table: four levels", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
  });
  afterEach(() => {
    expect<u32>(mm.tables).toBe(1);
    leave(mm);
    expectEmpty();
  });

  test("an address without tables leads to frame 0, which says absent", () => {
    expect<u64>(pteGet(mm, 0)).toBe(0);
    expect<u64>(pteGet(mm, LAST)).toBe(0);
    expect<u32>(pfnOfAddress(pteSlot(mm, page(3)))).toBe(0);
    expect<u32>(leafPfn(mm, page(3))).toBe(0);
    expect<u32>(mm.tables).toBe(1);
  });

  test("T5: the first entry makes three tables, each counted by the one above", () => {
    set(page(0), SOME);
    expect<u32>(mm.tables).toBe(4);
    const leaf = frameOf(leafPfn(mm, page(0)));
    expect<u32>(leaf.private_).toBe(1);
    expect<u32>(leaf.refcount).toBe(1);
    expect<usize>(leaf.mapping).toBe(changetype<usize>(mm));
    expect<bool>(flagTest(PG.table, leafPfn(mm, page(0)))).toBe(true);
    expect<u32>(frameOf(mm.pgd).private_).toBe(1);
    clear(page(0));
  });

  test("T6: the last entry takes the tables with it, the one before does not", () => {
    set(page(0), SOME);
    set(page(1), SOME);
    set(page(512), SOME);
    expect<u32>(mm.tables).toBe(5);
    clear(page(0));
    expect<u32>(mm.tables).toBe(5);
    clear(page(1));
    expect<u32>(mm.tables).toBe(4);
    expect<u64>(pteGet(mm, page(512))).toBe(SOME);
    clear(page(512));
    expect<u32>(frameOf(mm.pgd).private_).toBe(0);
  });

  test("neighbours on two sides of a leaf, of a pud and of a pgd do not share a table", () => {
    for (let bits: u64 = 21; bits <= 39; bits += 9) {
      const edge: u64 = (<u64>5) << bits;
      set(edge - 4096, SOME | 0x1000);
      set(edge, SOME);
      expect<u64>(pteGet(mm, edge - 4096)).toBe(SOME | 0x1000);
      expect<u64>(pteGet(mm, edge)).toBe(SOME);
      expect<u32>(mm.tables).toBe(5 + <u32>((bits - 21) / 9) * 1);
      clear(edge);
      clear(edge - 4096);
    }
  });

  test("the first and the last page of user space have entries of their own", () => {
    set(0, SOME);
    set(LAST, SOME | E);
    expect<u64>(pteGet(mm, 0)).toBe(SOME);
    expect<u64>(pteGet(mm, LAST)).toBe(SOME | E);
    expect<u64>(leafSeek(mm, 4096, END)).toBe(4096);
    expect<u64>(leafSeek(mm, LEAF_BYTES, END)).toBe(0x7fffffe00000);
    clear(0);
    clear(LAST);
  });

  test("T7: a leaf counts its e bits as they come and go", () => {
    set(page(0), SOME);
    const leaf = frameOf(leafPfn(mm, page(0)));
    set(page(0), SOME | E);
    set(page(1), SOME | E);
    expect<usize>(leaf.exports).toBe(2);
    set(page(0), SOME | E | 0x7000);
    expect<usize>(leaf.exports).toBe(2);
    set(page(0), SOME);
    expect<usize>(leaf.exports).toBe(1);
    clear(page(1));
    expect<usize>(leaf.exports).toBe(0);
    clear(page(0));
  });

  test("a frame that lacks on the way down leaves tables that a trim takes away", () => {
    for (let left: u32 = 0; left < 3; left++) {
      const free = freeFrames();
      framesReserve(free - left);
      expect<usize>(pteEnsure(mm, page(0))).toBe(0);
      framesUnreserve(free - left);
      expect<u32>(mm.tables).toBe(1 + left);
      tableTrim(mm, page(0));
      expect<u32>(freeFrames()).toBe(free);
    }
  });

  test("a part of a range lies below one leaf, up to its end or the range's", () => {
    expect<u64>(leafEnd(page(3), page(1000))).toBe(page(512));
    expect<u64>(leafEnd(page(512), page(1000))).toBe(page(1000));
    expect<u32>(leafIndex(page(511))).toBe(511);
    expect<u32>(leafIndex(page(512))).toBe(0);
  });

  test("a table is zero in every word when it comes, whoever had the frame", () => {
    const used = frameAllocZeroed();
    memory.fill(frameAddress(used), 0xff, 4096);
    frameFree(used, 0);
    const before = mm.tables;
    set(page(0), SOME);
    expect<u32>(mm.tables).toBe(before + 3);
    for (let at: u32 = 1; at < 512; at++) expect<u64>(pteGet(mm, page(at))).toBe(0);
    clear(page(0));
  });
});

const LEAVES: u32 = 4096;
const has = new StaticArray<bool>(LEAVES);

/** Leaf `index` of the model: leaves far apart and close together, over several puds. */
function leafAt(index: u32): u64 {
  return <u64>index * LEAF_BYTES;
}

function wrongSeeks(): u32 {
  let wrong: u32 = 0;
  let count: u32 = 0;
  let next = LEAVES;
  for (let at = LEAVES; at > 0; at--) {
    if (has[at - 1]) {
      next = at - 1;
      count += 1;
    }
    const want = next == LEAVES ? leafAt(LEAVES) : max(leafAt(next), leafAt(at - 1) + 4096);
    if (leafSeek(mm, leafAt(at - 1) + 4096, leafAt(LEAVES)) != want) wrong += 1;
  }
  if (leafCount(mm, 0, leafAt(LEAVES)) != count) wrong += 1;
  return wrong;
}

describe("table: looking for leaves", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
  });

  test(seeded("T5, T6: a seek finds the next leaf that exists, over holes of any size"), () => {
    randomReset();
    let wrong: u32 = 0;
    for (let round = 0; round < 12; round++) {
      for (let step = 0; step < 20; step++) {
        const index = below(LEAVES);
        if (has[index]) clear(leafAt(index));
        else set(leafAt(index), SOME);
        has[index] = !has[index];
      }
      wrong += wrongSeeks();
    }
    expect<u32>(wrong).toBe(0);
    for (let at: u32 = 0; at < LEAVES; at++) if (has[at]) clear(leafAt(at));
    expect<u32>(mm.tables).toBe(1);
    leave(mm);
  });
});
