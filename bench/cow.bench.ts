// Question: what does a write cost that breaks a copy on write, the copy included, a page?

import { type BenchCase, parameter } from "./case.ts";
import type { Space } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("COPIED", { test: 32, full: 4_096 });

export const cow: BenchCase = {
  name: "cow",
  question: "first write to a page since a fork, while the child has it as well",
  unit: "ns/page",
  memory: (size) => memoryForPages(3 * PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    const start = mapRegion(space, pages);
    let child: Space | null = null;
    return {
      units: pages,
      setup() {
        child?.exit();
        touch(space, start, pages);
        child = space.fork();
      },
      run: () => touch(space, start, pages),
      outcome(outcome) {
        for (const one of [space, child]) if (one !== null) outcome.addRegion(one, start, pages);
      },
      digest(digest) {
        for (const one of [space, child]) if (one !== null) digest.addSpace(one);
      },
    };
  },
};
