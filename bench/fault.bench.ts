// Question: what does the first touch of a page cost, its zeroing included: one page at a time by
// writing to it, and all at once by asking for them?

import { MADV_POPULATE_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter, type Work } from "./case.ts";
import { mix } from "./digest.ts";
import { type Memory, PAGE, type Space } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });
const RECYCLED = parameter("RECYCLED", { test: 32, full: 512 });

export const fault: BenchCase = {
  name: "fault",
  question: "first touch of a page by writing a byte",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare: (memory, size) => onFreshRegion(memory, PAGES(size), touch),
};

export const faultRecycled: BenchCase = {
  name: "fault-512",
  question: "first touch of a page, in 512 frames that were used before",
  unit: "ns/page",
  memory: (size) => memoryForPages(RECYCLED(size)),
  native: (size) => [RECYCLED(size)],
  prepare: (memory, size) => onFreshRegion(memory, RECYCLED(size), touch),
};

export const faultPopulate: BenchCase = {
  name: "fault-populate",
  question: "first touch of a page by MADV_POPULATE_WRITE",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare: (memory, size) =>
    onFreshRegion(memory, PAGES(size), (space, start, pages) => {
      space.madvise(start, pages * PAGE, MADV_POPULATE_WRITE);
      return mix(0, start);
    }),
};

type Use = (space: Space, start: number, pages: number) => number;

/** Work on a region that was mapped just before and is untouched. */
function onFreshRegion(memory: Memory, pages: number, use: Use): Work {
  const space = memory.createSpace();
  let start = 0;
  return {
    units: pages,
    setup() {
      if (start !== 0) space.munmap(start, pages * PAGE);
      start = mapRegion(space, pages);
    },
    run: () => use(space, start, pages),
    outcome: (outcome) => outcome.addRegion(space, start, pages),
    digest: (digest) => digest.addSpace(space),
  };
}
