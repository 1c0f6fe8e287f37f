// mprotect: the areas of a range one after another; a hole ends it, with what came before done.

import { PAGE } from "../memory.ts";
import { Refusal } from "./refusal.ts";
import { type PlainSpace, wholePages } from "./space.ts";
import { AreaFlag, RIGHTS } from "./storage.ts";

export function mprotect(space: PlainSpace, address: number, length: number, prot: number): void {
  if (address % PAGE !== 0 || (prot & ~RIGHTS) !== 0) throw new Refusal("EINVAL", "mprotect");
  const { areas } = space.layout;
  const end = address + wholePages(length);
  for (let start = address; start < end; ) {
    const at = space.layout.at(start);
    if (at < 0) throw new Refusal("ENOMEM", "mprotect");
    const stop = Math.min(areas.end(at), end);
    protectPart(space, start, stop, prot);
    start = stop;
  }
}

function protectPart(space: PlainSpace, start: number, end: number, prot: number): void {
  const { areas } = space.layout;
  const at = space.layout.at(start);
  const old = areas.flags(at);
  const flags = accounted((old & ~RIGHTS) | prot, old, areas.anon(at));
  if (flags === old) return;
  space.layout.change(start, end, flags);
  const canWrite = (prot & AreaFlag.Write) !== 0;
  space.table.protect(start / PAGE, end / PAGE, { canAccess: prot !== 0, canWrite });
  const mask = AreaFlag.Write | AreaFlag.Shared | AreaFlag.Locked;
  if (canWrite && (old & mask) === AreaFlag.Locked) space.populate(start, end);
}

/** Private memory counts as promised from when it is writable; unfaulted, until it is not. */
function accounted(flags: number, old: number, anon: number): number {
  if ((flags & AreaFlag.Shared) !== 0) return flags;
  if ((flags & AreaFlag.Write) !== 0) return flags | AreaFlag.Account;
  return (old & AreaFlag.Account) !== 0 && anon === 0 ? flags & ~AreaFlag.Account : flags;
}
