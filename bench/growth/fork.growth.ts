// Question: does fork cost what is mapped, and nothing for address space that is only reserved?

import {
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine, Mm } from "./case.ts";

const FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
const FEW_PAGES = 256;
const MIB = 2 ** 20;

function touched(mm: Mm, pages: number): number {
  const start = mm.mmapSync(0, pages * PAGE, PROT_READ | PROT_WRITE, FLAGS);
  touchAgain(mm, start, pages);
  return start;
}

/** As a program does that goes on between two forks: every entry is writable again. */
function touchAgain(mm: Mm, start: number, pages: number): void {
  const byte = Uint8Array.of(1);
  for (let page = 0; page < pages; page++) mm.writeSync(start + page * PAGE, byte);
}

function forks(mm: Mm, start: number, pages: number) {
  return {
    setup: () => touchAgain(mm, start, pages),
    run() {
      mm.forkSync().exitSync();
      return pages;
    },
  };
}

export const forkPages: GrowthCase = {
  name: "fork-pages",
  question: "fork and the child's exit, by mapped pages",
  of: "mapped pages",
  wanted: 1,
  sizes: { test: [64, 256], full: [1_024, 4_096, 16_384, 65_536] },
  memory: (pages) => pages * PAGE + 32 * MIB,
  prepare(machine: Machine, pages) {
    const mm = machine.createMm();
    return forks(mm, touched(mm, pages), pages);
  },
};

export const forkReserved: GrowthCase = {
  name: "fork-reserved",
  question: "the same with 256 mapped pages, by address space that is reserved and untouched",
  of: "MiB reserved",
  wanted: 0,
  sizes: { test: [1, 64], full: [1, 64, 4_096, 262_144, 16_777_216] },
  memory: () => 16 * MIB,
  prepare(machine: Machine, mib) {
    const mm = machine.createMm();
    mm.mmapSync(0, mib * MIB, PROT_READ | PROT_WRITE, FLAGS);
    return forks(mm, touched(mm, FEW_PAGES), FEW_PAGES);
  },
};
