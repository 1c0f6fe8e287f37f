// The checker of freezes: keys of open tickets.
//
// That no two overlap is seen by going through them in order. The list of all keys is sorted for
// that, by its forward links, and put back by its backward ones: what is seen before and after is
// the same list.
//
// Written by: nobody. Read by: check.ts.

import { usedFirst, usedNext, weigh } from "../map/check-used";
import { Mapping, mappingPool } from "../map/mapping";
import { Mm, mmFirst } from "../map/mm";
import { Key, KeyKind, keyFirst } from "./freeze";
import { Ticket, TicketState } from "./ticket";

/** Numbers of broken invariants of freezes, 511..519. */
export const enum FreezeInvariant {
  None = 0,
  /** Z1, P2: two open tickets freeze the same page. */
  Overlap = 511,
  /** Z2: an mm or a mapping counts other than its keys. */
  Count = 512,
  /** Z3: a key of no open ticket, or in a list that does not lead back. */
  Owner = 513,
}

/** @returns the number of the first invariant of freezes that does not hold, or 0. */
export function checkFreezes(): u32 {
  const last = lastOwned();
  if (last == BROKEN) return FreezeInvariant.Owner;
  if (counted() != named()) return FreezeInvariant.Count;
  if (!last) return FreezeInvariant.None;
  const overlap = overlaps(sorted(keyFirst()));
  restore(last);
  return overlap ? FreezeInvariant.Overlap : FreezeInvariant.None;
}

/** No key has this address. */
const BROKEN: usize = 1;

/** The last key of all, 0 for none; BROKEN where Z3 does not hold. */
function lastOwned(): usize {
  let last: usize = 0;
  let listed: u64 = 0;
  let owned: u64 = 0;
  for (let at = keyFirst(); at; at = changetype<Key>(at).all) {
    const key = changetype<Key>(at);
    const ticket = changetype<Ticket>(key.ticket);
    const isOpen = ticket.state == TicketState.Planned || ticket.state == TicketState.Committed;
    if (key.allPrev != last || !isOpen) return BROKEN;
    if (ticket.keys == at) owned += weighKeys(at);
    listed += weigh(at);
    last = at;
  }
  return listed == owned ? last : BROKEN;
}

function weighKeys(first: usize): u64 {
  let sum: u64 = 0;
  for (let at = first; at; at = changetype<Key>(at).next) sum += weigh(at);
  return sum;
}

/** Sum over the freezes that mms and mappings say they have. */
function counted(): u64 {
  let sum: u64 = 0;
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    sum += weigh(at) * changetype<Mm>(at).freezes;
  }
  for (let at = usedFirst(mappingPool); at; at = usedNext()) {
    sum += weigh(at) * changetype<Mapping>(at).freezes;
  }
  return sum;
}

function named(): u64 {
  let sum: u64 = 0;
  for (let at = keyFirst(); at; at = changetype<Key>(at).all) {
    const key = changetype<Key>(at);
    if (key.kind != KeyKind.Frame) sum += weigh(key.object);
  }
  return sum;
}

/**
 * Whether keys of two tickets overlap, in a list in order. The key that reaches furthest so far is
 * enough to look at: whoever meets another one has met that one too, or was met earlier.
 */
function overlaps(first: usize): bool {
  let furthest = changetype<Key>(first);
  for (let at = furthest.all; at; at = changetype<Key>(at).all) {
    const key = changetype<Key>(at);
    const isSame = key.kind == furthest.kind && key.object == furthest.object;
    const meets = isSame && key.start < furthest.end;
    if (meets && key.ticket != furthest.ticket) return true;
    if (!isSame || key.end > furthest.end) furthest = key;
  }
  return false;
}

function isBefore(a: Key, b: Key): bool {
  if (a.kind != b.kind) return a.kind < b.kind;
  if (a.object != b.object) return a.object < b.object;
  return a.start < b.start;
}

/** Merge sort by the forward links. @returns the first. */
function sorted(first: usize): usize {
  const second = halve(first);
  return second ? merged(sorted(first), sorted(second)) : first;
}

/** Cuts a list in the middle. @returns its second half, 0 where it is one key. */
function halve(first: usize): usize {
  let slow = first;
  let fast = changetype<Key>(first).all;
  while (fast && changetype<Key>(fast).all) {
    slow = changetype<Key>(slow).all;
    fast = changetype<Key>(changetype<Key>(fast).all).all;
  }
  const second = changetype<Key>(slow).all;
  changetype<Key>(slow).all = 0;
  return second;
}

function merged(a: usize, b: usize): usize {
  let first: usize = 0;
  let last: usize = 0;
  while (a || b) {
    const isLeft = !b || (a && !isBefore(changetype<Key>(b), changetype<Key>(a)));
    const next = isLeft ? a : b;
    if (isLeft) a = changetype<Key>(a).all;
    else b = changetype<Key>(b).all;
    if (last) changetype<Key>(last).all = next;
    else first = next;
    last = next;
  }
  return first;
}

/** Sets the forward links as the backward ones have them. */
function restore(last: usize): void {
  let next: usize = 0;
  for (let at = last; at; at = changetype<Key>(at).allPrev) {
    changetype<Key>(at).all = next;
    next = at;
  }
}
