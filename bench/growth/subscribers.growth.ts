// Questions: does an operation cost nothing for subscribers that hold pages elsewhere in the same
// address space, and the same for each that is told?

import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine, Mm } from "./case.ts";

/** Where operations are, and where pages are held. */
const AT = 0x10_0000_0000;
const ELSEWHERE = 0x20_0000_0000;
/** Operations of a run. */
const TIMES = 64;
/** Of those that tell everybody. */
const TOLD_TIMES = 8;
const MEMORY = 32 * 2 ** 20;

function mapPages(mm: Mm, at: number, pages: number): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  mm.mmapSync(at, pages * PAGE, PROT_READ | PROT_WRITE, flags);
}

function clear(mm: Mm, times: number): void {
  for (let time = 0; time < times; time++) mm.madviseSync(AT + time * PAGE, PAGE, MADV_DONTNEED);
}

export const subscribersElsewhere: GrowthCase = {
  name: "subscribers-elsewhere",
  question: "clear 64 pages, by subscribers that each hold another page of the address space",
  of: "subscribers",
  wanted: 0,
  sizes: { test: [1, 8], full: [1, 16, 128, 1_024] },
  memory: () => MEMORY,
  prepare(machine: Machine, count) {
    const mm = machine.createMm();
    mapPages(mm, AT, TIMES);
    mapPages(mm, ELSEWHERE, count);
    let told = 0;
    for (let each = 0; each < count; each++) {
      const subscriber = machine.exportNotifiers.register({
        name: "elsewhere",
        sync: true,
        invalidateProcessRange: () => void told++,
      });
      subscriber.exportSync(mm, ELSEWHERE + each * PAGE);
    }
    return {
      setup() {
        for (let time = 0; time < TIMES; time++) mm.writeSync(AT + time * PAGE, Uint8Array.of(1));
      },
      run() {
        clear(mm, TIMES);
        return told;
      },
    };
  },
};

export const subscribersTold: GrowthCase = {
  name: "subscribers-told",
  question: "clear 8 untouched pages, by subscribers that watch the address space",
  of: "subscribers",
  wanted: 1,
  sizes: { test: [1, 8], full: [1, 16, 128, 1_024] },
  memory: () => MEMORY,
  prepare(machine: Machine, count) {
    const mm = machine.createMm();
    mapPages(mm, AT, TOLD_TIMES);
    let told = 0;
    for (let each = 0; each < count; each++) {
      const subscriber = machine.exportNotifiers.register({
        name: "watcher",
        sync: true,
        invalidateProcessRange: () => void told++,
      });
      subscriber.watch(mm);
    }
    return {
      setup() {
        told = 0;
      },
      run() {
        clear(mm, TOLD_TIMES);
        return told;
      },
    };
  },
};
