// Question: what does it cost to take the right to write from touched pages, and to give it back, a
// page?

import { PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });

export const mprotect: BenchCase = {
  name: "mprotect",
  question: "change the rights of touched pages, to reading and back",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    const start = mapRegion(space, pages);
    touch(space, start, pages);
    return {
      units: 2 * pages,
      setup: () => {},
      run() {
        space.mprotect(start, pages * PAGE, PROT_READ);
        space.mprotect(start, pages * PAGE, PROT_READ | PROT_WRITE);
        return mix(pages, start);
      },
      outcome: (outcome) => outcome.addRegion(space, start, pages),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
