// Whom a notice reaches, and who stands in the way of a commit.

import {
  Demand,
  NoticeKind,
  Reason,
  ResultField,
  Status,
  SUBSCRIBER_WORDS,
  VM_SHARED,
} from "../abi";
import { mmOf } from "../map/mm";
import { treeNext } from "../map/tree";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { windowBase } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { Notice } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { ExportRecord, recordFirst, scanFirst, scanNext, violates } from "../plan/record";
import { Ticket } from "../plan/ticket";

function mark(subscriber: u32): void {
  const at = windowBase + ((<usize>subscriber >> 5) << 2);
  store<u32>(at, load<u32>(at) | (1 << (subscriber & 31)));
}

/** Who holds the page through a private area never writes it: writeback is not his concern. */
function isConcerned(record: ExportRecord, reason: u32): bool {
  if (reason != <u32>Reason.Writeback) return true;
  const mm = mmOf(record.mm);
  const vma = mm ? vmaLookup(mm, record.address) : 0;
  return vma != 0 && (changetype<Vma>(vma).flags & VM_SHARED) != 0;
}

/** Adds the subscribers with a record of `pfn` to the set in the window. @returns records. */
export function markFrame(pfn: u32, reason: u32): u32 {
  let count: u32 = 0;
  for (let at = recordFirst(pfn); at; at = treeNext(at)) {
    if (!isConcerned(changetype<ExportRecord>(at), reason)) continue;
    mark(changetype<ExportRecord>(at).subscriber);
    count++;
  }
  return count;
}

/** Writes the set of subscribers with a record in reach to the window. @returns records. */
export function noticeReach(notice: Notice): u32 {
  memory.fill(windowBase, 0, SUBSCRIBER_WORDS << 2);
  if (notice.kind == NoticeKind.Page) return markFrame(notice.pfn, notice.reason);
  if (notice.kind != NoticeKind.MappingRange) return markRange(notice);
  let count: u32 = 0;
  for (let at = notice.next; at; at = changetype<Notice>(at).next) {
    if (changetype<Notice>(at).kind != NoticeKind.Hit) break;
    count += markRange(changetype<Notice>(at));
  }
  return count;
}

function markRange(notice: Notice): u32 {
  const mm = mmOf(notice.mm);
  if (!mm) return 0;
  const release = notice.kind == NoticeKind.Release;
  const start = release ? 0 : notice.start;
  const end = release ? USER_END : notice.end;
  let count: u32 = 0;
  for (let r = scanFirst(mm, start, end); r; r = scanNext(mm)) {
    mark(changetype<ExportRecord>(r).subscriber);
    count++;
  }
  return count;
}

function blockerOfPage(pfn: u32, demand: Demand): usize {
  for (let r = recordFirst(pfn); r; r = treeNext(r)) {
    if (violates(r, demand)) return r;
  }
  return 0;
}

function blockerOf(notice: Notice): usize {
  const demand = <Demand>notice.demand;
  // What a file's notice asks for, its hits ask for.
  if (demand == Demand.Nothing || notice.kind == NoticeKind.MappingRange) return 0;
  if (notice.kind == NoticeKind.Page) return blockerOfPage(notice.pfn, demand);
  const mm = mmOf(notice.mm);
  if (!mm) return 0;
  for (let r = scanFirst(mm, notice.start, notice.end); r; r = scanNext(mm)) {
    if (violates(r, demand)) return r;
  }
  return 0;
}

/** Ok, or EBUSY with the holder in the result block, while a record that must go is left (P3). */
export function checkHolders(ticket: Ticket): i32 {
  for (let at = ticket.notices; at; at = changetype<Notice>(at).next) {
    const blocker = blockerOf(changetype<Notice>(at));
    if (!blocker) continue;
    const record = changetype<ExportRecord>(blocker);
    resultSet(ResultField.Holder, record.subscriber);
    resultSet64(ResultField.HolderLo, record.address);
    return Status.EBUSY;
  }
  return Status.Ok;
}
