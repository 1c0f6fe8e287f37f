// exit (as Linux mm/mmap.c exit_mmap): release first, then everything goes at once. It cannot be
// refused: a page that somebody still holds keeps its frame out of the allocator until he lets go.

import { Op, ResultField, Status } from "../abi";
import { areaTreeFree } from "../map/area-tree";
import { groupLeave } from "../map/group";
import { entrySlot } from "../map/huge";
import { vmaDrop } from "../map/merge";
import { isExported, Mm, mmDestroy } from "../map/mm";
import { E } from "../map/pte";
import { leafEnd, leafPfn, leafSeek, pmdSlot, pteSet } from "../map/table";
import { Vma } from "../map/vma";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { resultSet } from "../mem/result";
import { farewellRelease } from "../plan/farewell";
import { keysFree } from "../plan/freeze";
import { noticeRelease } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { planBegin, planDone, planTells, planTicket } from "../plan/plan";
import { nextExported, quarantined, recordOrphan, scanFirst, scanNext } from "../plan/record";
import { checkFrozen, Ticket } from "../plan/ticket";
import { zapRange } from "./zap";

/** exit(2): EAGAIN while a bracket is open on the mm; Count = frames put into quarantine. */
export function exit(mm: Mm): i32 {
  const frozen = checkFrozen(mm, 0, USER_END);
  if (frozen) return frozen;
  planBegin();
  farewellRelease(mm);
  if (CONFIG_EXPORT_NOTIFIER && isExported(mm)) noticeRelease(mm);
  if (!planTells()) return exitApply(mm);
  const status = planTicket(Op.Exit, mm, 0, USER_END);
  return status ? status : planDone(0, USER_END, 0, 0);
}

/** Records that are left survive their pte: the frame stays with them. */
function orphanRecords(mm: Mm): void {
  for (let r = scanFirst(mm, 0, USER_END); r; r = scanNext(mm)) recordOrphan(r);
  clearExportedBits(mm);
  clearHugeBits(mm);
}

/** The e bit goes with the mm (E2). */
function clearExportedBits(mm: Mm): void {
  let at = nextExported(mm, 0, USER_END);
  while (at < USER_END) {
    const slot = entrySlot(mm, at);
    pteSet(slot, load<u64>(slot) & ~E);
    at = nextExported(mm, at + 4096, USER_END);
  }
}

/** The same of huge pages, whose bit stands for records that are dead by now. */
function clearHugeBits(mm: Mm): void {
  let at = leafSeek(mm, 0, USER_END);
  while (at < USER_END) {
    const slot = pmdSlot(mm, at);
    if (!leafPfn(mm, at)) pteSet(slot, load<u64>(slot) & ~E);
    at = leafSeek(mm, leafEnd(at, USER_END), USER_END);
  }
}

function exitApply(mm: Mm): i32 {
  const before = quarantined;
  if (CONFIG_EXPORT_NOTIFIER && mm.records) orphanRecords(mm);
  zapRange(mm, 0, USER_END);
  areaTreeFree(mm);
  let p = mm.first;
  while (p) {
    const vma = changetype<Vma>(p);
    p = vma.next;
    vmaDrop(vma);
  }
  farewellRelease(mm);
  groupLeave(mm);
  mmDestroy(mm);
  resultSet(ResultField.Count, quarantined - before);
  return Status.Ok;
}

export function exitCommit(ticket: Ticket): i32 {
  // The keys name the mm, which is about to be gone.
  keysFree(ticket.keys);
  ticket.keys = 0;
  return exitApply(changetype<Mm>(ticket.mm));
}
