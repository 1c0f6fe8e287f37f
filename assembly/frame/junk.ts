// What a free frame is filled with where checks are on, so that a stale reader reads nonsense and
// a stale writer is found out.
//
// Invariants
//   J1  A free frame is all zero while PG.fresh is set, and JUNK from end to end when it is not.
//
// Written by: buddy.ts when a frame is freed, and only in a build with checks. Read by: buddy.ts
// when it is handed out.

import { PAGE_SIZE, PG } from "../abi";
import { flagTest } from "./flags";
import { frameAddress } from "./frame";

/** The byte that a freed frame is filled with. */
export const JUNK: u8 = 0xcc;

/** Fills the `count` frames from `pfn` with JUNK. */
export function junkFill(pfn: u32, count: u32): void {
  memory.fill(frameAddress(pfn), JUNK, <usize>count * PAGE_SIZE);
}

/** Asserts that nobody wrote to the `count` free frames from `pfn` since they became free. */
export function junkCheck(pfn: u32, count: u32): void {
  for (let at = pfn; at < pfn + count; at++) {
    assert(frameIsAll(at, flagTest(PG.fresh, at) ? 0 : JUNK), "a free frame was written to");
  }
}

/** @returns whether each of the frame's bytes is `byte`. */
export function frameIsAll(pfn: u32, byte: u8): bool {
  const want = i8x16.splat(byte);
  const end = frameAddress(pfn) + PAGE_SIZE;
  for (let at = frameAddress(pfn); at < end; at += 16) {
    if (v128.any_true(v128.xor(v128.load(at), want))) return false;
  }
  return true;
}
