// The queue of calls that wait for a freeze to end.
//
// Invariants
//   Q1  First come, first served: a call never passes one queued before it that wants its pages.
//   Q2  A call leaves the queue only when the engine has answered it, or when it gives up; one that
//       was woken stays until then, so that nobody slips in between.
//   Q3  Every waiter is woken when nothing is in its way, and gives up at its deadline.
//   Q4  At most `WAITERS_MAX` wait.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import { arm } from "./clock.ts";
import { findCycle } from "./notifier/wait-graph.ts";
import { conflicts, type Plan } from "./plan.ts";
import type { Space } from "./space.ts";

/** Calls that wait at once, in one machine. */
export const WAITERS_MAX = 4_096;

interface Waiter {
  readonly call: Call;
  /** Ends the wait: with nothing when it is its turn. Null while it is not waiting. */
  wake: ((error?: Error) => void) | null;
}

export class Gate {
  readonly #queue: Waiter[] = [];
  readonly #changed: () => void;

  /** `changed` is called when the queue becomes empty or not. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** The first queued plan that conflicts, or null. */
  conflict(plan: Plan): Call | null {
    return this.#queue.find((waiter) => conflicts(waiter.call.plan, plan))?.call ?? null;
  }

  /** The queued calls that `call` may not pass. */
  before(call: Call): Call[] {
    const found: Call[] = [];
    for (const { call: other } of this.#queue) {
      if (other === call) return found;
      if (conflicts(other.plan, call.plan)) found.push(other);
    }
    return call.isWaiting ? found : [];
  }

  /** Whether a queued plan stands before `call`. */
  isBehind(call: Call): boolean {
    for (const { call: other } of this.#queue) {
      if (other === call) return false;
      if (conflicts(other.plan, call.plan)) return true;
    }
    return false;
  }

  /** Queues the call and waits for its turn. Rejects at its deadline, and when it is off. */
  wait(call: Call): Promise<void> {
    const waiter = this.#enter(call);
    call.isWaiting = true;
    const cycle = findCycle(call);
    if (cycle !== null) {
      this.leave(call);
      throw cycle;
    }
    return new Promise<void>((resolve, reject) => {
      const reason = "a plan in its way did not end in time";
      const late = () => waiter.wake?.(call.error(Status.ETIMEDOUT, { reason }));
      const disarm = arm(call.core.clock, call.timeLeft(), late);
      const unlisten = call.onAbort((error) => waiter.wake?.(error));
      waiter.wake = (error) => {
        waiter.wake = null;
        disarm();
        unlisten();
        if (error === undefined) return resolve();
        this.leave(call);
        reject(error);
      };
      this.wake();
    });
  }

  /** The call is answered, or gives up: those behind it are looked at. */
  leave(call: Call): void {
    call.isWaiting = false;
    const index = this.#queue.findIndex((waiter) => waiter.call === call);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    if (this.#queue.length === 0) this.#changed();
    this.wake();
  }

  /** Wakes everybody whose way is free. */
  wake(): void {
    for (const waiter of [...this.#queue]) {
      const { call } = waiter;
      if (waiter.wake === null || (call.blockedBy !== null && !call.blockedBy.closed)) continue;
      if (!this.isBehind(call)) waiter.wake();
    }
  }

  /** Ends the wait of every call on a space: it exits. */
  evict(space: Space, except: Call | null): void {
    for (const { call, wake } of [...this.#queue]) {
      if (call.plan.space !== space || call === except) continue;
      wake?.(call.error(Status.ESRCH, { reason: "the address space exits" }));
    }
  }

  #enter(call: Call): Waiter {
    const known = this.#queue.find((waiter) => waiter.call === call);
    if (known !== undefined) return known;
    if (this.#queue.length >= WAITERS_MAX) {
      throw call.error(Status.EOVERFLOW, { reason: `${WAITERS_MAX} calls wait already` });
    }
    const waiter: Waiter = { call, wake: null };
    this.#queue.push(waiter);
    if (this.#queue.length === 1) this.#changed();
    return waiter;
  }
}
