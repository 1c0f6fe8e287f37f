// Promises that a test settles by hand, or in an order that a seed decides: no timers.

import { settle } from "./clock.ts";
import type { Random } from "./prng.ts";

export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(reason: unknown): void;
}

/** A promise with its handles outside. */
export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {};
  let fail: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Sleepers that wake one at a time, in an order drawn from a seed. */
export class Dormitory {
  readonly #sleepers: Gate<void>[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#sleepers.length;
  }

  sleep(): Promise<void> {
    const sleeper = gate();
    this.#sleepers.push(sleeper);
    return sleeper.promise;
  }

  /** Wakes one; false when nobody sleeps. */
  async wakeOne(): Promise<boolean> {
    if (this.#sleepers.length === 0) return false;
    const [sleeper] = this.#sleepers.splice(this.#random.below(this.#sleepers.length), 1);
    sleeper?.open();
    await settle();
    return true;
  }

  async wakeAll(): Promise<void> {
    while (await this.wakeOne());
  }
}
