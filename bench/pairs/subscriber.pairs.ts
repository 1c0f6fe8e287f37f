// Question: what does one more subscriber cost that does nothing, beside the call alone, or the
// await alone?
//
// The operation is mprotect of a page that nobody has touched, which everybody who watches its
// address space is told of. One that tells 65 is timed and one that tells 1: the rest is what 64
// cost. For those that are awaited at once, the reference is as many promises awaited together.

import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../../src/constants.ts";
import { createMachineSync, type ExportOps, type Mm } from "../../src/sync.ts";
import { parameter, type Size } from "../case.ts";
import { PAGE } from "../memory.ts";
import type { Pair, PairWork } from "./pair.ts";

const CALLS = parameter("CALLS", { test: 2, full: 100 });
const MORE = 64;
const MEMORY = 16 * 1024 * 1024;
const RIGHTS = [PROT_READ, PROT_READ | PROT_WRITE];

type Callback = NonNullable<ExportOps["invalidateProcessRange"]>;

/** Nobody looks at it. */
const WHY = {} as Parameters<Callback>[3];

let heard = 0;

const hear: Callback = () => {
  heard++;
};
const hearLater: Callback = async () => {
  heard++;
};

/** An address space that so many watch; at `at` is a page to protect. */
function watched(watchers: number, callback: Callback, parallel: boolean) {
  const machine = createMachineSync({ memory: MEMORY, exportNotifiers: { parallel } });
  const mm = machine.createMm();
  const at = mm.mmapSync(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  for (let index = 0; index < watchers; index++) {
    const ops = { name: `s${index}`, sync: callback === hear, invalidateProcessRange: callback };
    machine.exportNotifiers.register(ops).watch(mm);
  }
  return { mm, at };
}

/** A work that counts the callbacks that it caused. */
function counting(run: () => void | Promise<void>): PairWork {
  return {
    setup() {
      heard = 0;
    },
    run() {
      const done = run();
      return done === undefined ? heard : done.then(() => heard);
    },
  };
}

function protectSync(mm: Mm, at: number, calls: number): void {
  for (let call = 0; call < calls; call++) mm.mprotectSync(at, PAGE, RIGHTS[call % 2] as number);
}

async function protect(mm: Mm, at: number, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) await mm.mprotect(at, PAGE, RIGHTS[call % 2] as number);
}

interface Kind {
  readonly name: string;
  readonly question: string;
  readonly reference: string;
  readonly callback: Callback;
  readonly parallel: boolean;
  /** What 64 cost without a machine, so many times. */
  bare(calls: number, args: Parameters<Callback>): void | Promise<void>;
}

function subscriberPair(kind: Kind): Pair {
  const { name, question, reference, callback, parallel } = kind;
  return {
    name,
    question,
    unit: "ns/subscriber",
    reference,
    async prepare(size: Size) {
      const calls = CALLS(size);
      const many = watched(1 + MORE, callback, parallel);
      const one = watched(1, callback, parallel);
      const op = callback === hear ? protectSync : protect;
      return {
        works: [
          counting(() => op(many.mm, many.at, calls)),
          counting(() => op(one.mm, one.at, calls)),
          counting(() => kind.bare(calls, [one.mm, one.at, one.at + PAGE, WHY])),
        ],
        figures: ([all = 0, single = 0, bare = 0]) => ({
          ours: (all - single) / MORE / calls,
          theirs: bare / MORE / calls,
        }),
      };
    },
  };
}

/** As many callbacks as subscribers. */
const SYNC_LIST: readonly Callback[] = Array.from({ length: MORE }, () => hear);
const LATER_LIST: readonly Callback[] = Array.from({ length: MORE }, () => hearLater);

export const subscriberPairs: readonly Pair[] = [
  subscriberPair({
    name: "subscriber-sync",
    question: "tell one more subscriber, in a call that may not wait",
    reference: "bare-call",
    callback: hear,
    parallel: false,
    bare(calls, [mm, start, end, why]) {
      for (let call = 0; call < calls; call++) {
        for (const callback of SYNC_LIST) callback(mm, start, end, why);
      }
    },
  }),
  subscriberPair({
    name: "subscriber-awaited",
    question: "tell one more subscriber and wait for its promise",
    reference: "bare-await",
    callback: hearLater,
    parallel: false,
    async bare(calls, [mm, start, end, why]) {
      for (let call = 0; call < calls; call++) {
        for (const callback of LATER_LIST) await callback(mm, start, end, why);
      }
    },
  }),
  subscriberPair({
    name: "subscriber-64-at-once",
    question: "tell 64 more subscribers at once and wait for all, for each",
    reference: "bare-await-all",
    callback: hearLater,
    parallel: true,
    async bare(calls, [mm, start, end, why]) {
      for (let call = 0; call < calls; call++) {
        await Promise.all(LATER_LIST.map((callback) => callback(mm, start, end, why)));
      }
    },
  }),
];
