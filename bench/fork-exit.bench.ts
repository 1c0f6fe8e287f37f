// Question: what does a child cost that does nothing: fork, then exit, for each page of the parent?
//
// The parent writes to every page before each run, so that every entry is writable again, as in a
// program that goes on between two forks.

import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 65_536 });

export const forkExit: BenchCase = {
  name: "fork-exit",
  question: "fork a process with touched pages, and its child's exit",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pages = PAGES(size);
    const start = mapRegion(space, pages);
    return {
      units: pages,
      setup: () => void touch(space, start, pages),
      run() {
        const child = space.fork();
        child.exit();
        return mix(pages, start);
      },
      outcome: (outcome) => outcome.addRegion(space, start, pages),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
