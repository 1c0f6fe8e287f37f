// Question: does a truncation cost what is mapped and cached, whatever the file's length?

import { MAP_SHARED, PROT_READ, PROT_WRITE } from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine } from "./case.ts";

const FEW_PAGES = 256;

export const truncatePages: GrowthCase = {
  name: "truncate-pages",
  question: "cut a file off, by pages of it that are mapped",
  of: "mapped pages",
  wanted: 1,
  sizes: { test: [64, 256], full: [1_024, 4_096, 16_384, 65_536] },
  memory: (pages) => pages * PAGE + 32 * 2 ** 20,
  prepare: (machine, pages) => truncation(machine, pages, pages),
};

export const truncateHoles: GrowthCase = {
  name: "truncate-holes",
  question: "the same with 256 mapped pages, by pages of the file that are holes",
  of: "pages of the file",
  wanted: 0,
  sizes: { test: [256, 1_024], full: [256, 4_096, 65_536, 1_048_576, 16_777_216] },
  memory: () => 32 * 2 ** 20,
  prepare: (machine, pages) => truncation(machine, pages, FEW_PAGES),
};

/** A file of so many pages, the first of them touched. */
function truncation(machine: Machine, pages: number, mapped: number) {
  const file = machine.createFile({ size: pages * PAGE });
  const mm = machine.createMm();
  const at = mm.mmapSync(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const byte = Uint8Array.of(1);
  return {
    setup() {
      file.truncateSync(pages * PAGE);
      for (let page = 0; page < mapped; page++) mm.writeSync(at + page * PAGE, byte);
    },
    run() {
      file.truncateSync(0);
      return mapped;
    },
  };
}
