// Question: what does it cost to read a page of another address space?

import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("READ_PAGES", { test: 16, full: 512 });

export const remoteRead: BenchCase = {
  name: "remote-read",
  question: "read 4 KiB of another address space",
  unit: "ns/page",
  memory: (size) => memoryForPages(PAGES(size)),
  native: (size) => [PAGES(size)],
  prepare(memory, size) {
    memory.createSpace();
    const other = memory.createSpace();
    const pages = PAGES(size);
    const start = mapRegion(other, pages);
    touch(other, start, pages);
    const into = new Uint8Array(PAGE);
    const run = () => {
      let sum = 0;
      for (let page = 0; page < pages; page++) {
        other.read(start + page * PAGE, into);
        sum = mix(sum, into[(page * 67) % PAGE] as number);
      }
      return sum;
    };
    return {
      units: pages,
      setup: () => {},
      run,
      outcome(outcome) {
        outcome.add(run() >>> 0);
        outcome.addRegion(other, start, pages);
      },
      digest: (digest) => digest.addSpace(other),
    };
  },
};
