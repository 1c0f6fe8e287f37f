// Question: is a fault independent of how many areas there are?
//
// The same pages are touched at every size, over the same span of addresses: what differs is into
// how many areas the span is cut. One page beside each stays, so that its page table does: making
// tables is another question.

import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { PAGE } from "../memory.ts";
import type { GrowthCase, Machine } from "./case.ts";

const AT = 0x10_0000_0000;
/** Touched in one run, spread over the span. */
const FAULTS = 1_024;
/** Prime to it, so that a run goes through the span in leaps. */
const STEP = 393;
/** The span in units of three pages: one to touch, one that stays, one that may be a gap. */
const UNITS = 65_280;
const UNIT_BYTES = 3 * PAGE;

/** Where a run touches, in the order in which it does. */
const PLACES = Array.from({ length: FAULTS }, (_, i) => {
  const unit = Math.floor((((i * STEP) % FAULTS) * UNITS) / FAULTS);
  return AT + unit * UNIT_BYTES;
});

export const faultAreas: GrowthCase = {
  name: "fault-areas",
  question: "first touch of 1,024 pages of a span, by areas that it is cut into",
  of: "areas",
  wanted: 0,
  sizes: { test: [1, 60], full: [1, 60, 1_020, 16_320, 65_280] },
  memory: () => 128 * 2 ** 20,
  prepare(machine: Machine, areas) {
    const mm = machine.createMm();
    const stride = (UNITS / areas) * UNIT_BYTES;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    for (let area = 0; area < areas; area++) {
      mm.mmapSync(AT + area * stride, stride - PAGE, PROT_READ | PROT_WRITE, flags);
    }
    const byte = Uint8Array.of(1);
    for (const at of PLACES) mm.writeSync(at + PAGE, byte);
    return {
      setup() {
        for (const at of PLACES) mm.madviseSync(at, PAGE, MADV_DONTNEED);
      },
      run() {
        for (const at of PLACES) mm.writeSync(at, byte);
        return PLACES.length;
      },
    };
  },
};
