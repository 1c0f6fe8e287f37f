// Question: what does it cost to map one page and to unmap it again, nobody having touched it?

import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { type BenchCase, parameter } from "./case.ts";
import { mix } from "./digest.ts";
import { PAGE } from "./memory.ts";

const PAIRS = parameter("PAIRS", { test: 8, full: 2_000 });
const MEMORY = 16 * 1024 * 1024;

export const mapUnmap: BenchCase = {
  name: "map-unmap",
  question: "map one page and unmap it, untouched",
  unit: "ns/pair",
  memory: () => MEMORY,
  native: (size) => [PAIRS(size)],
  prepare(memory, size) {
    const space = memory.createSpace();
    const pairs = PAIRS(size);
    return {
      units: pairs,
      setup: () => {},
      run() {
        let sum = 0;
        for (let pair = 0; pair < pairs; pair++) {
          const at = space.mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
          space.munmap(at, PAGE);
          sum = mix(sum, at);
        }
        return sum;
      },
      outcome: (outcome) => outcome.add(pairs, [...space.areas()].length),
      digest: (digest) => digest.addSpace(space),
    };
  },
};
