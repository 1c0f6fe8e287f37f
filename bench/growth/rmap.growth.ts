// Question: does a walk of the reverse map cost what is mapped: one page, and those that share it?
//
// A page is moved to another frame, so that every entry that maps it is found and rewritten; the
// copy of its bytes is in the figure, the same at every size.

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine, Mm } from "./case.ts";

const AT = 0x10_0000_0000;
const SIZES = { test: [1, 8], full: [1, 8, 64, 512, 4_096] } as const;
/** A space of one page: four tables, an area, links, and what a pool rounds up to. */
const SPACE_BYTES = 8 * PAGE;

const memory = (sharers: number) => sharers * SPACE_BYTES + 16 * 2 ** 20;

function mapPage(mm: Mm): void {
  mm.mmapSync(AT, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  mm.writeSync(AT, Uint8Array.of(7));
}

export const rmapAnonymous: GrowthCase = {
  name: "rmap-anon",
  question: "move an anonymous page, by processes that share it since a fork",
  of: "processes",
  wanted: 1,
  sizes: SIZES,
  memory,
  prepare(machine: Machine, sharers) {
    const mm = machine.createMm();
    mapPage(mm);
    for (let i = 1; i < sharers; i++) mm.forkSync();
    return {
      setup: () => {},
      run() {
        machine.migrateSync(mm.page(AT)?.pfn ?? 0);
        return sharers;
      },
    };
  },
};

export const rmapFile: GrowthCase = {
  name: "rmap-file",
  question: "cut off a file's page, by processes that map it",
  of: "processes",
  wanted: 1,
  sizes: SIZES,
  memory,
  prepare(machine: Machine, sharers) {
    const file = machine.createFile({ size: PAGE });
    const spaces = Array.from({ length: sharers }, () => machine.createMm());
    for (const mm of spaces)
      mm.mmapSync(AT, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file);
    return {
      setup() {
        file.truncateSync(PAGE);
        for (const mm of spaces) mm.readSync(AT, 1);
      },
      run() {
        file.truncateSync(0);
        return sharers;
      },
    };
  },
};
