// mremap: grow or shrink where it is, or move; a move of equal length may be of several areas.
//
// Invariants
//   R1  The target of a fixed move is unmapped when all that can be refused has been looked at.
//   R2  Memory that was never written gets the offset of its new place; what was written keeps its
//       own, and its anon_vma.

import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import { place } from "./placement.ts";
import { Refusal } from "./refusal.ts";
import type { PlainSpace } from "./space.ts";
import { AreaFlag } from "./storage.ts";

/** Addresses and lengths in bytes; lengths are whole pages. */
export interface RemapRequest {
  readonly address: number;
  readonly old: number;
  readonly length: number;
  readonly flags: number;
  readonly to: number;
}

const KNOWN = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

export function mremap(space: PlainSpace, ask: RemapRequest): number {
  checkArguments(ask);
  if ((ask.flags & MREMAP_FIXED) === 0) return resize(space, ask);
  return ask.old === ask.length ? moveAreas(space, ask) : moveFixed(space, ask);
}

function checkArguments({ address, old, length, flags, to }: RemapRequest): void {
  const isFixed = (flags & MREMAP_FIXED) !== 0;
  const overlaps = to < address + old && address < to + length;
  const isWrong =
    (flags & ~KNOWN) !== 0 ||
    address % PAGE !== 0 ||
    length === 0 ||
    old === 0 ||
    (isFixed && (to % PAGE !== 0 || (flags & MREMAP_MAYMOVE) === 0 || overlaps)) ||
    ((flags & MREMAP_DONTUNMAP) !== 0 && old !== length);
  if (isWrong) throw new Refusal("EINVAL", "mremap");
}

function resize(space: PlainSpace, ask: RemapRequest): number {
  const { address, old, length, flags } = ask;
  const { areas } = space.layout;
  const at = space.layout.at(address);
  if (at < 0) throw new Refusal("EFAULT", "mremap");
  if (length <= old) {
    if (length < old) space.unmap(address + length, address + old);
    return address;
  }
  if (!isOneArea(space, address, old)) throw new Refusal("EFAULT", "mremap");
  if (address + old === areas.end(at) && isFreeAbove(space, at, address + length)) {
    grow(space, at, address + length);
    return address;
  }
  if ((flags & MREMAP_MAYMOVE) === 0) throw new Refusal("ENOMEM", "mremap");
  const to = place(areas, length);
  if (to < 0) throw new Refusal("ENOMEM", "mremap");
  move(space, { ...ask, to });
  return to;
}

function isFreeAbove(space: PlainSpace, at: number, end: number): boolean {
  const { areas } = space.layout;
  return at + 1 === areas.count || areas.start(at + 1) >= end;
}

function grow(space: PlainSpace, at: number, end: number): void {
  const { areas } = space.layout;
  const [from, flags] = [areas.end(at), areas.flags(at)];
  const object = areas.object(at);
  const offset = areas.offset(at) + (from - areas.start(at)) / PAGE;
  space.layout.insert({ start: from, end, flags, offset, object, anon: areas.anon(at) });
  if ((flags & AreaFlag.Locked) !== 0) space.populate(from, end);
}

/** Moves every area of the range; the gaps between them stay as wide. */
function moveAreas(space: PlainSpace, ask: RemapRequest): number {
  const { areas } = space.layout;
  const end = ask.address + ask.old;
  if (space.layout.at(ask.address) < 0) throw new Refusal("EFAULT", "mremap");
  for (let start = ask.address; start < end; ) {
    const at = areas.find(start);
    if (at === areas.count || areas.start(at) >= end) break;
    const address = Math.max(areas.start(at), start);
    const bytes = Math.min(areas.end(at), end) - address;
    const to = ask.to + (address - ask.address);
    space.unmap(to, to + bytes);
    move(space, { address, old: bytes, length: bytes, flags: ask.flags, to });
    start = address + bytes;
  }
  return ask.to;
}

function moveFixed(space: PlainSpace, ask: RemapRequest): number {
  const { address, old, length, to } = ask;
  const kept = Math.min(old, length);
  if (!isOneArea(space, address, kept)) throw new Refusal("EFAULT", "mremap");
  space.unmap(to, to + length);
  if (length < old) space.unmap(address + length, address + old);
  move(space, { ...ask, old: kept });
  return to;
}

function isOneArea(space: PlainSpace, address: number, bytes: number): boolean {
  const at = space.layout.at(address);
  return at >= 0 && address + bytes <= space.layout.areas.end(at);
}

/** Moves what is in one area to where nothing is. */
function move(space: PlainSpace, { address, old, length, flags, to }: RemapRequest): void {
  const { areas } = space.layout;
  const at = space.layout.at(address);
  const [start, end] = [areas.start(at), areas.end(at)];
  const [kept, anon, object] = [areas.flags(at), areas.anon(at), areas.object(at)];
  const isUntouched = object === 0 && anon === 0;
  const offset = isUntouched ? to / PAGE : areas.offset(at) + (address - start) / PAGE;
  space.layout.insert({ start: to, end: to + length, flags: kept, offset, object, anon });
  space.table.move(address / PAGE, to / PAGE, old / PAGE);
  if ((flags & MREMAP_DONTUNMAP) === 0) space.unmap(address, address + old);
  else leaveBehind(space, start, end, address === start && address + old === end);
  if ((kept & AreaFlag.Locked) !== 0 && length > old) space.populate(to + old, to + length);
}

/** The old area stays, empty: no longer locked, and unwritten if all of it has moved. */
function leaveBehind(space: PlainSpace, start: number, end: number, isWhole: boolean): void {
  const { areas } = space.layout;
  const at = space.layout.at(start);
  if (areas.start(at) !== start || areas.end(at) !== end) return;
  const gone = isWhole ? AreaFlag.Locked | AreaFlag.Inherited : AreaFlag.Locked;
  areas.setFlags(at, areas.flags(at) & ~gone);
  if (isWhole) areas.setAnon(at, 0);
}
