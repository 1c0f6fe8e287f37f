// The calls on pages: where they are mapped, as the shell makes them.

import { NoticeKind } from "../abi";
import { mmOf } from "../map/mm";
import { NOWHERE, pageMappedIn } from "../map/rmap";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { frameCount } from "../mem/layout";
import { placesFirst, placesNext, placesOf } from "../op/places";
import { noticeOf } from "../plan/notice";
import { USER_END } from "../plan/placement";

/** Places of a page's notice; as many as the window holds. */
export function noticePlacesEntry(pointer: u32): u32 {
  const notice = noticeOf(pointer);
  return notice && notice.kind == NoticeKind.Page ? placesOf(notice.pfn) : 0;
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
