// Questions: what does it cost to tell listeners of one event, and to come and leave?
//
// An event is "the page at this address goes". Every listener folds what it hears into a checksum
// of its own; the checksum of a run is that of all listeners, so a side that loses an event, or
// tells it to somebody who has left, is refused.

import { parameter, type Size, type Work } from "../case.ts";
import { type Contest, ours, script, type WorkMaker } from "../contests/contest.ts";
import { mix } from "../digest.ts";
import { PAGE } from "../memory.ts";
import type { Bus, WaitingBus } from "./bus.ts";
import * as libraries from "./libraries.ts";
import { ourBus, ourWaitingBus } from "./pagebell.ts";

const EVENTS = parameter("EVENTS", { test: 16, full: 4_096 });
/** Addresses that events are about, over and over. */
const PAGES = 64;

type BusMaker = () => Bus;
type WaitingBusMaker = () => WaitingBus;

const LEAVING: Readonly<Record<string, BusMaker>> = {
  calls: libraries.calls,
  mitt: libraries.ofMitt,
  eventemitter3: libraries.ofEventEmitter3,
  EventEmitter: libraries.ofNodeEvents,
  EventTarget: libraries.ofEventTarget,
  rxjs: libraries.ofRxjs,
};
const ALL: Readonly<Record<string, BusMaker>> = { ...LEAVING, tapable: libraries.ofTapable };
const WAITING: Readonly<Record<string, WaitingBusMaker>> = {
  calls: libraries.awaitedCalls,
  tapable: libraries.ofAsyncTapable,
};

export const dispatchContests: readonly Contest[] = [
  telling(1, "tell one listener of a page"),
  telling(8, "tell 8 listeners of a page"),
  {
    name: "dispatch-register",
    question: "a listener registers and leaves",
    unit: "ns/pair",
    contestants: [
      ours((size) => comingAndLeaving(ourBus(PAGES), size)),
      ...Object.entries(LEAVING).map(([name, make]) =>
        script(name, (size) => comingAndLeaving(make(), size)),
      ),
    ],
  },
  awaiting(1, "tell one listener and wait for it"),
  awaiting(8, "tell 8 listeners and wait for each"),
];

function telling(listeners: number, question: string): Contest {
  const worker =
    (make: BusMaker): WorkMaker =>
    (size) =>
      tellingAll(make(), listeners, size);
  return {
    name: `dispatch-${listeners}`,
    question,
    unit: "ns/event",
    contestants: [
      ours(worker(() => ourBus(PAGES))),
      ...Object.entries(ALL).map(([name, make]) => script(name, worker(make))),
    ],
  };
}

function awaiting(listeners: number, question: string): Contest {
  const worker =
    (make: WaitingBusMaker): WorkMaker =>
    (size) =>
      awaitingAll(make(), listeners, size);
  return {
    name: `dispatch-await-${listeners}`,
    question,
    unit: "ns/event",
    contestants: [
      ours(worker(() => ourWaitingBus(PAGES))),
      ...Object.entries(WAITING).map(([name, make]) => script(name, worker(make))),
    ],
  };
}

/** What each listener of a run has heard. */
class Heard {
  readonly #sums: Int32Array;

  constructor(listeners: number) {
    this.#sums = new Int32Array(listeners);
  }

  hear(listener: number, address: number): void {
    this.#sums[listener] = mix(this.#sums[listener] as number, address);
  }

  forget(): void {
    this.#sums.fill(0);
  }

  get sum(): number {
    return this.#sums.reduce(mix, 0);
  }
}

function tellingAll(bus: Bus, listeners: number, size: Size): Work {
  const heard = new Heard(listeners);
  for (let each = 0; each < listeners; each++) bus.listen((at) => heard.hear(each, at));
  const events = EVENTS(size);
  return {
    units: events,
    setup: () => heard.forget(),
    run() {
      for (let event = 0; event < events; event++) bus.tell((event % PAGES) * PAGE);
      return heard.sum;
    },
    digest: (digest) => digest.add("listeners", listeners),
  };
}

function awaitingAll(bus: WaitingBus, listeners: number, size: Size): Work {
  const heard = new Heard(listeners);
  for (let each = 0; each < listeners; each++) {
    bus.listen(async (at) => heard.hear(each, at));
  }
  const events = EVENTS(size);
  return {
    units: events,
    setup: () => heard.forget(),
    async run() {
      for (let event = 0; event < events; event++) await bus.tell((event % PAGES) * PAGE);
      return heard.sum;
    },
    digest: (digest) => digest.add("awaited listeners", listeners),
  };
}

/** One stays; others come and leave. At the end there is one event, and only one may hear it. */
function comingAndLeaving(bus: Bus, size: Size): Work {
  const heard = new Heard(2);
  bus.listen((at) => heard.hear(0, at));
  const pairs = EVENTS(size);
  return {
    units: pairs,
    setup: () => heard.forget(),
    run() {
      for (let pair = 0; pair < pairs; pair++) bus.listen((at) => heard.hear(1, at))();
      bus.tell(PAGE);
      return mix(heard.sum, pairs);
    },
    digest: (digest) => digest.add("one stays"),
  };
}
