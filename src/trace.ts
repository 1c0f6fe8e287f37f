// What happened, in a ring that never grows: calls, callbacks, and reports, with their times.
//
// Invariants
//   X1  Off, it costs one test; on, it keeps the last `capacity` events and counts the lost ones.
//   X2  Times are the machine's clock, in milliseconds; the Chrome format has microseconds.

import type { Clock } from "./clock.ts";

/** Events that are kept when the machine does not say. */
export const TRACE_CAPACITY_DEFAULT = 4096;

/** A capacity above this is refused: the ring is memory of the host. */
export const TRACE_CAPACITY_MAX = 2 ** 20;

export type TraceCategory = "call" | "notify";

/** Something that began, and, once `duration` is there, ended. Milliseconds. */
export interface TraceEvent {
  readonly id: number;
  readonly name: string;
  readonly category: TraceCategory;
  readonly start: number;
  /** Null while it goes on. */
  readonly duration: number | null;
  /** "done", an errno, "accepted", "refused"; null while it goes on. */
  readonly result: string | null;
}

/** One event in the JSON format that Chrome's tracing and Perfetto read. */
export interface ChromeTraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: "X" | "i" | "B";
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, string | number>>;
}

interface Slot {
  id: number;
  name: string;
  category: TraceCategory;
  start: number;
  duration: number | null;
  result: string | null;
}

const THREAD: Record<TraceCategory, number> = { call: 1, notify: 2 };
const MICROSECONDS = 1000;

export class Trace {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #switched: () => void;
  #ring: Slot[] = [];
  /** Events ever noted, and how many of them were there at the last `clear`. */
  #count = 0;
  #cleared = 0;
  #on = false;

  constructor(clock: Clock, capacity: number, switched: () => void) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.#switched = switched;
  }

  get isOn(): boolean {
    return this.#on;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Events that the ring has forgotten. */
  get lost(): number {
    return Math.max(this.#count - this.#cleared - this.#capacity, 0);
  }

  start(): void {
    this.#on = true;
    this.#switched();
  }

  stop(): void {
    this.#on = false;
    this.#switched();
  }

  clear(): void {
    this.#ring = [];
    this.#cleared = this.#count;
  }

  /** Notes that something begins; the number goes to `end`. 0 when the trace is off. */
  begin(name: string, category: TraceCategory): number {
    return this.#on ? this.#note(name, category, null) : 0;
  }

  /** Notes that it ended; without effect when the ring has forgotten it. */
  end(id: number, result: string): void {
    if (id === 0) return;
    const slot = this.#ring[(id - 1) % this.#capacity];
    if (slot?.id !== id) return;
    slot.duration = this.#clock.now() - slot.start;
    slot.result = result;
  }

  /** Notes a moment. */
  mark(name: string, category: TraceCategory): void {
    if (this.#on) this.#note(name, category, 0);
  }

  /** The events that are kept, oldest first; copies. */
  events(): TraceEvent[] {
    const list: TraceEvent[] = [];
    for (let at = this.#cleared + this.lost; at < this.#count; at++) {
      const slot = this.#ring[at % this.#capacity];
      if (slot !== undefined) list.push({ ...slot });
    }
    return list;
  }

  /** The events as a Chrome trace: `JSON.stringify` it into a file. */
  toChromeTrace(): { readonly traceEvents: ChromeTraceEvent[] } {
    return { traceEvents: this.events().map(toChrome) };
  }

  #note(name: string, category: TraceCategory, duration: number | null): number {
    const id = this.#count + 1;
    const start = this.#clock.now();
    this.#ring[this.#count % this.#capacity] = {
      id,
      name,
      category,
      start,
      duration,
      result: null,
    };
    this.#count = id;
    return id;
  }
}

function toChrome(event: TraceEvent): ChromeTraceEvent {
  const common = {
    name: event.name,
    cat: event.category,
    ts: event.start * MICROSECONDS,
    pid: 1,
    tid: THREAD[event.category],
    args: event.result === null ? {} : { result: event.result },
  };
  if (event.duration === null) return { ...common, ph: "B" };
  return { ...common, ph: "X", dur: event.duration * MICROSECONDS };
}
