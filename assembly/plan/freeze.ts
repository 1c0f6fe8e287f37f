// What an open bracket freezes: keys, each a range of pages of an mm, of a file, or one frame.
//
// Invariants
//   Z1  Keys of two open tickets never overlap.
//   Z2  `freezes` of an mm or mapping counts the keys that name it.
//   Z3  A key is in the list of its ticket, which is open.
//
// Written by: plan/ticket.ts; op/exit.ts, whose mm goes before its ticket ends.

import { Pool, poolAlloc, poolFree, poolInit } from "../frame/pool";
import { Mapping } from "../map/mapping";
import { Mm } from "../map/mm";

export const enum KeyKind {
  Mm,
  Mapping,
  Frame,
}

@unmanaged
export class Key {
  /** Next key of the same ticket, and next key of all. */
  next: usize;
  all: usize;
  allPrev: usize;
  ticket: usize;
  kind: u32;
  /** The Mm, the Mapping, or the pfn. */
  object: usize;
  /** Bytes of address space, or of the file. */
  start: u64;
  end: u64;
}

export const keyPool = changetype<Pool>(memory.data(offsetof<Pool>()));
let keys: usize = 0;

export function freezeInit(): void {
  poolInit(keyPool, offsetof<Key>());
}

function keyMeeting(kind: KeyKind, object: usize, start: u64, end: u64): usize {
  for (let at = keys; at; at = changetype<Key>(at).all) {
    const key = changetype<Key>(at);
    if (key.kind != kind || key.object != object) continue;
    if (key.start < end && start < key.end) return at;
  }
  return 0;
}

/** The ticket whose key meets (kind, object, start, end), or 0. */
export function freezeConflict(kind: KeyKind, object: usize, start: u64, end: u64): usize {
  const key = keyMeeting(kind, object, start, end);
  return key ? changetype<Key>(key).ticket : 0;
}

/** A key that freezes a part of [start, end) of `mm`, or 0. */
export function mmConflictKey(mm: Mm, start: u64, end: u64): usize {
  if (!mm.freezes) return 0;
  return keyMeeting(KeyKind.Mm, changetype<usize>(mm), start, end);
}

/** The ticket that freezes a part of [start, end) of `mm`, or 0. */
export function mmConflict(mm: Mm, start: u64, end: u64): usize {
  const key = mmConflictKey(mm, start, end);
  return key ? changetype<Key>(key).ticket : 0;
}

export function mappingConflict(mapping: Mapping, start: u64, end: u64): usize {
  if (!mapping.freezes) return 0;
  return freezeConflict(KeyKind.Mapping, changetype<usize>(mapping), start, end);
}

function countFreeze(kind: u32, object: usize, delta: i32): void {
  if (kind == KeyKind.Mm) changetype<Mm>(object).freezes += delta;
  if (kind == KeyKind.Mapping) changetype<Mapping>(object).freezes += delta;
}

/** A key of `ticket` in front of `next`; 0 when memory lacks. */
export function keyCreate(
  ticket: usize,
  next: usize,
  kind: KeyKind,
  object: usize,
  start: u64,
  end: u64,
): usize {
  const pointer = poolAlloc(keyPool);
  if (!pointer) return 0;
  const key = changetype<Key>(pointer);
  key.ticket = ticket;
  key.next = next;
  key.kind = kind;
  key.object = object;
  key.start = start;
  key.end = end;
  key.all = keys;
  if (keys) changetype<Key>(keys).allPrev = pointer;
  keys = pointer;
  countFreeze(kind, object, 1);
  return pointer;
}

/** Lifts the freeze of a ticket's keys. */
export function keysFree(first: usize): void {
  let at = first;
  while (at) {
    const key = changetype<Key>(at);
    const next = key.next;
    if (key.allPrev) changetype<Key>(key.allPrev).all = key.all;
    else keys = key.all;
    if (key.all) changetype<Key>(key.all).allPrev = key.allPrev;
    countFreeze(key.kind, key.object, -1);
    poolFree(keyPool, at);
    at = next;
  }
}

/** Any key, for placement and checks; follow `all`. */
export function keyFirst(): usize {
  return keys;
}
