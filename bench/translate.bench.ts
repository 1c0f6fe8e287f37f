// Question: what does it cost to look up the frame of each page of a region, one after another?

import { type BenchCase, parameter } from "./case.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });

export const translate: BenchCase = {
  name: "translate",
  question: "look up the frames of touched pages, in order",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    const start = mapRegion(space, pages);
    touch(space, start, pages);
    return {
      units: pages,
      setup: () => {},
      run: () => space.translate(start, start + pages * PAGE),
      outcome: (outcome) => outcome.addRegion(space, start, pages),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
