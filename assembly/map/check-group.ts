// The checker of groups: who is in them.
//
// Written by: nobody. Read by: check.ts.

import { GROUPS_MAX } from "../abi";
import { groupAt, groupsEnd, groupUsage } from "./group";
import { Mm, mmFirst } from "./mm";

/** Numbers of broken invariants of groups. */
export const enum GroupInvariant {
  None = 0,
  /** L10: members that are counted wrongly, or of a group that is not in use; or its pages. */
  Members = 231,
}

/** Address spaces of each group. */
const counted = memory.data(4 * GROUPS_MAX);

/** @returns the number of the first invariant of groups that does not hold, or 0. */
export function checkGroups(): u32 {
  memory.fill(counted, 0, (<usize>groupsEnd) << 2);
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    const group = changetype<Mm>(at).group;
    if (group >= groupsEnd) return GroupInvariant.Members;
    const slot = counted + ((<usize>group) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  for (let group: u32 = 1; group < groupsEnd; group++) {
    const members = load<u32>(counted + ((<usize>group) << 2));
    if (groupAt(group).members != members) return GroupInvariant.Members;
    if (!groupAt(group).isUsed && (members || groupUsage(group))) return GroupInvariant.Members;
  }
  return GroupInvariant.None;
}
