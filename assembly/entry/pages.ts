// The calls on pages: where they are mapped, as the shell makes them.

import { NoticeKind, Reason, Status, TRANSLATE_MANY_MAX, TRANSLATE_MAX } from "../abi";
import { mmOf } from "../map/mm";
import { NOWHERE, pageMappedIn } from "../map/rmap";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { frameCount } from "../mem/layout";
import { referencesForget, softDirtyForget } from "../op/clear-refs";
import { settled } from "../op/machine";
import { pageHash } from "../op/page-hash";
import { pagemapScan } from "../op/pagemap-scan";
import { pagePin, pageUnpin } from "../op/pin";
import { placesFirst, placesNext, placesOf } from "../op/places";
import { areaSmaps } from "../op/smaps";
import { translateMany, translateRange } from "../op/translate";
import { noticeOf } from "../plan/notice";
import { USER_END } from "../plan/placement";

/** Places of a page's notice; as many as the window holds. */
export function noticePlacesEntry(pointer: u32): u32 {
  const notice = noticeOf(pointer);
  if (!notice || notice.kind != NoticeKind.Page) return 0;
  return placesOf(notice.pfn, notice.reason == Reason.Writeback);
}

/** Places of the `count` frames that the window names; as many as it holds. */
export function placesFirstEntry(count: u32): u32 {
  return placesFirst(count);
}

export function placesNextEntry(): u32 {
  return placesNext();
}

/** Where the area at `address` maps `pfn`: a user address, or -1. */
export function mappedInEntry(handle: u32, address: f64, pfn: u32): f64 {
  const mm = mmOf(handle);
  const at = <u64>address;
  if (!mm || at >= USER_END || !pfn || pfn >= frameCount) return -1;
  const found = vmaLookup(mm, at);
  const place = found ? pageMappedIn(pfn, changetype<Vma>(found)) : NOWHERE;
  return place == NOWHERE ? -1 : <f64>place;
}

/** Forgets which pages were written; or a ticket. */
export function softDirtyForgetEntry(handle: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(softDirtyForget(mm)) : Status.ESRCH;
}

/** Forgets which pages were used. */
export function referencesForgetEntry(handle: u32, what: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(referencesForget(mm, what)) : Status.ESRCH;
}

/** Ranges of pages of a kind; Value = where to go on. Start and end are multiples of the page. */
export function pagemapScanEntry(
  handle: u32,
  start: f64,
  end: f64,
  inverted: u32,
  mask: u32,
  anyOf: u32,
  returned: u32,
  pages: f64,
): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  const from = <u64>start;
  const to = <u64>end;
  if ((from | to) & 4095 || to > USER_END) return Status.EINVAL;
  return <i32>pagemapScan(mm, from, to, inverted, mask, anyOf, returned, <u64>pages);
}

/** What the pages of the area at `address` amount to: 1 with the window full of it, or 0. */
export function areaSmapsEntry(handle: u32, address: f64): i32 {
  const mm = mmOf(handle);
  return mm ? <i32>areaSmaps(mm, <u64>address) : Status.ESRCH;
}

/** Pins a page: Pfn = its frame; or a ticket. */
export function pagePinEntry(handle: u32, address: f64, write: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(pagePin(mm, <u64>address, write != 0)) : Status.ESRCH;
}

/** Lets go of a pinned frame; EINVAL for one that is not. */
export function pageUnpinEntry(handle: u32, pfn: u32, dirty: u32): i32 {
  return settled(pageUnpin(handle, pfn, dirty != 0));
}

/** The bytes of a frame as a whole number below 2 ** 52; 0 for zeros, and for no frame. */
export function pageHashEntry(pfn: u32): f64 {
  return pfn < frameCount ? <f64>pageHash(pfn) : 0;
}

/** The frames of `count` pages from `start` on, as words in the window: Ok; EINVAL, EFAULT. */
export function translateRangeEntry(handle: u32, start: f64, count: u32): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  const from = <u64>start;
  if (from & 4095 || count > TRANSLATE_MAX) return Status.EINVAL;
  if (from > USER_END || (<u64>count) << 12 > USER_END - from) return Status.EFAULT;
  translateRange(mm, from, count);
  return Status.Ok;
}

/** The frames of `count` addresses, f64 in the window, as words behind them: how many were good. */
export function translateManyEntry(handle: u32, count: u32): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  return count > TRANSLATE_MANY_MAX ? Status.EINVAL : <i32>translateMany(mm, count);
}
