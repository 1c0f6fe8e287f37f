// The calls of reclaim and of groups, as the shell makes them.

import { Reason, Status, SUBSCRIBER_WORDS } from "../abi";
import { frameOf } from "../frame/frame";
import { mmOf } from "../map/mm";
import { frameCount, windowBase } from "../mem/layout";
import { pageEvict } from "../op/evict";
import { exportMarkAccessed } from "../op/export";
import { groupEnter, groupMake, groupPages, groupRelease, groupSetLimit } from "../op/group";
import { settled } from "../op/machine";
import { markFrame } from "../op/reach";
import { ageNext, countStolen, judge, shrink } from "../op/shrink";
import {
  framesToHigh,
  promiseKeep,
  promiseMake,
  reclaimsSet,
  reserveFill,
  reserveOpen,
  watermarkHigh,
  watermarkLow,
  watermarkMin,
} from "../plan/lack";

/** Scans the LRU lists until `pages` are on their way, of one group or of all (0). How many. */
export function shrinkEntry(pages: u32, group: u32, direct: u32): u32 {
  const count = shrink(pages, group, direct != 0);
  settled(Status.Ok);
  return count;
}

/** Lists up to `most` pages that are held outside: Candidate records in the window. */
export function ageEntry(group: u32, most: u32): u32 {
  const count = ageNext(group, most);
  settled(Status.Ok);
  return count;
}

/** Whether a page with `references` is to go: 1, or 0 where it stays. */
export function judgeEntry(pfn: u32, references: u32): u32 {
  if (!pfn || pfn >= frameCount || !frameOf(pfn).lru) return 0;
  return judge(pfn, references) == 0 ? 1 : 0;
}

export function evictEntry(pfn: u32): i32 {
  return settled(pageEvict(pfn));
}

/** `pages` that were held outside have gone. */
export function stolenEntry(pages: u32, direct: u32): void {
  countStolen(pages, direct != 0);
}

/** Writes the set of subscribers with a record of frame `pfn` to the window. @returns records. */
export function pageReachEntry(pfn: u32): u32 {
  memory.fill(windowBase, 0, SUBSCRIBER_WORDS << 2);
  return pfn && pfn < frameCount ? markFrame(pfn, Reason.Evict) : 0;
}

export function markAccessedEntry(subscriber: u32, handle: u32, start: f64, end: f64): i32 {
  const mm = mmOf(handle);
  return mm ? exportMarkAccessed(subscriber, mm, <u64>start, <u64>end) : Status.ESRCH;
}

/** 0, 1, 2: min, low and high, in frames. */
export function watermarkEntry(which: u32): u32 {
  if (which == 0) return watermarkMin();
  return which == 1 ? watermarkLow() : watermarkHigh();
}

/** Frames that lack until the high watermark; below zero, what is beyond it. */
export function toHighEntry(): i32 {
  return framesToHigh();
}

/** Whether want of frames is NEED_MEMORY, or ENOMEM. */
export function reclaimsEntry(on: u32): void {
  reclaimsSet(on != 0);
}

/** Sets frames aside for calls out of callbacks, up to the min watermark; or lets them be had. */
export function reserveEntry(fill: u32): void {
  if (fill) reserveFill();
  else reserveOpen();
}

/** Sets `frames` aside for a call that asks again: 1, or 0 where there are not so many. */
export function promiseEntry(frames: u32): u32 {
  return promiseMake(frames) ? 1 : 0;
}

export function promiseKeepEntry(frames: u32): void {
  promiseKeep(frames);
}

export function groupMakeEntry(limit: u32): i32 {
  return settled(groupMake(limit));
}

export function groupLimitEntry(group: u32, limit: u32): i32 {
  return groupSetLimit(group, limit);
}

export function groupEnterEntry(group: u32, handle: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(groupEnter(mm, group)) : Status.ESRCH;
}

export function groupReleaseEntry(group: u32): i32 {
  return settled(groupRelease(group));
}

export function groupPagesEntry(group: u32): u32 {
  return groupPages(group);
}
