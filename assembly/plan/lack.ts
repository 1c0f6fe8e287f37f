// Want of memory: who is told of it, and what is set aside so that the telling can go on.
//
//   free ─────────────── high ─────── low ─────── min ─────────────── 0
//         for everybody    │ reclaim goes on      │ set aside: for calls that callbacks make
//                          └ until here again     └ others get NEED_MEMORY, and reclaim
//
// Invariants
//   U4  What is aside is reserved, beyond what open tickets have.
//
// Written by: entry/reclaim.ts; the one look of each operation is `wanting`.

import { PAGE_SHIFT, ResultField, Status } from "../abi";
import {
  framesAvailable,
  framesLackTake,
  framesReserve,
  framesUnreserve,
  freeFrames,
} from "../frame/buddy";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";

/** As Linux's init_per_zone_wmark_min: 4 × sqrt(kilobytes), in kilobytes, within these. */
const MIN_KILOBYTES: f64 = 128;
const MAX_KILOBYTES: f64 = 262144;

/** Whether want of frames is NEED_MEMORY rather than ENOMEM. */
export let reclaims: bool = false;
/** Frames aside for calls out of callbacks, as many as there were to be had. */
let emergency: u32 = 0;
/** Frames aside for calls that have waited for them. */
let promised: u32 = 0;
/** The group that was over its limit, since `wanting`. */
let lackGroup: u32 = 0;
let lackPages: u32 = 0;

export function watermarkMin(): u32 {
  const kilobytes = <f64>(frameCount << (PAGE_SHIFT - 10));
  const least = min(max(Math.sqrt(kilobytes * 16), MIN_KILOBYTES), MAX_KILOBYTES);
  return <u32>least >>> (PAGE_SHIFT - 10);
}

export function watermarkLow(): u32 {
  return watermarkMin() + (watermarkMin() >>> 2);
}

export function watermarkHigh(): u32 {
  return watermarkMin() + (watermarkMin() >>> 1);
}

/** Frames that are free and more than the high watermark asks for, or fewer: below zero. */
export function framesToHigh(): i32 {
  return <i32>watermarkHigh() - <i32>freeFrames();
}

/** Frames set aside beyond those of tickets. */
export function framesAside(): u32 {
  return emergency + promised;
}

/** From now on want of memory is NEED_MEMORY, and the reserve is filled; or it is ENOMEM again. */
export function reclaimsSet(on: bool): void {
  reclaims = on;
}

/** Fills the reserve up to the low end of the watermarks, as far as there are frames. */
export function reserveFill(): void {
  const want = watermarkMin();
  if (emergency >= want) return;
  const take = min(want - emergency, framesAvailable());
  if (take && framesReserve(take)) emergency += take;
}

/** Lets whoever calls next have the reserve. */
export function reserveOpen(): void {
  framesUnreserve(emergency);
  emergency = 0;
}

/** Sets `n` frames aside for a call that will ask again; false where there are not so many. */
export function promiseMake(n: u32): bool {
  if (!framesReserve(n)) return false;
  promised += n;
  return true;
}

/** The call asks now, or gives up. */
export function promiseKeep(n: u32): void {
  const count = min(n, promised);
  framesUnreserve(count);
  promised -= count;
}

/** A group goes without `pages`. @returns ENOMEM. */
export function groupLacks(group: u32, pages: u32): i32 {
  lackGroup = group;
  lackPages = pages;
  return Status.ENOMEM;
}

/** Whether an ENOMEM is for want of frames, and reclaim may change that. */
export function mayReclaim(status: i32): bool {
  if (status != Status.ENOMEM) return false;
  const frames = framesLackTake();
  const group = lackGroup;
  const pages = group ? lackPages : frames;
  lackGroup = 0;
  if (!reclaims || !pages) return false;
  resultSet(ResultField.LackFrames, pages);
  resultSet(ResultField.LackGroup, group);
  return true;
}

/** What an operation answers: NEED_MEMORY for an ENOMEM that reclaim may change. */
export function wanting(status: i32): i32 {
  return mayReclaim(status) ? Status.NEED_MEMORY : status;
}
