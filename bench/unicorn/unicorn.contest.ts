// Questions: what do regions of a guest's memory cost, beside those of the CPU emulator Unicorn?
//
// Both sides are given the addresses: a page that is mapped, a page that is not, and so on. The
// program is bench/native/unicorn.c; `npm run bench:setup` makes it.

import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { createMachineSync, type Mm } from "../../src/sync.ts";
import { parameter, type Size, type Work } from "../case.ts";
import { type Contest, ours } from "../contests/contest.ts";
import { program } from "../contests/program.ts";
import { PAGE } from "../memory.ts";
import type { Outcome } from "../outcome.ts";
import { memoryForPages, touchedByte, touchedValue } from "../region.ts";

const PAIRS = parameter("PAIRS", { test: 4, full: 256 });
/** Unicorn takes milliseconds for one among a thousand regions. */
const CROWDED_PAIRS = parameter("CROWDED_PAIRS", { test: 4, full: 16 });
const PAGES = parameter("PAGES", { test: 16, full: 16_384 });
const PAGES_READ = parameter("PAGES_READ", { test: 16, full: 1_024 });

const BASE = 0x10_0000_0000;
const STRIDE = 2 * PAGE;
const RW = PROT_READ | PROT_WRITE;
const FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
const MEMORY = 16 * 2 ** 20;

type Numbers = (size: Size) => readonly number[];

export const unicornContests: readonly Contest[] = [
  contest(
    "regions-map-1",
    "map a page at an address and unmap it, nothing else mapped",
    "ns/pair",
    (size) => [PAIRS(size), 1],
    mappingAmong,
  ),
  contest(
    "regions-map-1000",
    "the same beside 999 regions",
    "ns/pair",
    (size) => [CROWDED_PAIRS(size), size === "test" ? 10 : 1_000],
    mappingAmong,
  ),
  contest(
    "regions-protect",
    "take the right to write from a page and give it back",
    "ns/pair",
    (size) => [PAIRS(size), 1],
    protecting,
  ),
  contest(
    "regions-unmap",
    "unmap a region at an address, every page of it touched",
    "ns/page",
    (size) => [PAGES(size)],
    unmapping,
  ),
  contest(
    "regions-read",
    "read 4 KiB of a page from outside",
    "ns/page",
    (size) => [PAGES_READ(size)],
    reading,
  ),
];

type Make = (units: number, regions: number) => Work;

function contest(
  name: string,
  question: string,
  unit: string,
  numbers: Numbers,
  make: Make,
): Contest {
  return {
    name,
    question,
    unit,
    contestants: [
      ours((size) => {
        const [units = 0, regions = 1] = numbers(size);
        return make(units, regions);
      }),
      program("unicorn", numbers),
    ],
  };
}

function mappingAmong(pairs: number, regions: number): Work {
  const mm = createMachineSync({ memory: MEMORY }).createMm();
  const last = BASE + (regions - 1) * STRIDE;
  for (let at = BASE; at < last; at += STRIDE) mm.mmapSync(at, PAGE, RW, FLAGS);
  return work(mm, "map", pairs, () => {
    for (let pair = 0; pair < pairs; pair++) {
      mm.mmapSync(last, PAGE, RW, FLAGS);
      mm.munmapSync(last, PAGE);
    }
    return pairs;
  });
}

function protecting(pairs: number): Work {
  const mm = createMachineSync({ memory: MEMORY }).createMm();
  mm.mmapSync(BASE, PAGE, RW, FLAGS);
  return work(mm, "protect", pairs, () => {
    for (let pair = 0; pair < pairs; pair++) {
      mm.mprotectSync(BASE, PAGE, PROT_READ);
      mm.mprotectSync(BASE, PAGE, RW);
    }
    return pairs;
  });
}

function unmapping(pages: number): Work {
  const mm = createMachineSync({ memory: memoryForPages(pages) }).createMm();
  return {
    ...work(mm, "unmap", pages, () => {
      mm.munmapSync(BASE, pages * PAGE);
      return pages;
    }),
    setup: () => mapTouched(mm, pages),
  };
}

function reading(pages: number): Work {
  const mm = createMachineSync({ memory: memoryForPages(pages) }).createMm();
  mapTouched(mm, pages);
  const bytes = new Uint8Array(PAGE);
  let seen = 0;
  const whole = work(mm, "read", pages, () => {
    seen = 0;
    for (let page = 0; page < pages; page++) {
      mm.readSync(BASE + page * PAGE, bytes);
      seen += bytes[touchedByte(page)] as number;
    }
    return seen;
  });
  return {
    ...whole,
    outcome(outcome) {
      addRegions(outcome, pages, mm);
      outcome.add(seen);
    },
  };
}

/** What all have in common: what is proved is where regions are, and their rights. */
function work(mm: Mm, what: string, units: number, run: () => number): Work {
  return {
    units,
    setup: () => {},
    run,
    outcome: (outcome) => addRegions(outcome, units, mm),
    digest: (digest) => digest.add(what, ...regionsOf(mm)),
  };
}

function mapTouched(mm: Mm, pages: number): void {
  mm.mmapSync(BASE, pages * PAGE, RW, FLAGS);
  const byte = new Uint8Array(1);
  for (let page = 0; page < pages; page++) {
    byte[0] = touchedValue(page);
    mm.writeSync(BASE + page * PAGE + touchedByte(page), byte);
  }
}

function addRegions(outcome: Outcome, units: number, mm: Mm): void {
  outcome.add(units, ...regionsOf(mm));
}

/** How many, then for each its first page, the page after its last, and its rights. */
function regionsOf(mm: Mm): number[] {
  const areas = [...mm.areas()];
  const numbers = areas.flatMap(({ start, end, read, write, execute }) => [
    (start - BASE) / PAGE,
    (end - BASE) / PAGE,
    (read ? 1 : 0) | (write ? 2 : 0) | (execute ? 4 : 0),
  ]);
  return [areas.length, ...numbers];
}
