// Holes that a backed file has and its host's bytes have not yet: pages that read as zeros although
// something else is stored there. The next sync stores zeros, and the hole is forgotten.
//
//   file     page  0   1   2   3   4   5   6   7   8
//   host           a   b   c   d   e   f │ end
//   hole               └───────┘                        one, of [1, 3); beyond the end is no hole
//
// A page that is cached again inside a hole has its own bytes; it is written back once the hole is
// stored, so that the zeros never come after it.
//
// Invariants
//   L5  The holes of a file are in order, with a page or more between them, and end where what the
//       host has does, or before.
//
// Written by: op/truncate.ts, op/writeback.ts.

import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { Mapping } from "./mapping";

/** Pages [start, end), never empty. */
@unmanaged
export class Hole {
  next: usize;
  start: u64;
  end: u64;
}

export const holePool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function holeInit(): void {
  poolInit(holePool, offsetof<Hole>());
}

/** Where the address of the first hole that ends at or after page `start` is kept. */
function slotBefore(mapping: Mapping, start: u64): usize {
  let slot = changetype<usize>(mapping) + offsetof<Mapping>("holes");
  for (let at = load<usize>(slot); at && changetype<Hole>(at).end < start; at = load<usize>(slot)) {
    slot = at + offsetof<Hole>("next");
  }
  return slot;
}

/** Takes the hole behind `slot` out. */
function unlink(slot: usize): void {
  const at = load<usize>(slot);
  store<usize>(slot, changetype<Hole>(at).next);
  poolFree(holePool, at);
}

/** Pages that something is stored of. */
function storedPages(mapping: Mapping): u64 {
  return (mapping.diskEnd + 4095) >> 12;
}

/**
 * Makes [start, end) a hole, as far as something is stored there.
 *
 * Precondition: a record is reserved, or there is one.
 */
export function holeAdd(mapping: Mapping, start: u64, end: u64): void {
  let from = start;
  let to = min(end, storedPages(mapping));
  if (from >= to) return;
  const slot = slotBefore(mapping, from);
  for (let at = load<usize>(slot); at && changetype<Hole>(at).start <= to; at = load<usize>(slot)) {
    from = min(from, changetype<Hole>(at).start);
    to = max(to, changetype<Hole>(at).end);
    unlink(slot);
  }
  const pointer = poolAlloc(holePool);
  const hole = changetype<Hole>(pointer);
  hole.start = from;
  hole.end = to;
  hole.next = load<usize>(slot);
  store<usize>(slot, pointer);
}

/** Nothing is stored from page `start` on any more: neither are there holes. */
export function holesCut(mapping: Mapping, start: u64): void {
  const slot = slotBefore(mapping, start);
  const at = load<usize>(slot);
  if (at && changetype<Hole>(at).start < start) {
    changetype<Hole>(at).end = min(changetype<Hole>(at).end, start);
    while (changetype<Hole>(at).next) unlink(at + offsetof<Hole>("next"));
    return;
  }
  while (load<usize>(slot)) unlink(slot);
}

/**
 * Zeros are stored in [start, end). A hole that has grown on both sides of that meanwhile stays
 * whole, and is stored once more.
 */
export function holeStored(mapping: Mapping, start: u64, end: u64): void {
  const slot = slotBefore(mapping, start + 1);
  const at = load<usize>(slot);
  if (!at) return;
  const hole = changetype<Hole>(at);
  if (hole.start >= start && hole.end <= end) unlink(slot);
  else if (hole.start >= start && hole.start < end) hole.start = end;
  else if (hole.end <= end && hole.end > start) hole.end = start;
}

export function holeHas(mapping: Mapping, index: u64): bool {
  if (!mapping.holes) return false;
  const at = load<usize>(slotBefore(mapping, index + 1));
  return at != 0 && changetype<Hole>(at).start <= index;
}

/** The first hole that reaches into [start, end), or 0. */
export function holeNext(mapping: Mapping, start: u64, end: u64): usize {
  const at = load<usize>(slotBefore(mapping, start + 1));
  return at && changetype<Hole>(at).start < end ? at : 0;
}

export function holesFree(mapping: Mapping): void {
  while (mapping.holes) unlink(changetype<usize>(mapping) + offsetof<Mapping>("holes"));
}
