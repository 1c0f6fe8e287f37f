// Question: is a fault independent of how many areas there are?
//
// One page of each area stays, so that its page table does: making tables is another question.

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
/** Touched in one run, spread over all areas. */
const FAULTS = 1_024;
/** Odd, so that a run comes to other areas in another order, and prime to every count of areas. */
const STEP = 40_503;

export const faultAreas: GrowthCase = {
  name: "fault-areas",
  question: "first touch of 1,024 pages spread over all areas, by areas",
  of: "areas",
  wanted: 0,
  sizes: { test: [1, 64], full: [1, 64, 1_024, 16_384, 65_500] },
  memory: () => 512 * 2 ** 20,
  prepare(machine: Machine, areas) {
    const mm = machine.createMm();
    const pages = Math.ceil(FAULTS / areas);
    const stride = (pages + 2) * PAGE;
    const byte = Uint8Array.of(1);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    for (let area = 0; area < areas; area++) {
      const at = AT + area * stride;
      mm.mmapSync(at, (pages + 1) * PAGE, PROT_READ | PROT_WRITE, flags);
      mm.writeSync(at + pages * PAGE, byte);
    }
    const places = Array.from({ length: FAULTS }, (_, i) => {
      const spread = Math.floor((i * areas) / FAULTS);
      const area = areas < FAULTS ? i % areas : spread;
      const page = areas < FAULTS ? Math.floor(i / areas) : 0;
      return AT + area * stride + page * PAGE;
    });
    const order = places.map((_, i) => places[(i * STEP) % FAULTS] as number);
    return {
      setup: () => {
        for (const at of order) mm.madviseSync(at, PAGE, MADV_DONTNEED);
      },
      run() {
        for (const at of order) mm.writeSync(at, byte);
        return order.length;
      },
    };
  },
};
