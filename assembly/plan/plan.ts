// The beginning and the end that every plan has in common.

import { Op, ResultField, Status, WINDOW_BYTES } from "../abi";
import { isExported, Mm } from "../map/mm";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { windowBase } from "../mem/layout";
import { resultGet, resultSet, resultSet64 } from "../mem/result";
import { KeyKind } from "./freeze";
import { countsOnLeaf, needNodes } from "./leaf-room";
import { need, needClear, needCovered, needPlaced, needRelease, needTake } from "./need";
import { noticesAny, noticesClear, noticesLacked } from "./notice";
import { USER_END } from "./placement";
import { scanFirst } from "./record";
import { opened, planDrop, Ticket, ticketFreeze, ticketHandle, ticketOpen } from "./ticket";

/** Forgets the plan made before. */
export function planBegin(): void {
  needClear();
  noticesClear();
}

/** Is there a subscriber to be told of a change to [start, end) of `mm`? */
export function mustTell(mm: Mm, start: u64, end: u64): bool {
  if (!CONFIG_EXPORT_NOTIFIER) return false;
  if (!isExported(mm)) return false;
  return mm.watches != 0 || scanFirst(mm, start, min(end, USER_END)) != 0;
}

/**
 * True when the plan has somebody to tell, so that it needs a ticket. One that lacked memory to
 * tell him is no plan that tells nobody: opening its ticket answers ENOMEM.
 */
export function planTells(): bool {
  return CONFIG_EXPORT_NOTIFIER && (noticesAny() || noticesLacked());
}

/** Makes sure that the apply which follows at once cannot fail for want of memory. */
export function planAfford(): i32 {
  if (!needNodes(false)) return planDrop(Status.ENOMEM);
  if (needCovered()) return Status.Ok;
  if (!needTake()) return planDrop(Status.ENOMEM);
  needRelease(need);
  return Status.Ok;
}

/**
 * Opens a ticket that freezes [start, end) of `mm`, as far as it is a user's: a handle in
 * `opened`'s name, or a status.
 */
export function planTicket(op: Op, mm: Mm, start: u64, end: u64): i32 {
  if (!needNodes(true)) return planDrop(Status.ENOMEM);
  const status = ticketOpen(op, mm);
  if (status) return status;
  changetype<Ticket>(opened).places = needPlaced();
  changetype<Ticket>(opened).inLeaf = <u32>countsOnLeaf;
  return ticketFreeze(KeyKind.Mm, changetype<usize>(mm), start, min(end, USER_END));
}

/** Sets the first arguments of the ticket just opened and answers with its handle. */
export function planDone(a: u64, b: u64, c: u64, d: u64): i32 {
  const ticket = changetype<Ticket>(opened);
  ticket.a = a;
  ticket.b = b;
  ticket.c = c;
  ticket.d = d;
  return ticketHandle(opened);
}

/** Ok, with `value` for the caller. */
export function answer(value: u64): i32 {
  resultSet64(ResultField.ValueLo, value);
  return Status.Ok;
}

/** Ok, with the frame that an access goes to. */
export function resolved(pfn: u32): i32 {
  resultSet(ResultField.Pfn, pfn);
  return Status.Ok;
}

/** Ranges that one operation may leave to be populated: what the window holds. */
const POPULATE_MAX: u32 = WINDOW_BYTES / 16;

/**
 * Leaves word that Linux would now populate [start, end), after what it left word of before. Past
 * the limit the last range grows.
 */
export function populateNext(start: u64, end: u64, mode: u32): void {
  const count = resultGet(ResultField.PopulateMode) ? resultGet(ResultField.PopulateCount) : 0;
  const index = min(count, POPULATE_MAX - 1);
  const at = windowBase + ((<usize>index) << 4);
  if (index == count) store<u64>(at, start);
  store<u64>(at + 8, end);
  resultSet(ResultField.PopulateCount, index + 1);
  resultSet(ResultField.PopulateMode, mode);
}
