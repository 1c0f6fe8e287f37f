// Operations that run out of frames in the middle: ENOMEM, and everything is as it was.
//
// Each is tried with no frame left, then with one, and so on until it gets through: so it fails at
// every place where it can.

import {
  Access,
  MADV_RANDOM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  ResultField,
  Status,
} from "../../../assembly/abi";
import { freeFrames } from "../../../assembly/frame/buddy";
import { weigh } from "../../../assembly/map/check-used";
import { Mm, mmCount, mmCreate, mmFirst, mmOf } from "../../../assembly/map/mm";
import { A, D } from "../../../assembly/map/pte";
import { leafEnd, leafSeek, pteGet } from "../../../assembly/map/table";
import { Vma } from "../../../assembly/map/vma";
import { resultGet } from "../../../assembly/mem/result";
import { access } from "../../../assembly/op/fault";
import { fork } from "../../../assembly/op/fork";
import { importPage } from "../../../assembly/op/import";
import { madvise } from "../../../assembly/op/madvise";
import { mlock } from "../../../assembly/op/mlock";
import { mmap } from "../../../assembly/op/mmap";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import {
  boot,
  closeFile,
  countAll,
  expectEmpty,
  expectSound,
  file,
  forked,
  giveBack,
  giveSome,
  leave,
  mapAnon,
  mapFile,
  page,
  space,
  takeAllBut,
  touch,
} from "./world";

const PAGE: u64 = 4096;
const USER: u64 = 0x7ffffffff000;

let mm = changetype<Mm>(0);
let child = changetype<Mm>(0);
let mapping: usize = 0;
/** Frames that the attempt which got through had. */
let needed: u32 = 0;

/** Stands for the areas of an mm and what its ptes say. */
function pictureOf(whose: Mm): u64 {
  let picture: u64 = whose.mapCount + weigh(whose.tables);
  for (let at = whose.first; at; at = changetype<Vma>(at).next) {
    const vma = changetype<Vma>(at);
    picture = picture * 31 + vma.start + (vma.end << 3) + vma.flags + vma.pgoff;
  }
  for (let at = leafSeek(whose, 0, USER); at < USER; at = leafSeek(whose, at, USER)) {
    for (const stop = leafEnd(at, USER); at < stop; at += PAGE) {
      picture = picture * 31 + (pteGet(whose, at) & ~(A | D));
    }
  }
  return picture;
}

/** One attempt at operation `what`. */
function attempt(what: u32): i32 {
  const fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  if (what == 0) return fork(mm);
  if (what == 1) return access(mm, page(3), Access.Write);
  if (what == 2) return mremap(mm, page(2), 3 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE, 0);
  if (what == 3) return munmap(mm, page(3), 2 * PAGE);
  if (what == 4) return mprotect(mm, page(3), 2 * PAGE, PROT_READ);
  if (what == 5) return madvise(mm, page(3), 2 * PAGE, MADV_RANDOM);
  if (what == 6) return mlock(mm, page(3), 2 * PAGE, 0);
  if (what == 7) return mmap(mm, page(3), 2 * PAGE, PROT_READ, fixed, 0, 0);
  if (what == 8) return access(mm, page(600), Access.Write);
  if (what == 9) return access(mm, page(600), Access.Read);
  if (what == 10) return access(mm, page(2001), Access.Write);
  if (what == 11) return importPage(mm, page(601), false);
  if (what == 12) return moveOver(mm);
  return mmCreate(0x20000, 0);
}

/** A move over something, to another leaf table. */
function moveOver(whose: Mm): i32 {
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  return mremap(whose, page(2), 3 * PAGE, 3 * PAGE, flags, page(1300));
}

/**
 * Tries until there is memory enough. `mayCache`: what was read of a file may stay in its cache,
 * as it does in Linux, although the access failed.
 */
function tryHarder(what: u32, mayCache: bool = false): void {
  const before = pictureOf(mm);
  const others = pictureOf(child);
  takeAllBut(0);
  needed = 0;
  let status = attempt(what);
  while (status == Status.ENOMEM && needed < 200) {
    expectSound();
    expect<u64>(pictureOf(mm)).toBe(before);
    expect<u64>(pictureOf(child)).toBe(others);
    if (!mayCache) expect<u32>(freeFrames()).toBe(needed, "frames are lost");
    giveSome(1);
    needed += 1;
    status = attempt(what);
  }
  expect<bool>(status >= 0).toBe(true);
  giveBack();
  expectSound();
}

//   pages   0 ──────── 8     600 ── 610    1300 ── 1303    2000 ── 2004
//           rw, shared by    untouched     touched         of a file
//           a fork
describe("memory: an operation that runs out of frames", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    mapping = file(4);
    mapAnon(mm, 0, 8);
    touch(mm, 0, 8);
    mapAnon(mm, 600, 610);
    mapAnon(mm, 1300, 1303);
    touch(mm, 1300, 1303);
    mapFile(mm, 2000, 2004, mapping, 0);
    child = forked(mm);
  });
  afterEach(() => {
    leave(child);
    leave(mm);
    closeFile(mapping);
    expectEmpty();
  });

  test("fork: no child, no write-protected page, until all of it fits", () => {
    tryHarder(0);
    expect<bool>(needed > 4).toBe(true);
    expect<u32>(mmCount).toBe(3);
    leave(changetype<Mm>(changetype<usize>(mmOf(resultGet(ResultField.ValueLo)))));
  });

  test("a COW break: the page stays shared", () => {
    tryHarder(1);
    expect<u32>(needed).toBe(1);
  });

  test("mremap that moves: the old place keeps its pages", () => {
    tryHarder(2);
    expect<bool>(needed > 2).toBe(true);
  });

  test("mremap over something: the target is not unmapped for nothing", () => {
    tryHarder(12);
    expect<bool>(needed > 0).toBe(true);
  });

  test("munmap of the middle of an area", () => tryHarder(3));

  test("mprotect of the middle of an area", () => tryHarder(4));

  test("madvise of the middle of an area", () => tryHarder(5));

  test("mlock of the middle of an area", () => tryHarder(6));

  test("mmap over the middle of an area", () => tryHarder(7));

  test("a first write: no table, no anon_vma is left of it", () => {
    tryHarder(8);
    expect<bool>(needed >= 2).toBe(true);
  });

  test("a first read: the zero page takes tables alone", () => {
    tryHarder(9);
    expect<u32>(needed).toBe(1);
  });

  test("a first write to a file's page: the cache has it or has not", () => {
    tryHarder(10, true);
    expect<bool>(needed >= 2).toBe(true);
  });

  test("a recorded page", () => {
    tryHarder(11);
    expect<bool>(needed >= 2).toBe(true);
  });

  test("a new address space", () => {
    tryHarder(13);
    expect<u32>(mmCount).toBe(3);
    leave(changetype<Mm>(mmFirst()));
  });
});
