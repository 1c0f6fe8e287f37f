// Do holes stay in order, whatever is punched, stored and cut off, and do their pages read as
// zeros?

import { FilePage, ResultField, Status, WritebackMode } from "../../../assembly/abi";
import { DirtyInvariant } from "../../../assembly/map/check-dirty";
import { Hole, holeHas, holeNext, holeStored } from "../../../assembly/map/hole";
import { Mapping } from "../../../assembly/map/mapping";
import { resultGet } from "../../../assembly/mem/result";
import { fileOf, fileOpen, filePage } from "../../../assembly/op/file";
import { filePunch, fileTruncate } from "../../../assembly/op/truncate";
import { fileWriteback, fileWritten } from "../../../assembly/op/writeback";
import { boot, closeFile, expectSound } from "../op/world";
import { below } from "../random";
import { expectBroken } from "./broken";

let file = changetype<Mapping>(0);

function punch(first: u64, end: u64): void {
  assert(filePunch(file, first << 12, (end - first) << 12) == 0, "a hole");
  expectSound();
}

/** A bit for each of the first 32 pages that lies in a hole. */
function holes(): u32 {
  let bits: u32 = 0;
  for (let at: u32 = 0; at < 32; at++) if (holeHas(file, at)) bits |= 1 << at;
  return bits;
}

describe("holes", () => {
  beforeEach(() => {
    boot(512);
    const handle = fileOpen(24 << 12);
    assert(handle > 0, "no file for the test");
    file = changetype<Mapping>(fileOf(<u32>handle));
  });
  afterEach(() => {
    expectSound();
    closeFile(changetype<usize>(file));
    expectSound();
  });

  test("L5: holes that meet are one, and none is beyond what is stored", () => {
    punch(2, 4);
    punch(8, 10);
    expect<u32>(holes()).toBe(0x30c);
    punch(4, 8);
    expect<u32>(holes()).toBe(0x3fc);
    expect<usize>(changetype<Hole>(file.holes).next).toBe(0);
    punch(20, 30);
    expect<u32>(holes()).toBe(0xf003fc);
    expect<i32>(fileTruncate(file, 21 << 12)).toBe(0);
    expect<u32>(holes()).toBe(0x1003fc);
    expect<i32>(fileTruncate(file, 5 << 12)).toBe(0);
    expect<u32>(holes()).toBe(0x1c);
    expect<i32>(fileTruncate(file, 0)).toBe(0);
    expect<usize>(file.holes).toBe(0);
  });

  test("L5: holes out of order, touching, or beyond what is stored", () => {
    punch(2, 4);
    punch(8, 10);
    const first = changetype<Hole>(file.holes);
    first.end = 8;
    expectBroken(DirtyInvariant.Holes);
    first.end = 2;
    expectBroken(DirtyInvariant.Holes);
    first.end = 4;
    changetype<Hole>(first.next).end = 25;
    expectBroken(DirtyInvariant.Holes);
    changetype<Hole>(first.next).end = 10;
  });

  test("L5: random holes, stored and cut, as a set of pages has them", () => {
    let model: u32 = 0;
    for (let step = 0; step < 300; step++) {
      const from = below(24);
      const to = from + 1 + below(24 - from);
      const bits: u32 = to - from == 32 ? -1 : ((1 << (to - from)) - 1) << from;
      if (below(3)) {
        punch(from, to);
        model |= bits;
      } else {
        storeAll(from, to);
        model &= ~bits;
      }
      expect<u32>(holes()).toBe(model);
    }
  });

  test("a page in a hole is zeros at once, and written back only when the hole is stored", () => {
    punch(2, 4);
    expect<i32>(filePage(file, 2, FilePage.Look)).toBe(Status.ENOENT);
    expect<i32>(filePage(file, 2, FilePage.Write)).toBe(0);
    expect<i32>(filePage(file, 5, FilePage.Write)).toBe(Status.NEED_IO);
    expect<i32>(fileWriteback(file, 0, 24, 64, WritebackMode.Integrity)).toBe(0);
    expect<u32>(resultGet(ResultField.Count)).toBe(0);
    expect<usize>(holeNext(file, 4, 24)).toBe(0);
    holeStored(file, 2, 4);
    expect<i32>(fileWriteback(file, 0, 24, 64, WritebackMode.Integrity)).toBe(0);
    expect<u32>(resultGet(ResultField.Count)).toBe(1);
    expect<i32>(fileWritten(file, 2, 4096, false)).toBe(0);
  });
});

/** Stores [from, to) as a host does that begins where a hole begins: none is left in it. */
function storeAll(from: u64, to: u64): void {
  for (let at = holeNext(file, from, to); at; at = holeNext(file, from, to)) {
    const hole = changetype<Hole>(at);
    if (hole.start < from && hole.end > to) punchAround(hole, from, to);
    else holeStored(file, from, to);
  }
  expectSound();
}

/** A hole that is larger on both sides is stored whole, and what lies beside is punched again. */
function punchAround(hole: Hole, from: u64, to: u64): void {
  const start = hole.start;
  const end = hole.end;
  holeStored(file, start, end);
  punch(start, from);
  punch(to, end);
}
