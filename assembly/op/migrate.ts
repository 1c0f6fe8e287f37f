// Moving a page to another frame (as Linux mm/migrate.c): every pte that maps it is found by the
// reverse map, the bytes are copied, and the ptes name the new frame.

import { Demand, Op, PG, Reason, ResultField, Status, Vmstat } from "../abi";
import { frameAlloc } from "../frame/buddy";
import { flagSet, flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { isHugeFrame } from "../frame/huge";
import { lruReplace } from "../frame/lru";
import { isMerged, ksmNode } from "../map/ksm";
import { frameDrop } from "../map/mapping";
import { pteWithPfn } from "../map/pte";
import { rmapFirst, rmapNext, walkAddress, walkVma } from "../map/rmap";
import { pteSet, pteSlot } from "../map/table";
import { Vma, vmaMm } from "../map/vma";
import { CONFIG_EXPORT_NOTIFIER } from "../mem/assert";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";
import { statAdd } from "../mem/vmstat";
import { freezeConflict, KeyKind } from "../plan/freeze";
import { need } from "../plan/need";
import { noticePage } from "../plan/notice";
import { planAfford, planBegin, planDone, planTells } from "../plan/plan";
import {
  checkFrozen,
  opened,
  refuseFrozen,
  Ticket,
  ticketFreeze,
  ticketOpen,
} from "../plan/ticket";

/** EAGAIN where the frame, or a place of it, is frozen. */
export function anyPlaceFrozen(pfn: u32): i32 {
  const open = freezeConflict(KeyKind.Frame, pfn, 0, 1);
  if (open) return refuseFrozen(open);
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    const frozen = checkFrozen(mm, walkAddress, walkAddress + 4096);
    if (frozen) return frozen;
  }
  return Status.Ok;
}

/** Freezes a page and its places for the ticket being opened. */
export function freezePage(pfn: u32): i32 {
  const frame = ticketFreeze(KeyKind.Frame, pfn, 0, 1);
  if (frame) return frame;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    const place = ticketFreeze(KeyKind.Mm, changetype<usize>(mm), walkAddress, walkAddress + 4096);
    if (place) return place;
  }
  return Status.Ok;
}

/** Is anybody to be told: a record of the page, or a watch on an mm that maps it? */
export function isWatched(pfn: u32): bool {
  if (!CONFIG_EXPORT_NOTIFIER) return false;
  if (flagTest(PG.exported, pfn)) return true;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    if (vmaMm(changetype<Vma>(walkVma)).watches) return true;
  }
  return false;
}

/**
 * Moves the anonymous page in `pfn` to another frame: Pfn = the new one.
 * @returns EINVAL where it is no mapped anonymous page, or a huge one; EBUSY where pinned or in
 * quarantine;
 *   EAGAIN when frozen; ENOMEM; a ticket.
 */
export function pageMigrate(pfn: u32): i32 {
  if (!pfn || pfn >= frameCount || !flagTest(PG.anon, pfn)) return Status.EINVAL;
  if (isHugeFrame(pfn)) return Status.EINVAL;
  if (!frameOf(pfn).mapcount) return Status.EINVAL;
  if (flagTest(PG.pinned, pfn) || flagTest(PG.quarantine, pfn)) return Status.EBUSY;
  if (flagTest(PG.swapcache, pfn)) return Status.EBUSY;
  const frozen = anyPlaceFrozen(pfn);
  if (frozen) return frozen;
  planBegin();
  need.frames = 1;
  if (isWatched(pfn)) noticePage(pfn, Reason.Migrate, Demand.All);
  if (planTells()) return migrateTicket(pfn);
  const status = planAfford();
  return status ? status : migrateApply(pfn);
}

function migrateTicket(pfn: u32): i32 {
  rmapFirst(pfn);
  const status = ticketOpen(Op.Migrate, vmaMm(changetype<Vma>(walkVma)));
  if (status) return status;
  const frozen = freezePage(pfn);
  if (frozen) return frozen;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(pfn, 0, 0, 0);
}

function migrateApply(pfn: u32): i32 {
  const fresh = frameAlloc(0);
  if (!fresh) return Status.ENOMEM;
  const from = frameOf(pfn);
  const to = frameOf(fresh);
  memory.copy(frameAddress(fresh), frameAddress(pfn), 4096);
  const anonVma = from.mapping;
  to.mapping = anonVma;
  to.index = from.index;
  to.mapcount = from.mapcount;
  to.refcount = from.mapcount;
  flagSet(PG.anon, fresh);
  flagSet(PG.uptodate, fresh);
  if (flagTest(PG.swapbacked, pfn)) flagSet(PG.swapbacked, fresh);
  if (flagTest(PG.dirty, pfn)) flagSet(PG.dirty, fresh);
  if (flagTest(PG.mlocked, pfn)) flagSet(PG.mlocked, fresh);
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const slot = pteSlot(vmaMm(changetype<Vma>(walkVma)), walkAddress);
    pteSet(slot, pteWithPfn(load<u64>(slot), fresh));
  }
  if (isMerged(pfn)) {
    ksmNode(pfn).pfn = fresh;
    flagSet(PG.ksm, fresh);
  }
  if (from.lru) lruReplace(pfn, fresh);
  from.refcount -= from.mapcount - 1;
  from.mapcount = 0;
  from.mapping = 0;
  frameDrop(pfn);
  statAdd(Vmstat.pgmigrate_success, 1);
  resultSet(ResultField.Pfn, fresh);
  return Status.Ok;
}

export function migrateCommit(ticket: Ticket): i32 {
  return migrateApply(<u32>ticket.a);
}
