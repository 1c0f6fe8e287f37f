// Where a mapping goes that nobody placed: as high as it fits, whole 2 MiB at multiples of 2 MiB.

import { MMAP_BASE_DEFAULT } from "../../src/constants.ts";
import type { Areas } from "./storage.ts";

const HUGE = 2 * 1024 * 1024;

/** The address, or -1 when there is no gap. */
export function place(areas: Areas, bytes: number): number {
  if (bytes % HUGE === 0) {
    const end = gapEnd(areas, bytes + HUGE);
    if (end > 0) return end - bytes - ((end - bytes) % HUGE);
  }
  const end = gapEnd(areas, bytes);
  return end > 0 ? end - bytes : -1;
}

/** Upper end of the highest gap below the mmap base that has so many bytes; 0 for none. */
function gapEnd(areas: Areas, bytes: number): number {
  let end = MMAP_BASE_DEFAULT;
  for (let at = areas.find(MMAP_BASE_DEFAULT - 1); at >= 0; at--) {
    if (at === areas.count) continue;
    if (areas.end(at) + bytes <= end) return end;
    end = Math.min(end, areas.start(at));
  }
  return bytes <= end ? end : 0;
}
