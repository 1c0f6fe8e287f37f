// The reverse map, for subscribers that would rather use the engine's than keep one of their own.

import { FRAMES_MAX, PLACES_BATCH_MAX } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { Place } from "./notifier/ops.ts";

/** Where a frame is mapped. */
export interface FramePlace extends Place {
  readonly pfn: number;
}

/** Every place of every frame, looked at a batch of frames at a time. A wrong type throws here. */
export function placesOf(core: Core, pfns: number | Iterable<number>): Iterable<FramePlace> {
  const list = typeof pfns === "number" ? [pfns] : Array.from(iterable(pfns));
  for (const pfn of list) take.natural(pfn, "pfn");
  return batches(core, list.filter(isFrame));
}

/** What is no number of a frame is mapped nowhere. */
function isFrame(pfn: number): boolean {
  return pfn < FRAMES_MAX;
}

function iterable(pfns: Iterable<number>): Iterable<number> {
  if (typeof pfns?.[Symbol.iterator] === "function") return pfns;
  throw take.typeError("pfns", "a frame number, or several", pfns);
}

function* batches(core: Core, pfns: readonly number[]): Generator<FramePlace, void, void> {
  for (let from = 0; from < pfns.length; from += PLACES_BATCH_MAX) {
    const places = core.engine.pages.places(pfns.slice(from, from + PLACES_BATCH_MAX));
    for (const { pfn, mm, address } of places) {
      const space = core.spaces.get(mm);
      if (space !== undefined) yield { pfn, mm: space.mm, address };
    }
  }
}
