// Question: do a first touch and an unmap cost the same whatever there is of physical memory?

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine } from "./case.ts";

const AT = 0x10_0000_0000;
/** What the smallest machine has room for, beside its tables. */
const PAGES = 64;
const MIB = 2 ** 20;

export const frames: GrowthCase = {
  name: "frames",
  question: "map, touch and unmap 64 pages, by physical memory",
  of: "MiB of memory",
  wanted: 0,
  sizes: { test: [1, 16], full: [1, 16, 256, 1_024, 3_072] },
  memory: (mib) => mib * MIB,
  prepare(machine: Machine) {
    const mm = machine.createMm();
    const byte = Uint8Array.of(1);
    return {
      setup: () => {},
      run() {
        const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        mm.mmapSync(AT, PAGES * PAGE, PROT_READ | PROT_WRITE, flags);
        for (let page = 0; page < PAGES; page++) mm.writeSync(AT + page * PAGE, byte);
        mm.munmapSync(AT, PAGES * PAGE);
        return PAGES;
      },
    };
  },
};
