// The checker of what is planned and exported.
//
// @returns the number of the first invariant that does not hold (PlanInvariant), or 0.

import { PG } from "../abi";
import { framesReserved } from "../frame/buddy";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { Mm, mmFirst, mmOf } from "../map/mm";
import { E, P, ptePfn } from "../map/pte";
import { pteGet } from "../map/table";
import { frameCount } from "../mem/layout";
import { Key, KeyKind, keyFirst } from "./freeze";
import { USER_END } from "./placement";
import { ExportRecord, nextExported, quarantined } from "./record";
import { ticketsOpen } from "./ticket";

export const enum PlanInvariant {
  Reserve = 501,
  KeysOverlap = 511,
  FreezeCount = 512,
  ExportedFlag = 601,
  ExportedBit = 602,
  RecordCount = 603,
  Quarantine = 604,
  RefCount = 605,
}

function overlaps(a: Key, b: Key): bool {
  if (a.ticket == b.ticket || a.kind != b.kind || a.object != b.object) return false;
  return a.start < b.end && b.start < a.end;
}

function checkKeys(): u32 {
  for (let p = keyFirst(); p; p = changetype<Key>(p).all) {
    for (let q = changetype<Key>(p).all; q; q = changetype<Key>(q).all) {
      if (overlaps(changetype<Key>(p), changetype<Key>(q))) return PlanInvariant.KeysOverlap;
    }
  }
  for (let p = mmFirst(); p; p = changetype<Mm>(p).next) {
    let keys: u32 = 0;
    for (let q = keyFirst(); q; q = changetype<Key>(q).all) {
      const key = changetype<Key>(q);
      if (key.kind == KeyKind.Mm && key.object == p) keys++;
    }
    if (keys != changetype<Mm>(p).freezes) return PlanInvariant.FreezeCount;
  }
  return ticketsOpen || !framesReserved() ? 0 : PlanInvariant.Reserve;
}

/** Live and dead records seen; the live ones must add up to the mms' counts. */
let liveRecords: u64 = 0;
let deadFrames: u32 = 0;

function checkRecord(record: ExportRecord, pfn: u32): u32 {
  if (record.pfn != pfn) return PlanInvariant.ExportedFlag;
  if (record.dead) return 0;
  liveRecords++;
  const mm = mmOf(record.mm);
  if (!mm) return PlanInvariant.RecordCount;
  const pte = pteGet(mm, record.address);
  return pte & P && pte & E && ptePfn(pte) == pfn ? 0 : PlanInvariant.ExportedBit;
}

function checkFrameRecords(pfn: u32): u32 {
  const frame = frameOf(pfn);
  let count: u32 = 0;
  let dead = false;
  for (let at = frame.exports; at; at = changetype<ExportRecord>(at).nextOfFrame) {
    const record = changetype<ExportRecord>(at);
    const bad = checkRecord(record, pfn);
    if (bad) return bad;
    if (record.dead) dead = true;
    count++;
  }
  if (!count) return PlanInvariant.ExportedFlag;
  if (dead) deadFrames++;
  if (dead != flagTest(PG.quarantine, pfn)) return PlanInvariant.Quarantine;
  // The zero page's own reference is the machine's.
  const cached: u32 = flagTest(PG.pagecache, pfn) || !pfn ? 1 : 0;
  return frame.refcount == frame.mapcount + cached + count ? 0 : PlanInvariant.RefCount;
}

/** Every e bit has a record: the walk from the other side of E2. */
function checkBits(): u32 {
  for (let p = mmFirst(); p; p = changetype<Mm>(p).next) {
    const mm = changetype<Mm>(p);
    liveRecords -= mm.records;
    for (let at = nextExported(mm, 0, USER_END); at < USER_END; ) {
      let found = false;
      for (let r = frameOf(ptePfn(pteGet(mm, at))).exports; r; ) {
        const record = changetype<ExportRecord>(r);
        if (record.mm == mm.handle && record.address == at) found = true;
        r = record.nextOfFrame;
      }
      if (!found) return PlanInvariant.ExportedBit;
      at = nextExported(mm, at + 4096, USER_END);
    }
  }
  return liveRecords == 0 ? 0 : PlanInvariant.RecordCount;
}

/** N1, Z1, Z2, E1–E4. */
export function checkPlans(): u32 {
  const keys = checkKeys();
  if (keys) return keys;
  liveRecords = 0;
  deadFrames = 0;
  for (let pfn = flagNext(PG.exported, 0, frameCount); pfn < frameCount; ) {
    const bad = checkFrameRecords(pfn);
    if (bad) return bad;
    pfn = flagNext(PG.exported, pfn + 1, frameCount);
  }
  const bits = checkBits();
  if (bits) return bits;
  return deadFrames == quarantined ? 0 : PlanInvariant.Quarantine;
}
