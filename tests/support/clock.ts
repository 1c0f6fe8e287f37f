// A clock that moves only when a test says so.

import type { Clock } from "../../src/clock.ts";

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  #next = 1;
  readonly #timers = new Map<number, Timer>();

  now(): number {
    return this.#now;
  }

  setTimeout(fire: () => void, delay: number): unknown {
    const handle = this.#next++;
    this.#timers.set(handle, { at: this.#now + delay, fire });
    return handle;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number);
  }

  /** Timers that are set. */
  get armed(): number {
    return this.#timers.size;
  }

  /** Lets time pass: each timer fires at its moment, and what follows from it runs first. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (let due = this.#due(end); due !== null; due = this.#due(end)) {
      const [handle, timer] = due;
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(handle);
      timer.fire();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #due(end: number): [number, Timer] | null {
    let first: [number, Timer] | null = null;
    for (const entry of this.#timers) {
      if (entry[1].at <= end && (first === null || entry[1].at < first[1].at)) first = entry;
    }
    return first;
  }
}

/** Lets everything run that can run without anybody answering or time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await null;
}
