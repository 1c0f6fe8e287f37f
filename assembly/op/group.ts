// Groups from the host's side: making them, their limit, and who is in them.

import { Status } from "../abi";
import { groupCreate, groupEnd, groupJoin, groupLeave, groupOf, groupUsage } from "../map/group";
import { Mm } from "../map/mm";

/** A group that may have `limit` pages in memory: its number, or ENFILE. */
export function groupMake(limit: u32): i32 {
  const group = groupCreate(limit);
  return group ? <i32>group : Status.ENFILE;
}

/** Changes the limit; what is over it goes as it is reclaimed. EBADF for no group. */
export function groupSetLimit(group: u32, limit: u32): i32 {
  const it = groupOf(group);
  if (!it) return Status.EBADF;
  it.limit = limit;
  return Status.Ok;
}

/** Puts `mm` into a group, 0 for none. EBADF. */
export function groupEnter(mm: Mm, group: u32): i32 {
  if (group && !groupOf(group)) return Status.EBADF;
  groupLeave(mm);
  groupJoin(mm, group);
  return Status.Ok;
}

/** Ends a group; its pages are nobody's from now on. EBADF; EBUSY while somebody is in it. */
export function groupRelease(group: u32): i32 {
  const it = groupOf(group);
  if (!it) return Status.EBADF;
  if (it.members) return Status.EBUSY;
  groupEnd(group);
  return Status.Ok;
}

/** Pages that a group has in memory, 0 for no group. */
export function groupPages(group: u32): u32 {
  return groupOf(group) ? groupUsage(group) : 0;
}
