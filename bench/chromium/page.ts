// What a page runs: one side of one case, asked by the process that opened it (runner.ts).

import type { Size } from "../case.ts";
import { LocalRunner, type Proof, type Round } from "../runner.ts";
import { isSideName, SIDES } from "../sides/all.ts";
import { PAGE_CASES } from "./cases.ts";

/** What the page has for who asks. */
export interface PageBench {
  start(caseName: string, side: string, size: Size): void;
  prove(): Promise<Proof>;
  round(round: Round): Promise<number[]>;
}

let runner: LocalRunner | null = null;

function running(): LocalRunner {
  if (runner === null) throw new Error("start comes first");
  return runner;
}

const bench: PageBench = {
  start(caseName, side, size) {
    const one = PAGE_CASES.find(({ name }) => name === caseName);
    if (one === undefined || !isSideName(side)) throw new Error(`no ${caseName} of ${side} here`);
    runner = new LocalRunner(one, SIDES[side], size);
  },
  prove: () => running().prove(),
  round: (round) => running().round(round),
};

Object.assign(globalThis, { bench });
