// Question: what does it cost to take a page away from 64 processes that map it, for each of their
// entries: page by page, and all at once?
//
// The pages are of shared memory, and go by MADV_REMOVE: the reverse map finds every entry. The
// references in JavaScript have none and look at every area of every process.

import { MADV_REMOVE, MAP_ANONYMOUS, MAP_SHARED, PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE, type Space } from "./memory.ts";
import { memoryForPages, touch } from "./region.ts";

const PAGES = parameter("REMOVED", { test: 4, full: 256 });
const PROCESSES = parameter("PROCESSES", { test: 3, full: 64 });

/** Page tables of one process, and what else it has of its own. */
const SPACE_PAGES = 8;

type Remove = (space: Space, start: number, pages: number) => void;

function rmapUnmapCase(name: string, how: string, remove: Remove): BenchCase {
  return {
    name,
    question: `take pages away from 64 processes that map them, ${how}`,
    unit: "ns/entry",
    memory: (size) => memoryForPages(PAGES(size) + SPACE_PAGES * PROCESSES(size)),
    native: (size) => [PAGES(size), PROCESSES(size)],
    prepare(memory, size) {
      const first = memory.createSpace();
      const [pages, count] = [PAGES(size), PROCESSES(size)];
      const prot = PROT_READ | PROT_WRITE;
      const start = first.mmap(0, pages * PAGE, prot, MAP_SHARED | MAP_ANONYMOUS);
      const spaces = [first];
      while (spaces.length < count) spaces.push(first.fork());
      return {
        units: pages * count,
        setup() {
          for (const space of spaces) touch(space, start, pages);
        },
        run() {
          remove(first, start, pages);
          return mix(pages, start);
        },
        outcome(outcome) {
          for (const space of spaces) outcome.addRegion(space, start, pages);
        },
        digest(digest) {
          digest.add(name);
          for (const space of spaces.slice(0, 3)) digest.addSpace(space);
        },
      };
    },
  };
}

export const rmapUnmapCases: readonly BenchCase[] = [
  rmapUnmapCase("rmap-unmap-64", "page by page", (space, start, pages) => {
    for (let page = 0; page < pages; page++) space.madvise(start + page * PAGE, PAGE, MADV_REMOVE);
  }),
  rmapUnmapCase("rmap-unmap-64-batch", "all at once", (space, start, pages) =>
    space.madvise(start, pages * PAGE, MADV_REMOVE),
  ),
];
