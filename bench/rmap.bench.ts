// Question: what does it cost to find a place where a page is mapped, with 1, 64 or 4,096 of them?
//
// The pages are private ones that forks share: of many children of one process, of a line of
// generations, or memory that is shared by intent; a process has four times as many as are asked
// for. The references have no reverse map: they look through every page table once.

import { MAP_ANONYMOUS, MAP_SHARED, PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE, type Space } from "./memory.ts";
import { mapRegion, memoryForPages, touch } from "./region.ts";

const PAGES = parameter("RMAP_PAGES", { test: 2, full: 16 });
const OTHERS = 3;

/** Page tables of one process, and what else it has of its own. */
const SPACE_PAGES = 8;

/** How processes come to share pages. */
type Kinship = "children" | "generations" | "shared";

const CALLED: Readonly<Record<Kinship, string>> = {
  children: "of one process and its children",
  generations: "of generations that forked each other",
  shared: "of shared memory",
};

function rmapCase(kinship: Kinship, most: number): BenchCase {
  const count = parameter("PROCESSES", { test: Math.min(most, 3), full: most });
  const suffix = kinship === "children" ? "" : `-${kinship}`;
  return {
    name: `rmap${suffix}-${most}`,
    question: `every place of a page ${CALLED[kinship]}, ${most.toLocaleString("en")} in all`,
    unit: "ns/place",
    memory: (size) => memoryForPages((1 + OTHERS) * PAGES(size) + SPACE_PAGES * count(size)),
    prepare(memory, size) {
      const space = memory.createSpace();
      const asked = PAGES(size);
      const pages = asked * (1 + OTHERS);
      const start = map(space, kinship, pages);
      const spaces = relatives(space, kinship, count(size));
      // What fork does not copy comes by faults.
      if (kinship === "shared") for (const one of spaces) touch(one, start, pages);
      return {
        units: asked * spaces.length,
        setup: () => {},
        run: () => addressSum(space.places(start, start + asked * PAGE)),
        digest: (digest) => {
          digest.add(kinship, most);
          for (const one of spaces.slice(0, 3)) digest.addSpace(one);
        },
      };
    },
  };
}

function map(space: Space, kinship: Kinship, pages: number): number {
  const prot = PROT_READ | PROT_WRITE;
  if (kinship === "shared") return space.mmap(0, pages * PAGE, prot, MAP_SHARED | MAP_ANONYMOUS);
  const start = mapRegion(space, pages);
  touch(space, start, pages);
  return start;
}

function relatives(first: Space, kinship: Kinship, count: number): Space[] {
  const spaces = [first];
  while (spaces.length < count) {
    const parent = kinship === "generations" ? (spaces.at(-1) ?? first) : first;
    spaces.push(parent.fork());
  }
  return spaces;
}

/** The same in whatever order they come. */
function addressSum(addresses: Iterable<number>): number {
  let sum = 0;
  for (const address of addresses) sum = (sum + mix(1, address)) % 2 ** 32;
  return sum;
}

export const rmapCases: readonly BenchCase[] = [
  rmapCase("children", 1),
  rmapCase("children", 64),
  rmapCase("children", 4096),
  rmapCase("generations", 64),
  rmapCase("shared", 4096),
];
