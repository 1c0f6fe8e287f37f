// The checker of pins: what frames count, what is flagged, and what there is in all.
//
// Written by: nobody. Read by: check.ts.

import { PG } from "../abi";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { Mm, mmFirst } from "../map/mm";
import { pinCount } from "../map/pin";
import { frameCount } from "../mem/layout";

/** Numbers of broken invariants of pinned frames. */
export const enum PinInvariant {
  None = 0,
  /** U2: PG.pinned without a pin or the reverse, or a pin without its reference. */
  Frame = 432,
  /** U3: an mm that counts more pins than there are. */
  Mm = 433,
}

/** References of a frame that nobody exports: ptes, caches and pins. */
function references(pfn: u32): u32 {
  const frame = frameOf(pfn);
  const cached: u32 = flagTest(PG.pagecache, pfn) ? 1 : 0;
  const swapped: u32 = flagTest(PG.swapcache, pfn) ? 1 : 0;
  return frame.mapcount + cached + swapped + frame.pins;
}

/** @returns the number of the first invariant of pins that does not hold, or 0. */
export function checkPins(): u32 {
  let pins: u32 = 0;
  for (let pfn = flagNext(PG.pinned, 0, frameCount); pfn < frameCount; ) {
    const frame = frameOf(pfn);
    if (!frame.pins) return PinInvariant.Frame;
    if (!flagTest(PG.exported, pfn) && frame.refcount != references(pfn)) return PinInvariant.Frame;
    pins += frame.pins;
    pfn = flagNext(PG.pinned, pfn + 1, frameCount);
  }
  if (pins != pinCount) return PinInvariant.Frame;
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    if (changetype<Mm>(at).pins > pinCount) return PinInvariant.Mm;
  }
  return PinInvariant.None;
}
