// mlock, munlock, msync and mincore: what asks about a range, or marks it.

import { MS_INVALIDATE } from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import { Refusal } from "./refusal.ts";
import type { PlainSpace } from "./space.ts";
import { AreaFlag, RIGHTS, type Storage } from "./storage.ts";

/** Locks or unlocks; a hole ends it, with what came before done. Locking faults the range in. */
export function changeLock(
  space: PlainSpace,
  op: "mlock" | "munlock",
  address: number,
  length: number,
): void {
  const { areas } = space.layout;
  const start = address - (address % PAGE);
  const end = Math.ceil((address + length) / PAGE) * PAGE;
  for (let from = start; from < end; ) {
    const at = space.layout.at(from);
    if (at < 0) throw new Refusal("ENOMEM", op);
    const stop = Math.min(areas.end(at), end);
    const flags = areas.flags(at);
    const wanted = op === "mlock" ? flags | AreaFlag.Locked : flags & ~AreaFlag.Locked;
    if (wanted !== flags) space.layout.change(from, stop, wanted);
    from = stop;
  }
  if (op === "mlock") faultIn(space, start, end);
}

function faultIn(space: PlainSpace, start: number, end: number): void {
  const { areas } = space.layout;
  for (let from = start; from < end; ) {
    const at = space.layout.at(from);
    if ((areas.flags(at) & RIGHTS) === 0) throw new Refusal("ENOMEM", "mlock");
    const stop = Math.min(areas.end(at), end);
    space.populate(from, stop);
    from = stop;
  }
}

/** Nothing is behind anonymous memory to be written to: only the answers matter. */
export function msync(space: PlainSpace, address: number, bytes: number, flags: number): void {
  if (address % PAGE !== 0) throw new Refusal("EINVAL", "msync");
  const { areas } = space.layout;
  const end = address + bytes;
  let hasHole = false;
  for (let start = address; start < end; ) {
    const at = areas.find(start);
    if (at === areas.count || areas.start(at) > start) hasHole = true;
    if (at === areas.count || areas.start(at) >= end) break;
    if ((flags & MS_INVALIDATE) !== 0 && (areas.flags(at) & AreaFlag.Locked) !== 0) {
      throw new Refusal("EBUSY", "msync");
    }
    start = areas.end(at);
  }
  if (hasHole) throw new Refusal("ENOMEM", "msync");
}

export function mincore(
  space: PlainSpace,
  storage: Storage,
  address: number,
  bytes: number,
): Uint8Array {
  if (address % PAGE !== 0) throw new Refusal("EINVAL", "mincore");
  const { areas } = space.layout;
  const answer = new Uint8Array(bytes / PAGE);
  for (let index = 0; index < answer.length; index++) {
    const at = space.layout.at(address + index * PAGE);
    if (at < 0) throw new Refusal("ENOMEM", "mincore");
    const page = address / PAGE + index;
    const object = areas.object(at);
    const inObject = areas.offset(at) + page - areas.start(at) / PAGE;
    const isIn =
      space.table.isPresent(page) || (object !== 0 && storage.hasObjectPage(object, inObject));
    answer[index] = isIn ? 1 : 0;
  }
  return answer;
}
