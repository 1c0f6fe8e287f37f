// Question: what does it cost to find the pages that were written, and copy them, a page?
//
// A space of 64 MiB, 256 pages of which are written between two looks. The references have no marks
// in their page tables: they keep a copy of everything and compare.

import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("PAGES", { test: 64, full: 16_384 });
const WRITTEN = parameter("WRITTEN", { test: 4, full: 256 });

export const changes: BenchCase = {
  name: "changes",
  question: "the pages written since the last look, with their bytes: 256 of 16,384",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  prepare(memory, size) {
    const space = memory.createSpace();
    const [pages, written] = [PAGES(size), WRITTEN(size)];
    const start = mapRegion(space, pages);
    const step = Math.floor(pages / written) * PAGE;
    touch(space, start, pages);
    space.changes();
    let round = 0;
    return {
      units: written,
      setup() {
        round++;
        for (let index = 0; index < written; index++)
          space.store(start + index * step + 1, round % 256);
      },
      run() {
        const { addresses, bytes } = space.changes();
        let sum = bytes.byteLength;
        for (let index = 0; index < addresses.length; index++)
          sum = mix(sum, addresses[index] ?? 0);
        return sum;
      },
      digest: (digest) => digest.addSpace(space),
    };
  },
};
