// What /proc/PID/clear_refs does (as Linux fs/proc/task_mmu.c): forgetting which pages were
// written, and which were used.
//
//   what      clears                             tells
//   written   S and W of every pte, every area   one range, everything: who may write must let go
//   used      A of ptes, PG.referenced           nobody: no right goes
//
// Forgetting what was written takes the right to write, so that the next write faults and is seen.

import {
  ClearRefs,
  Demand,
  Op,
  PG,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  Reason,
  Status,
} from "../abi";
import { flagClear, flagTest } from "../frame/flags";
import { frameAddress } from "../frame/frame";
import { Mm } from "../map/mm";
import { A, P, ptePfn, S } from "../map/pte";
import { softDirtyClear } from "../map/soft-dirty";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "../map/table";
import { isAnonymous, Vma } from "../map/vma";
import { noticeRange } from "../plan/notice";
import { USER_END } from "../plan/placement";
import { mustTell, planBegin, planDone, planTells, planTicket } from "../plan/plan";
import { checkFrozen, opened, Ticket } from "../plan/ticket";

const READ_ONLY: u32 = PROT_READ | PROT_EXEC;

/** Forgets which pages of `mm` were written: Ok, a ticket, EAGAIN when frozen, ENFILE, ENOMEM. */
export function softDirtyForget(mm: Mm): i32 {
  const frozen = checkFrozen(mm, 0, USER_END);
  if (frozen) return frozen;
  planBegin();
  if (mustTell(mm, 0, USER_END)) {
    const before = READ_ONLY | PROT_WRITE;
    noticeRange(mm, 0, USER_END, Reason.Protect, Demand.Writers, before, READ_ONLY);
  }
  if (!planTells()) return forgetApply(mm);
  const status = planTicket(Op.ClearRefs, mm, 0, USER_END);
  if (status) return status;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(0, USER_END, 0, 0);
}

function forgetApply(mm: Mm): i32 {
  for (let p = mm.first; p; p = changetype<Vma>(p).next) softDirtyClear(mm, changetype<Vma>(p));
  return Status.Ok;
}

export function forgetCommit(ticket: Ticket): i32 {
  return forgetApply(changetype<Mm>(ticket.mm));
}

/** Does `what` mean this area? Memory of a file is "mapped", all other is anonymous. */
function isMeant(vma: Vma, what: u32): bool {
  if (what == ClearRefs.All) return true;
  return isAnonymous(vma) == (what == ClearRefs.Anonymous);
}

function clearLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (!(pte & P) || pte & S) continue;
    if (pte & A) store<u64>(slot, pte & ~A);
    if (flagTest(PG.referenced, ptePfn(pte))) flagClear(PG.referenced, ptePfn(pte));
  }
}

/** Forgets which pages were used. EINVAL for what is none of ClearRefs. */
export function referencesForget(mm: Mm, what: u32): i32 {
  if (what < <u32>ClearRefs.All || what > <u32>ClearRefs.Mapped) return Status.EINVAL;
  for (let p = mm.first; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (!isMeant(vma, what)) continue;
    let at = leafSeek(mm, vma.start, vma.end);
    while (at < vma.end) {
      const stop = leafEnd(at, vma.end);
      clearLeaf(leafPfn(mm, at), leafIndex(at), <u32>((stop - at) >> 12));
      at = leafSeek(mm, stop, vma.end);
    }
  }
  return Status.Ok;
}
