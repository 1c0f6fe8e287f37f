// Groups of address spaces with a limit on what they have in memory (as Linux mm/memcontrol.c). A
// page is paid for by the group of who touched it first, as long as it is in memory; its LRU list
// says which group that is, so that what a group uses is what its four lists count.
//
// Group 0 has every address space without a group, and no limit.
//
// Invariants
//   L10  `members` of a group counts the address spaces that name it; a group that is not in use
//       has neither members nor pages.
//
// Written by: this file, for op/group.ts, op/fork.ts and op/exit.ts. Read by: op/shrink.ts.

import { GROUPS_MAX, LRU_KINDS, LruKind } from "../abi";
import { lruList, lruMove, lruOf } from "../frame/lru";
import { Mm } from "./mm";

@unmanaged
export class Group {
  isUsed: u32;
  members: u32;
  /** Pages that it may have in memory. */
  limit: u32;
}

const groups = memory.data(<i32>(offsetof<Group>() * GROUPS_MAX));
/** No group from here on is in use. */
export let groupsEnd: u32 = 1;

export function groupAt(group: u32): Group {
  return changetype<Group>(groups + <usize>group * offsetof<Group>());
}

/** The group of a number from outside, or null. */
export function groupOf(group: u32): Group | null {
  if (!group || group >= groupsEnd || !groupAt(group).isUsed) return null;
  return groupAt(group);
}

/** A group with room for `limit` pages: its number, or 0 where there are too many. */
export function groupCreate(limit: u32): u32 {
  let group: u32 = 1;
  while (group < GROUPS_MAX && groupAt(group).isUsed) group++;
  if (group == GROUPS_MAX) return 0;
  groupAt(group).isUsed = 1;
  groupAt(group).limit = limit;
  groupsEnd = max(groupsEnd, group + 1);
  return group;
}

/** Pages that a group pays for. */
export function groupUsage(group: u32): u32 {
  let pages: u32 = 0;
  for (let kind: u32 = 0; kind < LRU_KINDS; kind++) {
    pages += lruList(lruOf(group, <LruKind>kind)).count;
  }
  return pages;
}

/** Pages that a group has too many when it gets one more; 0 where it has room. */
export function groupOver(group: u32): u32 {
  if (!group) return 0;
  const want = groupUsage(group) + 1;
  const limit = groupAt(group).limit;
  return want > limit ? want - limit : 0;
}

/** `mm` is in `group` from now on. What it has in memory is paid for as before. */
export function groupJoin(mm: Mm, group: u32): void {
  mm.group = group;
  if (group) groupAt(group).members++;
}

export function groupLeave(mm: Mm): void {
  if (mm.group) groupAt(mm.group).members--;
}

/** Ends a group without members: what is left of it is nobody's (Linux: reparented). */
export function groupEnd(group: u32): void {
  for (let kind: u32 = 0; kind < LRU_KINDS; kind++) {
    const from = lruList(lruOf(group, <LruKind>kind));
    while (from.tail) lruMove(from.tail, lruOf(0, <LruKind>kind));
  }
  groupAt(group).isUsed = 0;
  groupAt(group).limit = 0;
}
