// Question: what does the notifier cost while nobody is registered, beside an engine built without?

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMachine } from "../../src/slim.ts";
import type { BenchCase, Size } from "../case.ts";
import { caseNamed } from "../cases.ts";
import { ROOT } from "../root.ts";
import { memoryOf, OVERCOMMIT } from "../sides/pagebell.ts";
import type { Pair } from "./pair.ts";

/** What the notifier stands in the way of. */
const NAMES = ["fault-512", "map-unmap", "munmap", "mprotect", "fork-exit", "cow"];

/** The side in reports. */
export const WITHOUT = "no-notifier";

function notifierPair(name: string): Pair {
  const { unit, question } = caseNamed(name);
  return {
    name: `notifier-${name}`,
    question: `nobody registered: ${question}`,
    unit,
    reference: WITHOUT,
    async prepare(size) {
      const ours = await workOn("release", caseNamed(name), size);
      const theirs = await workOn("release-plain", caseNamed(name), size);
      return {
        works: [ours, theirs],
        figures: ([first = 0, second = 0]) => ({
          ours: first / ours.units,
          theirs: second / theirs.units,
        }),
      };
    },
  };
}

/** The work of a case, on an engine that was built for this comparison. */
async function workOn(engine: string, one: BenchCase, size: Size) {
  const machine = await createMachine({
    engine: await readFile(join(ROOT, `build/${engine}.wasm`)),
    memory: one.memory(size),
    overcommit: OVERCOMMIT,
  });
  return one.prepare(memoryOf(machine), size);
}

export const notifierPairs: readonly Pair[] = NAMES.map(notifierPair);
