// What P1 promises is about time: between plan and commit no pte under a ticket's keys changes. So
// this checker remembers: it keeps a sum over those ptes for each planned ticket, and compares it
// the next time that it looks.
//
// A and D may be set by accesses that go on, S by what a holder hands back, the e bit cleared by
// holders that let go: these bits are no part of the sum, and the number of e bits may only fall.
//
// There are two tables, of the look before and of this one, found by the ticket's address; a ticket
// that is not in the one before is new.
//
//   0        4        8               16
//  ┌────────┬────────┬───────────────┐
//  │ ticket │exports │      sum      │
//  └────────┴────────┴───────────────┘
//
// Written by: this file. Read by: check-ticket.ts.

import { TICKETS_MAX } from "../abi";
import { frameAddress } from "../frame/frame";
import { weigh } from "../map/check-used";
import { hugeGet, hugeStart } from "../map/huge";
import { Mm } from "../map/mm";
import { A, D, E, SD } from "../map/pte";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "../map/table";
import { Key, KeyKind, keyFirst } from "./freeze";
import { Ticket, TicketState } from "./ticket";

@unmanaged
class Watch {
  ticket: usize;
  exports: u32;
  sum: u64;
}

/** Twice the tickets that may be open: a free place is never far, and there always is one. */
const PLACES: u32 = 2048;
const TABLE_BYTES: usize = PLACES * 16;
if (offsetof<Watch>() != 16) ERROR("Watch resized; its tables have another length");
if (PLACES < TICKETS_MAX * 2) ERROR("more tickets than the tables of watches are made for");

const GOES_ON: u64 = A | D | SD | E;

let before: usize = memory.data(32768, 8);
let now: usize = memory.data(32768, 8);
let isEmpty: bool = true;

// What a walk over the keys of one ticket has seen.
let sum: u64 = 0;
let exports: u32 = 0;

/** Looks at every planned ticket. @returns whether their ptes are as at the look before. */
export function watchAgain(): bool {
  if (!keyFirst() && isEmpty) return true;
  isEmpty = !keyFirst();
  memory.fill(now, 0, TABLE_BYTES);
  let isSame = true;
  for (let at = keyFirst(); at; at = changetype<Key>(at).all) {
    const pointer = changetype<Key>(at).ticket;
    const ticket = changetype<Ticket>(pointer);
    if (ticket.keys != at || ticket.state != TicketState.Planned) continue;
    if (!watch(pointer)) isSame = false;
  }
  const swapped = before;
  before = now;
  now = swapped;
  return isSame;
}

/** Enters one ticket. What changed stays as it was before, so that it is said again. */
function watch(ticket: usize): bool {
  addKeys(changetype<Ticket>(ticket));
  const known = placeOf(before, ticket);
  const isKnown = known.ticket != 0;
  const isSame = !isKnown || (known.sum == sum && known.exports >= exports);
  const entry = placeOf(now, ticket);
  entry.ticket = ticket;
  entry.sum = isSame ? sum : known.sum;
  entry.exports = isSame ? exports : known.exports;
  return isSame;
}

/** The place of `ticket` in a table, or the free one where it would be. */
function placeOf(table: usize, ticket: usize): Watch {
  let place = <u32>(weigh(ticket) >> 32) % PLACES;
  while (true) {
    const entry = changetype<Watch>(table + ((<usize>place) << 4));
    if (!entry.ticket || entry.ticket == ticket) return entry;
    place = (place + 1) % PLACES;
  }
}

function addKeys(ticket: Ticket): void {
  sum = 0;
  exports = 0;
  for (let at = ticket.keys; at; at = changetype<Key>(at).next) {
    const key = changetype<Key>(at);
    if (key.kind == KeyKind.Mm) addRange(changetype<Mm>(key.object), key.start, key.end);
  }
}

function addRange(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const leaf = leafPfn(mm, at);
    let slot = frameAddress(leaf) + ((<usize>leafIndex(at)) << 3);
    if (!leaf) addPte(hugeStart(at), hugeGet(mm, at));
    else for (; at < stop; at += 4096, slot += 8) addPte(at, load<u64>(slot));
    at = leafSeek(mm, stop, end);
  }
}

function addPte(address: u64, pte: u64): void {
  if (!pte) return;
  if (pte & E) exports += 1;
  sum += weigh(<usize>(address >> 12)) * ((pte & ~GOES_ON) ^ (address >> 44));
}
