// Question: what does the first touch of a page cost, its zeroing included: one page at a time by
// writing to it, and all at once by asking for them?

import { MADV_POPULATE_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter, type Size } from "./case.ts";
import { mix } from "./digest.ts";
import { type Memory, PAGE, type Space } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });

export const fault: BenchCase = {
  name: "fault",
  question: "first touch of a page by writing a byte",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  prepare: (memory, size) => onFreshRegion(memory, size, touch),
};

export const faultPopulate: BenchCase = {
  name: "fault-populate",
  question: "first touch of a page by MADV_POPULATE_WRITE",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  prepare: (memory, size) =>
    onFreshRegion(memory, size, (space, start, pages) => {
      space.madvise(start, pages * PAGE, MADV_POPULATE_WRITE);
      return mix(0, start);
    }),
};

type Use = (space: Space, start: number, pages: number) => number;

/** Work on a region that was mapped just before and is untouched. */
function onFreshRegion(memory: Memory, size: Size, use: Use) {
  const space = memory.createSpace();
  const pages = PAGES(size);
  let start = 0;
  return {
    units: pages,
    setup() {
      if (start !== 0) space.munmap(start, pages * PAGE);
      start = mapRegion(space, pages);
    },
    run: () => use(space, start, pages),
    digest: (digest: { addSpace(space: Space): void }) => digest.addSpace(space),
  };
}
