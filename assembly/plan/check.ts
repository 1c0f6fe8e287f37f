// The checker of what is planned and exported.
//
//   222       MMF_EXPORTED            here
//   432..433  pins                    check-pin.ts
//   453       plans of devices        check-ticket.ts
//   501, 502  reserves                check-ticket.ts
//   511..513  freezes                 check-freeze.ts
//   521..523  tickets                 check-ticket.ts, check-watch.ts
//   601..606  records                 here
//   701..702  counters                check-gauge.ts
//   801..805  huge pages              check-huge.ts, map/check-table.ts
//
// Written by: nobody. Read by: op/machine.ts; tests, after each step.

import { HUGE_FRAMES, PAGE_SIZE, PG, SUBSCRIBERS_MAX } from "../abi";
import { flagCount } from "../frame/flag-range";
import { flagNext, flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { weigh } from "../map/check-used";
import { hugeGet, hugePfn } from "../map/huge";
import { isExported, Mm, mmFirst } from "../map/mm";
import { E, P, ptePfn } from "../map/pte";
import { leafEnd, leafPfn, leafSeek } from "../map/table";
import { treeCheck, treeNext } from "../map/tree";
import { frameCount } from "../mem/layout";
import { checkFreezes } from "./check-freeze";
import { checkGauges } from "./check-gauge";
import { checkHugePool } from "./check-huge";
import { checkPins } from "./check-pin";
import { checkTickets } from "./check-ticket";
import { USER_END } from "./placement";
import {
  ExportRecord,
  inOrder,
  quarantined,
  recordFirst,
  recordOfPage,
  subscriberCount,
  subscriberFirst,
} from "./record";

/** Numbers of broken invariants of export records, and of the mms that they name. */
export const enum RecordInvariant {
  None = 0,
  /** A2: MMF_EXPORTED is set and nothing names the mm, or the reverse. */
  MmExported = 222,
  /** E1: PG.exported without a record, or a record with another frame's list. */
  Flag = 601,
  /** E2: an e bit without a record, or a live record without its e bit. */
  Bit = 602,
  /** E3: an mm or a subscriber counts other records than there are. */
  Count = 603,
  /** E4: PG.quarantine without a dead record, or the reverse. */
  Quarantine = 604,
  /** R5: refcount of a frame that somebody exports. */
  RefCount = 605,
  /** E5: records of a frame out of order, or in no balanced tree. */
  Order = 606,
}

// Sums over the records in the lists of frames: all of them, and those of live mms, from which the
// e bits take away what they find.
let listed: u64 = 0;
let live: u64 = 0;
let dead: u32 = 0;
let deadFrames: u32 = 0;

/** @returns the number of the first invariant of the plan layer that does not hold, or 0. */
export function checkPlans(): u32 {
  const freezes = checkFreezes();
  if (freezes) return freezes;
  const frames = checkExportedFrames();
  if (frames) return frames;
  const mms = checkMms();
  if (mms) return mms;
  const pins = checkPins();
  if (pins) return pins;
  const subscribers = checkSubscribers();
  if (subscribers) return subscribers;
  const tickets = checkTickets();
  if (tickets) return tickets;
  const huge = checkHugePool();
  return huge ? huge : checkGauges();
}

function checkExportedFrames(): u32 {
  listed = 0;
  live = 0;
  deadFrames = 0;
  for (let pfn = flagNext(PG.exported, 0, frameCount); pfn < frameCount; ) {
    const bad = checkFrame(pfn);
    if (bad) return bad;
    pfn = flagNext(PG.exported, pfn + 1, frameCount);
  }
  const isCounted = deadFrames == quarantined;
  const isFlagged = deadFrames == flagCount(PG.quarantine, 0, frameCount);
  return isCounted && isFlagged ? RecordInvariant.None : RecordInvariant.Quarantine;
}

function checkFrame(pfn: u32): u32 {
  const frame = frameOf(pfn);
  let count: u32 = 0;
  dead = 0;
  if (treeCheck(frame.exports, 0)) return RecordInvariant.Order;
  let last: usize = 0;
  for (let at = recordFirst(pfn); at; at = treeNext(at)) {
    const record = changetype<ExportRecord>(at);
    if (last && !inOrder(last, at)) return RecordInvariant.Order;
    last = at;
    if (record.pfn != pfn) return RecordInvariant.Flag;
    if (record.dead) dead += 1;
    else live += weigh(at);
    listed += weigh(at);
    count += 1;
  }
  if (!count) return RecordInvariant.Flag;
  if ((dead != 0) != flagTest(PG.quarantine, pfn)) return RecordInvariant.Quarantine;
  if (dead) deadFrames += 1;
  // A huge page has its counts in its first frame: check-huge.ts.
  if (flagTest(PG.hugetlb, pfn)) return RecordInvariant.None;
  // The zero page's own reference is the machine's.
  const own: u32 = flagTest(PG.pagecache, pfn) || !pfn ? 1 : 0;
  const swapped: u32 = flagTest(PG.swapcache, pfn) ? 1 : 0;
  const isRight = frame.refcount == frame.mapcount + own + swapped + frame.pins + count;
  return isRight ? RecordInvariant.None : RecordInvariant.RefCount;
}

/** Live records that e bits of one mm led to. */
let found: u32 = 0;

/** E bits and live records lead to each other; only then are counts looked at. */
function checkMms(): u32 {
  let first: u32 = RecordInvariant.None;
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    const mm = changetype<Mm>(at);
    found = 0;
    const bad = checkBits(mm);
    if (bad) return bad;
    if (first) continue;
    if (isExported(mm) != ((found | mm.watches) != 0)) first = RecordInvariant.MmExported;
    else if (found != mm.records) first = RecordInvariant.Count;
  }
  return live ? RecordInvariant.Bit : first;
}

function checkBits(mm: Mm): u32 {
  let at = leafSeek(mm, 0, USER_END);
  while (at < USER_END) {
    const leaf = leafPfn(mm, at);
    let bad: u32 = 0;
    if (!leaf) bad = checkHugeBits(mm, at);
    else if (frameOf(leaf).exports) bad = checkLeaf(mm, leaf, at);
    if (bad) return bad;
    at = leafSeek(mm, leafEnd(at, USER_END), USER_END);
  }
  return RecordInvariant.None;
}

function checkLeaf(mm: Mm, leaf: u32, start: u64): u32 {
  let address = start;
  const end = frameAddress(leaf) + PAGE_SIZE;
  for (let slot = frameAddress(leaf); slot < end; slot += 8, address += 4096) {
    const pte = load<u64>(slot);
    if (!(pte & E)) continue;
    if (!(pte & P) || !takeRecords(mm.handle, address, ptePfn(pte))) return RecordInvariant.Bit;
    if (!flagTest(PG.exported, ptePfn(pte))) return RecordInvariant.Flag;
  }
  return RecordInvariant.None;
}

/** The e bit of a huge page stands for records of any part of it. */
function checkHugeBits(mm: Mm, start: u64): u32 {
  const entry = hugeGet(mm, start);
  const head = hugePfn(entry);
  let isHeld = false;
  for (let i: u32 = 0; i < HUGE_FRAMES; i++) {
    if (takeRecords(mm.handle, start + ((<u64>i) << 12), head + i)) isHeld = true;
  }
  return isHeld == ((entry & E) != 0) ? RecordInvariant.None : RecordInvariant.Bit;
}

/** Takes the records of one page out of `live`. @returns whether there was one. */
function takeRecords(mm: u32, address: u64, pfn: u32): bool {
  const before = found;
  for (let at = recordOfPage(pfn, mm, address); at; at = treeNext(at)) {
    const record = changetype<ExportRecord>(at);
    if (record.mm != mm || record.address != address) break;
    live -= weigh(at);
    found += 1;
  }
  return found != before;
}

/** The subscribers' lists have the records that the frames' lists have, each once. */
function checkSubscribers(): u32 {
  let held: u64 = 0;
  for (let subscriber: u32 = 0; subscriber < SUBSCRIBERS_MAX; subscriber++) {
    let count: u32 = 0;
    let last: usize = 0;
    for (let at = subscriberFirst(subscriber); at; at = changetype<ExportRecord>(at).next) {
      const record = changetype<ExportRecord>(at);
      if (record.subscriber != subscriber || record.prev != last) return RecordInvariant.Count;
      held += weigh(at);
      count += 1;
      last = at;
    }
    if (count != subscriberCount(subscriber)) return RecordInvariant.Count;
  }
  return held == listed ? RecordInvariant.None : RecordInvariant.Count;
}
