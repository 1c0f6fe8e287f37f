// madvise: over holes it goes on to the end, and says ENOMEM then.

import {
  MADV_COLD,
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_NORMAL,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MADV_WIPEONFORK,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import { Refusal } from "./refusal.ts";
import type { PlainSpace } from "./space.ts";
import { AreaFlag } from "./storage.ts";

export function madvise(space: PlainSpace, address: number, bytes: number, advice: number): void {
  if (address % PAGE !== 0) throw new Refusal("EINVAL", "madvise");
  const end = address + bytes;
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) {
    populate(space, address, end, advice === MADV_POPULATE_WRITE);
    return;
  }
  const { areas } = space.layout;
  let hasHole = false;
  for (let start = address; start < end; ) {
    const at = areas.find(start);
    if (at === areas.count || areas.start(at) >= end) {
      hasHole = true;
      break;
    }
    if (areas.start(at) > start) hasHole = true;
    const from = Math.max(areas.start(at), start);
    const stop = Math.min(areas.end(at), end);
    adviseArea(space, from, stop, advice);
    start = stop;
  }
  if (hasHole) throw new Refusal("ENOMEM", "madvise");
}

function adviseArea(space: PlainSpace, start: number, end: number, advice: number): void {
  const flags = space.layout.areas.flags(space.layout.at(start));
  switch (advice) {
    case MADV_DONTNEED:
      refuseIf(flags, AreaFlag.Locked);
      space.table.zap(start / PAGE, end / PAGE);
      return;
    case MADV_FREE:
      refuseIf(flags, AreaFlag.Locked | AreaFlag.Shared);
      return;
    case MADV_COLD:
      refuseIf(flags, AreaFlag.Locked);
      return;
    case MADV_NORMAL:
      return;
    case MADV_REMOVE:
      refuseIf(flags, AreaFlag.Locked);
      if ((flags & AreaFlag.Shared) === 0) throw new Refusal("EINVAL", "madvise");
      space.punch(start, end);
      return;
    case MADV_WIPEONFORK:
      refuseIf(flags, AreaFlag.Shared);
  }
  const changed = forkFlags(flags, advice);
  if (changed !== flags) space.layout.change(start, end, changed);
}

function forkFlags(flags: number, advice: number): number {
  switch (advice) {
    case MADV_DONTFORK:
      return flags | AreaFlag.DontFork;
    case MADV_DOFORK:
      return flags & ~AreaFlag.DontFork;
    case MADV_WIPEONFORK:
      return flags | AreaFlag.WipeOnFork;
    case MADV_KEEPONFORK:
      return flags & ~AreaFlag.WipeOnFork;
    default:
      throw new Refusal("EINVAL", "madvise");
  }
}

function refuseIf(flags: number, forbidden: number): void {
  if ((flags & forbidden) !== 0) throw new Refusal("EINVAL", "madvise");
}

function populate(space: PlainSpace, start: number, end: number, isWrite: boolean): void {
  const { areas } = space.layout;
  for (let address = start; address < end; ) {
    const at = space.layout.at(address);
    if (at < 0) throw new Refusal("ENOMEM", "madvise");
    const right = isWrite ? AreaFlag.Write : AreaFlag.Read;
    if ((areas.flags(at) & right) === 0) throw new Refusal("EINVAL", "madvise");
    const stop = Math.min(areas.end(at), end);
    for (; address < stop; address += PAGE) space.bringIn(at, address / PAGE, isWrite);
  }
}
