// A ticket: an operation that is planned, told to subscribers, and then committed or aborted.
//
//            …Plan                         commit                       end
//   Free ───────────▶ Planned ───────────────────────▶ Committed ───────────────▶ Free
//                        │   ▲ │                           mapping changed
//                        │   └─┘ holders let go
//                        └────────── abort ───────────────────────────────────▶ Free
//                                                          nothing changed
//
// Invariants
//   P1  While Planned, no pte under the ticket's keys changes its page or loses a right, and no
//       page there becomes present or exported.
//   P2  Keys of two open tickets never overlap (Z1).
//   P3  A commit starts only when no record that the notices demand is left.
//
// Written by: op/*.ts (open), op/commit.ts.

import { Op, ResultField, Status, TICKETS_MAX } from "../abi";
import { Pool, poolAlloc, poolFree, poolHas, poolInit } from "../frame/pool";
import { Mm } from "../map/mm";
import { resultSet } from "../mem/result";
import { KeyKind, keyCreate, keysFree, mmConflict } from "./freeze";
import { Need, need, needRelease, needTake } from "./need";
import { noticesClear, noticesFree, noticesLacked, noticesTake } from "./notice";

export const enum TicketState {
  Free,
  Planned,
  Committed,
}

@unmanaged
export class Ticket {
  mm: usize;
  keys: usize;
  state: u32;
  op: u32;
  notices: usize;
  /** Writes wait as a fault does: the pages are about to be write-protected or replaced. */
  holdsWrites: u32;
  /** Areas that it may add, and whether it counts on the mm's leaf for them (leaf-room.ts). */
  places: u32;
  inLeaf: u32;
  /** Arguments of the operation, as its apply takes them. */
  a: u64;
  b: u64;
  c: u64;
  d: u64;
  e: u64;
  f: u64;
}

const NEED_AT = offsetof<Ticket>();
const TICKET_BYTES: u32 = <u32>(offsetof<Ticket>() + offsetof<Need>());

export const ticketPool = changetype<Pool>(memory.data(offsetof<Pool>()));
/** Tickets that are planned or committed and have not ended. */
export let ticketsOpen: u32 = 0;

export function ticketInit(): void {
  poolInit(ticketPool, TICKET_BYTES);
}

/** What the shell calls a ticket: its address, shifted so that it stays positive. */
export function ticketHandle(ticket: usize): i32 {
  return <i32>(ticket >>> 3);
}

export function ticketOf(handle: u32): Ticket | null {
  const pointer = (<usize>handle) << 3;
  if (!poolHas(ticketPool, pointer)) return null;
  const ticket = changetype<Ticket>(pointer);
  const open = ticket.state == TicketState.Planned || ticket.state == TicketState.Committed;
  return open ? ticket : null;
}

export function ticketNeed(ticket: Ticket): Need {
  return changetype<Need>(changetype<usize>(ticket) + NEED_AT);
}

/** EAGAIN, with the ticket in the way in the result block. */
export function refuseFrozen(ticket: usize): i32 {
  resultSet(ResultField.Blocker, <u32>ticketHandle(ticket));
  return Status.EAGAIN;
}

/** Ok, or EAGAIN when a part of [start, end) of `mm` is frozen. */
export function checkFrozen(mm: Mm, start: u64, end: u64): i32 {
  const blocker = mmConflict(mm, start, end);
  return blocker ? refuseFrozen(blocker) : Status.Ok;
}

/** Drops the plan being made: its notices go, nothing was reserved. */
export function planDrop(status: i32): i32 {
  noticesClear();
  return status;
}

/** The ticket that makes a write to the page at `address` wait, or 0. */
export function writeHolder(mm: Mm, address: u64): usize {
  if (!mm.freezes) return 0;
  const ticket = mmConflict(mm, address, address + 4096);
  return ticket && changetype<Ticket>(ticket).holdsWrites ? ticket : 0;
}

/** The ticket that is being opened, for `ticketFreeze` and its arguments. */
export let opened: usize = 0;

/**
 * Opens a ticket with the notices and needs of the plan being made.
 * @returns Ok with `opened` set, ENFILE or ENOMEM with nothing left behind.
 */
export function ticketOpen(op: Op, mm: Mm): i32 {
  if (noticesLacked()) return planDrop(Status.ENOMEM);
  // An exit is not refused, however many brackets are open.
  if (ticketsOpen >= TICKETS_MAX && op != Op.Exit) return planDrop(Status.ENFILE);
  if (!needTake()) return planDrop(Status.ENOMEM);
  const pointer = poolAlloc(ticketPool);
  if (!pointer) {
    needRelease(need);
    return planDrop(Status.ENOMEM);
  }
  const ticket = changetype<Ticket>(pointer);
  ticket.state = TicketState.Planned;
  ticket.op = op;
  ticket.mm = changetype<usize>(mm);
  ticket.notices = noticesTake();
  memory.copy(pointer + NEED_AT, changetype<usize>(need), offsetof<Need>());
  ticketsOpen++;
  opened = pointer;
  return Status.Ok;
}

/** Freezes (kind, object, start, end) for the ticket being opened; on ENOMEM the ticket is gone. */
export function ticketFreeze(kind: KeyKind, object: usize, start: u64, end: u64): i32 {
  if (start >= end) return Status.Ok;
  const ticket = changetype<Ticket>(opened);
  const key = keyCreate(opened, ticket.keys, kind, object, start, end);
  if (!key) {
    ticketClose(ticket);
    return Status.ENOMEM;
  }
  ticket.keys = key;
  return Status.Ok;
}

/** Takes the reserve of a ticket back, once: its apply draws on it, or it is aborted. */
export function ticketRelease(ticket: Ticket): void {
  const taken = ticketNeed(ticket);
  needRelease(taken);
  memory.fill(changetype<usize>(taken), 0, offsetof<Need>());
  ticket.places = 0;
  ticket.inLeaf = 0;
}

/** Lifts the freeze and frees the ticket. */
export function ticketClose(ticket: Ticket): void {
  ticketRelease(ticket);
  keysFree(ticket.keys);
  noticesFree(ticket.notices);
  ticket.state = TicketState.Free;
  ticketsOpen--;
  poolFree(ticketPool, changetype<usize>(ticket));
}
