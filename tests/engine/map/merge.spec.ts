// Splitting and merging: every case that the table in map/merge.ts draws, as /proc/PID/maps has it.
//
// A drawing has one character per page from BASE; a run of one letter is one area.

import { PROT_EXEC, PROT_READ, VM_IO, VM_WRITE } from "../../../assembly/abi";
import { mergeNew, propose, vmaSplit, vmaTryModify } from "../../../assembly/map/merge";
import { Mm } from "../../../assembly/map/mm";
import { Vma } from "../../../assembly/map/vma";
import { vmaBefore, vmaFind } from "../../../assembly/map/vma-tree";
import {
  area,
  boot,
  closeFile,
  countAll,
  expectEmpty,
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

let mm = changetype<Mm>(0);

/** Whether the areas of `whose` lie as drawn, all of them. */
function looksLike(whose: Mm, drawing: string): bool {
  let at = whose.first;
  let index = 0;
  while (index < drawing.length) {
    const letter = drawing.charCodeAt(index);
    let end = index + 1;
    while (end < drawing.length && drawing.charCodeAt(end) == letter) end += 1;
    if (letter != 46) {
      if (!at || changetype<Vma>(at).start != page(index)) return false;
      if (changetype<Vma>(at).end != page(end)) return false;
      at = changetype<Vma>(at).next;
    }
    index = end;
  }
  return at == 0;
}

function expectAreas(drawing: string): void {
  expect<bool>(looksLike(mm, drawing)).toBe(true, drawing);
  expectSound();
}

/** Makes pages [start, end) of the area that they are in one with `flags`. */
function modify(start: u32, end: u32, flags: u32): Vma {
  const vma = changetype<Vma>(vmaTryModify(area(mm, start), page(start), page(end), flags));
  vma.flags = flags;
  return vma;
}

/** Fits new memory over [start, end) between its neighbours. */
function place(start: u32, end: u32, flags: u32, leftAlone: bool): bool {
  propose(page(start), page(end), flags, page(start) >> 12, 0);
  return mergeNew(vmaBefore(mm, page(start)), vmaFind(mm, page(end)), leftAlone) != 0;
}

function begin(): void {
  boot(2048);
  countAll();
  mm = space();
}

function finish(): void {
  leave(mm);
  expectEmpty();
}

describe("merge: an area that comes to agree with its neighbours", () => {
  beforeEach(begin);
  afterEach(finish);

  test("both sides, whole: three become the one on the left", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8, PROT_READ);
    mapAnon(mm, 8, 12);
    expectAreas("aaaabbbbcccc");
    const left = area(mm, 0);
    expect<usize>(changetype<usize>(modify(4, 8, left.flags))).toBe(changetype<usize>(left));
    expectAreas("aaaaaaaaaaaa");
  });

  test("left, whole: the area goes into the one on its left", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8, PROT_READ);
    mapAnon(mm, 8, 12, PROT_READ | PROT_EXEC);
    modify(4, 8, area(mm, 0).flags);
    expectAreas("aaaaaaaabbbb");
  });

  test("left, its beginning: the area on the left grows into it", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8, PROT_READ);
    const middle = area(mm, 4);
    modify(4, 6, area(mm, 0).flags);
    expectAreas("aaaaaabb");
    expect<u64>(middle.pgoff).toBe(page(6) >> 12);
  });

  test("right, whole: the area goes into the one on its right", () => {
    mapAnon(mm, 0, 4, PROT_READ | PROT_EXEC);
    mapAnon(mm, 4, 8, PROT_READ);
    mapAnon(mm, 8, 12);
    const right = area(mm, 8);
    expect<usize>(changetype<usize>(modify(4, 8, right.flags))).toBe(changetype<usize>(right));
    expectAreas("aaaabbbbbbbb");
    expect<u64>(right.pgoff).toBe(page(4) >> 12);
  });

  test("right, its end: the area on the right grows into it", () => {
    mapAnon(mm, 4, 8, PROT_READ);
    mapAnon(mm, 8, 12);
    modify(6, 8, area(mm, 8).flags);
    expectAreas("....aabbbbbb");
    expect<u64>(area(mm, 8).pgoff).toBe(page(6) >> 12);
  });

  test("no side: the middle, the beginning or the end becomes an area of its own", () => {
    mapAnon(mm, 0, 8, PROT_READ);
    const flags = area(mm, 0).flags | VM_WRITE;
    modify(3, 5, flags);
    expectAreas("aaabbccc");
    modify(0, 1, flags);
    expectAreas("abbccddd");
    modify(7, 8, flags);
    expectAreas("abbccdde");
  });

  test("no side: an area that changes whole stays whole", () => {
    mapAnon(mm, 0, 8, PROT_READ);
    modify(0, 8, area(mm, 0).flags | VM_WRITE);
    expectAreas("aaaaaaaa");
  });

  test("a neighbour with a hole between is none", () => {
    mapAnon(mm, 0, 3);
    mapAnon(mm, 4, 8, PROT_READ);
    mapAnon(mm, 9, 12);
    modify(4, 8, area(mm, 0).flags);
    expectAreas("aaa.bbbb.ccc");
  });

  test("areas of devices never merge", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8, PROT_READ);
    const flags = area(mm, 0).flags | VM_IO;
    area(mm, 0).flags = flags;
    modify(4, 8, flags);
    expectAreas("aaaabbbb");
  });
});

describe("merge: what the pages say", () => {
  beforeEach(begin);
  afterEach(finish);

  test("R1: an untouched area takes over the chain of the touched one that goes into it", () => {
    mapAnon(mm, 0, 4, PROT_READ);
    mapAnon(mm, 4, 8);
    touch(mm, 4, 8);
    const own = area(mm, 4).anonVma;
    area(mm, 0).flags = area(mm, 4).flags;
    expect<usize>(modify(4, 8, area(mm, 4).flags).anonVma).toBe(own);
    expectAreas("aaaaaaaa");
  });

  test("R1: touched pages are found where both sides were untouched", () => {
    mapAnon(mm, 0, 4, PROT_READ);
    mapAnon(mm, 4, 8);
    mapAnon(mm, 8, 12, PROT_READ);
    touch(mm, 4, 8);
    const flags = area(mm, 4).flags;
    const own = area(mm, 4).anonVma;
    area(mm, 0).flags = flags;
    area(mm, 8).flags = flags;
    const merged = modify(4, 8, flags);
    expect<usize>(merged.anonVma).toBe(own);
    expectAreas("aaaaaaaaaaaa");
  });

  test("areas touched apart have two anon_vmas, and do not merge", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 8, 12);
    touch(mm, 0, 1);
    touch(mm, 8, 9);
    mapAnon(mm, 4, 8);
    expectAreas("aaaaaaaabbbb");
  });

  test("areas touched side by side share one, and merge when they agree again", () => {
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8);
    expectAreas("aaaaaaaa");
    touch(mm, 0, 1);
    const flags = area(mm, 0).flags;
    modify(4, 8, flags & ~VM_WRITE);
    expectAreas("aaaabbbb");
    modify(4, 8, flags);
    expectAreas("aaaaaaaa");
  });

  test("new memory beside a fork child's touched area stays apart; beside its parent's not", () => {
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    const child = forked(mm);
    mapAnon(child, 4, 8);
    mapAnon(mm, 4, 8);
    expect<bool>(looksLike(child, "aaaabbbb")).toBe(true);
    expectAreas("aaaaaaaa");
    leave(child);
  });

  test("V4: areas of a file merge where its pages go on, and only there", () => {
    const mapping = file(20);
    mapFile(mm, 0, 2, mapping, 0);
    mapFile(mm, 2, 4, mapping, 2);
    expectAreas("aaaa");
    mapFile(mm, 4, 6, mapping, 5);
    expectAreas("aaaabb");
    mapFile(mm, 4, 6, mapping, 4);
    expectAreas("aaaaaa");
    closeFile(mapping);
  });

  test("areas of two files do not merge", () => {
    const low = file(4);
    const high = file(8);
    mapFile(mm, 0, 2, low, 0);
    mapFile(mm, 2, 4, high, 2);
    expectAreas("aabb");
    closeFile(low);
    closeFile(high);
  });
});

describe("merge: new memory", () => {
  beforeEach(begin);
  afterEach(finish);

  test("it goes to the left, to the right, or closes the gap", () => {
    mapAnon(mm, 0, 2);
    mapAnon(mm, 8, 10);
    const flags = area(mm, 0).flags;
    expect<bool>(place(2, 4, flags, false)).toBe(true);
    expectAreas("aaaa....bb");
    expect<bool>(place(6, 8, flags, false)).toBe(true);
    expectAreas("aaaa..bbbb");
    expect<bool>(place(4, 6, flags, false)).toBe(true);
    expectAreas("aaaaaaaaaa");
  });

  test("the heap looks to its left alone", () => {
    mapAnon(mm, 0, 2);
    mapAnon(mm, 4, 6);
    expect<bool>(place(2, 4, area(mm, 0).flags, true)).toBe(true);
    expectAreas("aaaabb");
  });

  test("it stays alone between areas that do not agree", () => {
    mapAnon(mm, 0, 2);
    mapAnon(mm, 4, 6);
    expect<bool>(place(2, 4, area(mm, 0).flags & ~VM_WRITE, false)).toBe(false);
    expectAreas("aa..bb");
  });
});

describe("merge: a split", () => {
  beforeEach(begin);
  afterEach(finish);

  test("the record keeps the upper part, or the lower, and both have every link", () => {
    const mapping = file(8);
    mapFile(mm, 0, 8, mapping, 0);
    const vma = area(mm, 0);
    const below = changetype<Vma>(vmaSplit(vma, page(3), true));
    expectAreas("aaabbbbb");
    expect<u64>(vma.start).toBe(page(3));
    expect<u64>(vma.pgoff).toBe(3);
    expect<u64>(below.pgoff).toBe(0);
    const above = changetype<Vma>(vmaSplit(vma, page(5), false));
    expectAreas("aaabbccc");
    expect<u64>(vma.end).toBe(page(5));
    expect<u64>(above.pgoff).toBe(5);
    closeFile(mapping);
  });

  test("R1: pages on both sides are found after it", () => {
    mapAnon(mm, 0, 8);
    touch(mm, 0, 8);
    const vma = area(mm, 0);
    vmaSplit(vma, page(5), false);
    expect<usize>(area(mm, 6).anonVma).toBe(vma.anonVma);
    expectAreas("aaaaabbb");
  });
});
