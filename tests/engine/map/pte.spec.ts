// Entries: every combination of bits and of what an area allows.

import { FRAMES_MAX, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE } from "../../../assembly/abi";
import {
  A,
  D,
  E,
  NX,
  P,
  pteMake,
  pteModify,
  ptePfn,
  pteWithPfn,
  S,
  U,
  W,
} from "../../../assembly/map/pte";

const PFN: u32 = 0x12345;

/** Combination `index` of the eight bits that an entry may have, 0 to 255. */
function bitsOf(index: u32): u64 {
  let bits: u64 = 0;
  if (index & 1) bits |= P;
  if (index & 2) bits |= W;
  if (index & 4) bits |= U;
  if (index & 8) bits |= A;
  if (index & 16) bits |= D;
  if (index & 32) bits |= E;
  if (index & 64) bits |= S;
  if (index & 128) bits |= NX;
  return bits;
}

/** Combination `index` of the four flags of an area that could matter, 0 to 15. */
function flagsOf(index: u32): u32 {
  let flags: u32 = 0;
  if (index & 1) flags |= VM_READ;
  if (index & 2) flags |= VM_WRITE;
  if (index & 4) flags |= VM_EXEC;
  if (index & 8) flags |= VM_SHARED;
  return flags;
}

/** What T4 asks of an entry that had `bits`, in an area with `flags`. */
function expected(bits: u64, flags: u32): u64 {
  let want = (bits & (A | D | E | S)) | P;
  if (bits & W && flags & VM_WRITE) want |= W;
  if (flags & (VM_READ | VM_WRITE | VM_EXEC)) want |= U;
  if (!(flags & VM_EXEC)) want |= NX;
  return want;
}

describe("pte: what an area allows", () => {
  test("T4: a change of protection, over all 256 entries and 16 kinds of area", () => {
    let wrong = 0;
    for (let i: u32 = 0; i < 256; i++) {
      for (let j: u32 = 0; j < 16; j++) {
        const bits = bitsOf(i);
        const got = pteModify(pteWithPfn(bits, PFN), flagsOf(j));
        if (got != pteWithPfn(expected(bits, flagsOf(j)), PFN)) wrong += 1;
      }
    }
    expect<i32>(wrong).toBe(0);
  });

  test("T2, T4: a new entry is accessed and cannot be written, whatever the area allows", () => {
    let wrong = 0;
    for (let j: u32 = 0; j < 16; j++) {
      if (pteMake(PFN, flagsOf(j)) != pteWithPfn(expected(A, flagsOf(j)), PFN)) wrong += 1;
    }
    expect<i32>(wrong).toBe(0);
  });

  test("taking all rights and giving them back leaves no W behind", () => {
    const all = VM_READ | VM_WRITE | VM_EXEC;
    const pte = pteMake(PFN, all) | W | D;
    expect<u64>(pteModify(pteModify(pte, 0), all)).toBe(pte & ~W);
  });

  test("a frame number is exact from the first frame to the last, and touches no other bit", () => {
    const all = bitsOf(255);
    for (let pfn: u32 = 1; pfn < FRAMES_MAX; pfn = pfn * 3 + 1) {
      expect<u32>(ptePfn(pteWithPfn(all, pfn))).toBe(pfn);
      expect<u64>(pteWithPfn(pteWithPfn(all, pfn), 0)).toBe(all);
    }
    expect<u32>(ptePfn(pteWithPfn(all, FRAMES_MAX - 1))).toBe(FRAMES_MAX - 1);
  });

  test("T1: the entry that is zero leads to frame 0", () => {
    expect<u32>(ptePfn(0)).toBe(0);
  });
});
