// Question: what does munmap cost for each page that was touched: its entry, its reverse map, its
// frame?

import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });

export const munmap: BenchCase = {
  name: "munmap",
  question: "unmap a region, every page of it touched",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    let start = 0;
    return {
      units: pages,
      setup() {
        start = mapRegion(space, pages);
        touch(space, start, pages);
      },
      run() {
        space.munmap(start, pages * PAGE);
        return mix(0, start);
      },
      outcome: (outcome) => outcome.addRegion(space, start, pages),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
