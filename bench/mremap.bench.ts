// Question: what does it cost to move touched memory, both ends at multiples of 2 MiB, a page?
//
// There and back, so that a run ends where it began.

import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

/** Whole tables of 512 entries. */
const PAGES = parameter("MOVED", { test: 512, full: 16_384 });

export const mremap: BenchCase = {
  name: "mremap",
  question: "move 64 MiB of touched pages, aligned to 2 MiB",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    const bytes = pages * PAGE;
    const start = mapRegion(space, pages);
    touch(space, start, pages);
    // The next region lies below: as far away again there is room, and nothing to join with.
    const to = mapRegion(space, pages) - bytes;
    space.munmap(to + bytes, bytes);
    const move = (from: number, target: number) =>
      space.mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return {
      units: 2 * pages,
      setup: () => {},
      run: () => mix(move(start, to), move(to, start)),
      outcome: (outcome) => outcome.addRegion(space, start, pages),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
