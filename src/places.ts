// The reverse map, for subscribers that would rather use the engine's than keep one of their own.

import { FRAMES_MAX, PLACES_BATCH_MAX } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { Place } from "./notifier/ops.ts";

/** Where a frame is mapped. */
export interface FramePlace extends Place {
  readonly pfn: number;
}

/** Every place of every frame: one look, nothing changes meanwhile. A wrong type is a TypeError. */
export function placesOf(core: Core, pfns: number | Iterable<number>): readonly FramePlace[] {
  const list = typeof pfns === "number" ? [pfns] : Array.from(iterable(pfns));
  for (const pfn of list) take.natural(pfn, "pfn");
  const frames = list.filter(isFrame);
  const places: FramePlace[] = [];
  const add = (pfn: number, handle: number, address: number) => {
    const space = core.spaces.get(handle);
    if (space !== undefined) places.push({ pfn, mm: space.mm, address });
  };
  for (let from = 0; from < frames.length; from += PLACES_BATCH_MAX) {
    core.engine.pages.places(frames.slice(from, from + PLACES_BATCH_MAX), add);
  }
  return places;
}

/** What is no number of a frame is mapped nowhere. */
function isFrame(pfn: number): boolean {
  return pfn < FRAMES_MAX;
}

function iterable(pfns: Iterable<number>): Iterable<number> {
  if (typeof pfns?.[Symbol.iterator] === "function") return pfns;
  throw take.typeError("pfns", "a frame number, or several", pfns);
}
