// Commit, abort and end of a ticket: the one door to every apply.

import { Op, ResultField, Status } from "../abi";
import { Mm } from "../map/mm";
import { resultSet } from "../mem/result";
import { farewellReserve } from "../plan/farewell";
import { Ticket, TicketState, ticketClose, ticketRelease } from "../plan/ticket";
import { brkCommit } from "./brk";
import { forgetCommit } from "./clear-refs";
import { evictCommit } from "./evict";
import { exitCommit } from "./exit";
import { faultCommit } from "./fault";
import { forkCommit } from "./fork";
import { adviseCommit } from "./madvise";
import { mergeCommit } from "./merge-page";
import { migrateCommit } from "./migrate";
import { mapAbort, mapCommit } from "./mmap";
import { protectCommit } from "./mprotect";
import { remapCommit } from "./mremap";
import { unmapApply } from "./munmap";
import { remapAbort, remapCommit as remapPfnCommit } from "./pfn-range";
import { checkHolders } from "./reach";
import { truncateAbort, truncateCommit } from "./truncate";
import { writebackAbort, writebackCommit } from "./writeback";

function apply(ticket: Ticket): i32 {
  const op = ticket.op;
  if (op == Op.Munmap) {
    unmapApply(changetype<Mm>(ticket.mm), ticket.a, ticket.b);
    return Status.Ok;
  }
  if (op == Op.Mmap) return mapCommit(ticket);
  if (op == Op.Mprotect) return protectCommit(ticket);
  if (op == Op.Mremap) return remapCommit(ticket);
  if (op == Op.Madvise) return adviseCommit(ticket);
  if (op == Op.Brk) return brkCommit(ticket);
  if (op == Op.Fault) return faultCommit(ticket);
  if (op == Op.Fork) return forkCommit(ticket);
  if (op == Op.Exit) return exitCommit(ticket);
  if (op == Op.ClearRefs) return forgetCommit(ticket);
  if (op == Op.Evict) return evictCommit(ticket);
  if (op == Op.Truncate || op == Op.Punch) return truncateCommit(ticket);
  if (op == Op.RemapPfn) return remapPfnCommit(ticket);
  if (op == Op.Merge) return mergeCommit(ticket);
  if (op == Op.Writeback) return writebackCommit(ticket);
  return migrateCommit(ticket);
}

/**
 * Carries out what was planned. The last look: whoever was told to let go has let go.
 *
 * @returns what the operation itself answers; EBUSY with the ticket still open while a record that
 *   must be gone is left; EINVAL for a ticket that is not planned.
 */
export function ticketCommit(ticket: Ticket): i32 {
  if (ticket.state != TicketState.Planned) return Status.EINVAL;
  const busy = checkHolders(ticket);
  if (busy) return busy;
  resultSet(ResultField.PopulateMode, 0);
  ticketRelease(ticket);
  ticket.state = TicketState.Committed;
  return apply(ticket);
}

/** Drops a planned ticket: nothing has changed. */
export function ticketAbort(ticket: Ticket): i32 {
  if (ticket.state != TicketState.Planned) return Status.EINVAL;
  if (ticket.op == Op.Mmap) mapAbort(ticket);
  if (ticket.op == Op.RemapPfn) remapAbort(ticket);
  // An exit that is called off: the next one must find what it takes.
  const exits = ticket.op == Op.Exit;
  const mm = ticket.mm;
  if (ticket.op == Op.Truncate || ticket.op == Op.Punch) truncateAbort(ticket);
  if (ticket.op == Op.Writeback) writebackAbort(ticket);
  ticketClose(ticket);
  if (exits) farewellReserve(changetype<Mm>(mm));
  return Status.Ok;
}

/** Lifts the freeze of a committed ticket. */
export function ticketEnd(ticket: Ticket): i32 {
  if (ticket.state != TicketState.Committed) return Status.EINVAL;
  ticketClose(ticket);
  return Status.Ok;
}
