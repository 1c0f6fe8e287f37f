// Questions: what does a process cost that is the last of a long chain of forks?
//
// Each generation writes to the region, so that it has an anon_vma of its own: a fork links the
// child's area to that of every ancestor, as Linux does. A write looks at none of them.

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine, Mm } from "./case.ts";

const AT = 0x10_0000_0000;
const PAGES = 64;
const SIZES = { test: [1, 4], full: [1, 4, 16, 64, 256] } as const;
/** A generation: four tables, a page of its own, links to all before it. */
const GENERATION_BYTES = 32 * PAGE;

const memory = (depth: number) => depth * GENERATION_BYTES + 32 * 2 ** 20;

/** The last of a chain in which everybody forks once and lives on. */
function lastOfChain(machine: Machine, depth: number): Mm {
  let mm = machine.createMm();
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  mm.mmapSync(AT, PAGES * PAGE, PROT_READ | PROT_WRITE, flags);
  writeAll(mm);
  for (let generation = 1; generation < depth; generation++) {
    mm = mm.forkSync();
    mm.writeSync(AT, Uint8Array.of(generation % 256));
  }
  return mm;
}

function writeAll(mm: Mm): void {
  for (let page = 0; page < PAGES; page++) mm.writeSync(AT + page * PAGE, Uint8Array.of(1));
}

export const forkDepth: GrowthCase = {
  name: "fork-depth",
  question: "fork and the child's exit, by generations before it",
  of: "generations",
  wanted: 1,
  sizes: SIZES,
  memory,
  prepare(machine: Machine, depth) {
    const mm = lastOfChain(machine, depth);
    return {
      setup: () => {},
      run() {
        mm.forkSync().exitSync();
        return depth;
      },
    };
  },
};

export const cowDepth: GrowthCase = {
  name: "cow-depth",
  question: "write to 64 pages that are shared, by generations before",
  of: "generations",
  wanted: 0,
  sizes: SIZES,
  memory,
  prepare(machine: Machine, depth) {
    const mm = lastOfChain(machine, depth);
    let child: Mm | null = null;
    return {
      setup() {
        child?.exitSync();
        child = mm.forkSync();
      },
      run() {
        if (child !== null) writeAll(child);
        return PAGES;
      },
    };
  },
};
