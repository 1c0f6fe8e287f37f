// Question: what does it cost to unmap one of many areas and to map it again: 1,000, and 60,000?
//
// Areas are a page each, readable and writable in turn so that none joins its neighbour. They are
// taken at a stride that is prime to their number: all over the address space, none twice.

import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE, type Space } from "./memory.ts";

const PAIRS = parameter("PAIRS", { test: 8, full: 1_000 });
const STRIDE = 7_919;
const MEMORY = 32 * 1024 * 1024;

function areasCase(most: number): BenchCase {
  const AREAS = parameter("AREAS", { test: 32, full: most });
  return {
    name: `areas-${most}`,
    question: `unmap a page and map it again, among ${most.toLocaleString("en")} areas`,
    unit: "ns/pair",
    memory: () => MEMORY,
    native: (size) => [AREAS(size), PAIRS(size)],
    prepare(memory, size) {
      const space = memory.createSpace();
      const [areas, pairs] = [AREAS(size), PAIRS(size)];
      const start = manyAreas(space, areas);
      return {
        units: pairs,
        setup: () => {},
        run() {
          let sum = 0;
          for (let pair = 0; pair < pairs; pair++) {
            const index = (pair * STRIDE) % areas;
            const at = start + index * PAGE;
            space.munmap(at, PAGE);
            mapAt(space, at, 1, index % 2 === 0 ? PROT_READ : PROT_READ | PROT_WRITE);
            sum = mix(sum, at);
          }
          return sum;
        },
        outcome: (outcome) => outcome.addRegion(space, start, areas),
        digest(digest) {
          digest.add(most);
          digest.addSpace(space);
        },
      };
    },
  };
}

function mapAt(space: Space, at: number, pages: number, prot: number): void {
  space.mmap(at, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
}

/** As many areas of a page each, one above the other. The address of the lowest. */
function manyAreas(space: Space, areas: number): number {
  const prot = PROT_READ | PROT_WRITE;
  const start = space.mmap(0, areas * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS);
  for (let index = 0; index < areas; index += 2) {
    space.mprotect(start + index * PAGE, PAGE, PROT_READ);
  }
  return start;
}

export const areasCases: readonly BenchCase[] = [areasCase(1_000), areasCase(60_000)];
