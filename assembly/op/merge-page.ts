// Making two equal pages one (as Linux mm/ksm.c try_to_merge_one_page): the ptes of one name the
// other, which nobody may write from then on.
//
//              page A, of mm 1      page B, of mm 2, 3       told
//   before     W                    r        r
//   A is new   write-protected      replaced replaced        A and B
//   A merged   as it is             replaced replaced        B
//
// Linux replaces the ptes of B one by one, here they go together: a page is told of once, with all
// its places, and its frame is free at once. Bytes are compared by the plan, and by the commit once
// more: a holder may have written until it let go.

import {
  Demand,
  LruKind,
  Op,
  PG,
  Reason,
  ResultField,
  Status,
  VM_MERGEABLE,
  VM_PFNMAP,
  Vmstat,
} from "../abi";
import { frameAlloc } from "../frame/buddy";
import { flagSet, flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { lruMoveTo } from "../frame/lru";
import {
  framesEqual,
  isMerged,
  KSM_SHARING_MAX,
  KsmNode,
  ksmAppend,
  ksmCount,
  ksmCreate,
  ksmHasRoom,
  ksmNode,
  ksmPrune,
  ksmSeek,
} from "../map/ksm";
import { frameDrop } from "../map/mapping";
import { Mm } from "../map/mm";
import { D, pteMake, ptePfn, pteWithPfn, SD, W } from "../map/pte";
import {
  frameMapNewAnon,
  frameUnmap,
  rmapFirst,
  rmapNext,
  walkAddress,
  walkVma,
} from "../map/rmap";
import { pteSet, pteSlot } from "../map/table";
import { Vma, vmaMm } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { certain } from "../mem/certain";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";
import { statAdd } from "../mem/vmstat";
import { need } from "../plan/need";
import { noticePage, noticeRange, protOf } from "../plan/notice";
import { mustTell, planAfford, planBegin, planDone, planTells } from "../plan/plan";
import { recordsOf } from "../plan/record";
import { opened, Ticket, ticketOpen } from "../plan/ticket";
import { anyPlaceFrozen, freezePage, isWatched } from "./migrate";

const MERGES: u32 = VM_MERGEABLE | VM_PFNMAP;

/** Whether pages of `vma` may be merged. */
export function areaMerges(vma: Vma): bool {
  return (vma.flags & MERGES) == VM_MERGEABLE;
}

/** An anonymous page that is nobody's but its ptes' and its holders', and not merged yet. */
export function isMergeable(pfn: u32): bool {
  if (!pfn || pfn >= frameCount || !flagTest(PG.anon, pfn) || isMerged(pfn)) return false;
  if (flagTest(PG.swapcache, pfn) || flagTest(PG.pinned, pfn)) return false;
  if (flagTest(PG.quarantine, pfn) || flagTest(PG.head, pfn) || flagTest(PG.tail, pfn))
    return false;
  const frame = frameOf(pfn);
  if (!frame.mapcount || frame.mapcount > KSM_SHARING_MAX) return false;
  return frame.refcount - frame.mapcount == recordsOf(pfn);
}

/** Whether every area that maps `pfn` may have its pages merged. */
function everywhereMerges(pfn: u32): bool {
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    if (!areaMerges(changetype<Vma>(walkVma))) return false;
  }
  return true;
}

function canMerge(pfn: u32, into: u32): bool {
  if (pfn == into || !isMergeable(pfn) || into >= frameCount) return false;
  const isOld = isMerged(into);
  if (!isOld && !(isMergeable(into) && everywhereMerges(into))) return false;
  return ksmHasRoom(into, pfn) && everywhereMerges(pfn) && framesEqual(pfn, into);
}

/**
 * Makes `pfn` one with `into`, an equal page, merged already or not.
 *
 * @returns Ok with the places that moved in Count; ENOENT where they are no two pages that can be
 *   merged, or not equal any more; EAGAIN when frozen; ENOMEM; a ticket.
 */
export function pageMerge(pfn: u32, into: u32): i32 {
  if (!canMerge(pfn, into)) return Status.ENOENT;
  const isNew = !isMerged(into);
  const frozen = anyPlaceFrozen(pfn);
  if (frozen) return frozen;
  const other = isNew ? anyPlaceFrozen(into) : Status.Ok;
  if (other) return other;
  planBegin();
  need.merges = frameOf(pfn).mapcount + (isNew ? frameOf(into).mapcount + 1 : 0);
  if (isNew && isWatched(into)) noticePage(into, Reason.Merge, Demand.All);
  if (isWatched(pfn)) noticePage(pfn, Reason.Merge, Demand.All);
  if (planTells()) return mergeTicket(pfn, into, isNew);
  const status = planAfford();
  return status ? status : mergeApply(pfn, into);
}

/** A page that is merged already is not frozen: whether it still is there, the commit sees. */
function mergeTicket(pfn: u32, into: u32, isNew: bool): i32 {
  rmapFirst(pfn);
  const status = ticketOpen(Op.Merge, vmaMm(changetype<Vma>(walkVma)));
  if (status) return status;
  const first = freezePage(pfn);
  if (first) return first;
  const second = isNew ? freezePage(into) : Status.Ok;
  if (second) return second;
  changetype<Ticket>(opened).holdsWrites = 1;
  return planDone(pfn, into, isNew ? 1 : 0, 0);
}

/** What has become different, or went, while holders were told, stays two: ENOENT. */
export function mergeCommit(ticket: Ticket): i32 {
  const pfn = <u32>ticket.a;
  const into = <u32>ticket.b;
  const isSame = canMerge(pfn, into) && isMerged(into) == (ticket.c == 0);
  return isSame ? mergeApply(pfn, into) : Status.ENOENT;
}

/** Gives `pfn` a node, and takes W from its ptes. */
function protectAll(pfn: u32): void {
  // The walk began while the page was its anon_vma's, and goes on there.
  let more = rmapFirst(pfn);
  const node = ksmCreate(pfn);
  for (; more; more = rmapNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    const slot = pteSlot(mm, walkAddress);
    pteSet(slot, load<u64>(slot) & ~(W | D));
    ksmAppend(node, mm, walkAddress);
  }
  // One that MADV_FREE marked has contents again that must not go.
  if (flagTest(PG.swapbacked, pfn)) return;
  flagSet(PG.swapbacked, pfn);
  lruMoveTo(pfn, LruKind.ActiveAnon);
}

function repointAll(pfn: u32, node: KsmNode): void {
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const mm = vmaMm(changetype<Vma>(walkVma));
    const slot = pteSlot(mm, walkAddress);
    ksmPrune(node, mm, walkAddress);
    pteSet(slot, pteWithPfn(load<u64>(slot), node.pfn) & ~(W | D));
    ksmAppend(node, mm, walkAddress);
  }
}

function mergeApply(pfn: u32, into: u32): i32 {
  if (!isMerged(into)) protectAll(into);
  repointAll(pfn, ksmNode(into));
  const from = frameOf(pfn);
  const to = frameOf(into);
  const moved = from.mapcount;
  to.mapcount += moved;
  to.refcount += moved;
  from.refcount -= moved - 1;
  from.mapcount = 0;
  from.mapping = 0;
  statAdd(Vmstat.nr_anon_pages, -1);
  frameDrop(pfn);
  resultSet(ResultField.Count, moved);
  return Status.Ok;
}

/** Adds to the plan being made what giving the merged pages of [start, end) back takes. */
export function unmergePlan(mm: Mm, start: u64, end: u64): void {
  need.frames += ksmCount(mm, start, end);
  if (!mustTell(mm, start, end)) return;
  for (let at = ksmSeek(mm, start, end); at < end; at = ksmSeek(mm, at + 4096, end)) {
    if (!mustTell(mm, at, at + 4096)) continue;
    const prot = protOf(changetype<Vma>(vmaLookup(mm, at)).flags);
    noticeRange(mm, at, at + 4096, Reason.Cow, Demand.All, prot, prot);
  }
}

/** Gives each merged page of [start, end) a copy of its own, W clear (Linux: unmerge_ksm_pages). */
export function unmergeRange(mm: Mm, start: u64, end: u64): void {
  for (let at = ksmSeek(mm, start, end); at < end; at = ksmSeek(mm, at + 4096, end)) {
    const vma = changetype<Vma>(vmaLookup(mm, at));
    const slot = pteSlot(mm, at);
    const pte = load<u64>(slot);
    const old = ptePfn(pte);
    const pfn = frameAlloc(0);
    certain(pfn != 0);
    memory.copy(frameAddress(pfn), frameAddress(old), 4096);
    frameMapNewAnon(pfn, vma, at);
    // The bytes are the same: what counts as written goes on doing so.
    pteSet(slot, pteMake(pfn, vma.flags) | (pte & SD));
    frameUnmap(old);
    statAdd(Vmstat.cow_break, 1);
    statAdd(Vmstat.cow_ksm, 1);
  }
}
