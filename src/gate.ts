// The queue of calls that wait for a freeze to end.
//
// Invariants
//   Q1  First come, first served: a call never passes one queued before it that wants its pages.
//   Q2  A call leaves the queue only when the engine has answered it, or when it gives up; one that
//       was woken stays until then, so that nobody slips in between.
//   Q3  Every waiter is woken when nothing is in its way, and gives up at its deadline.
//   Q4  At most `WAITERS_MAX` wait, and exits, which cannot be refused.
//   Q5  `ahead` counts the waiters queued before that want a page in common.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import { findCycle } from "./notifier/wait-graph.ts";
import { conflicts, type Plan } from "./plan.ts";
import type { Space } from "./space.ts";
import { type End, waitFor } from "./wait.ts";

/** Calls that wait at once, in one machine. */
export const WAITERS_MAX = 4_096;

interface Waiter {
  readonly call: Call;
  ahead: number;
  /** Ends the wait: with nothing when it is its turn. Null while it is not waiting. */
  wake: End | null;
}

export class Gate {
  /** In order of arrival. */
  readonly #queue = new Map<Call, Waiter>();
  readonly #changed: () => void;

  /** `changed` is called when the queue becomes empty or not. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0;
  }

  get length(): number {
    return this.#queue.size;
  }

  /** The queued calls that `call`, queued itself, may not pass. */
  before(call: Call): Call[] {
    const found: Call[] = [];
    if (!this.#queue.has(call)) return found;
    for (const other of this.#queue.keys()) {
      if (other === call) break;
      if (conflicts(other.plan, call.plan)) found.push(other);
    }
    return found;
  }

  /** The queued calls that a plan would have to wait for. */
  inTheWayOf(plan: Plan): Call[] {
    return [...this.#queue.keys()].filter((other) => conflicts(other.plan, plan));
  }

  /** Whether a queued plan stands before `call`. */
  isBehind(call: Call): boolean {
    const waiter = this.#queue.get(call);
    return waiter === undefined ? this.#isWanted(call.plan) : waiter.ahead > 0;
  }

  /** Queues the call and waits for its turn. Rejects at its deadline, and when it is off. */
  wait(call: Call): Promise<void> {
    const waiter = this.#enter(call);
    const cycle = findCycle(call);
    if (cycle !== null) {
      this.leave(call);
      throw cycle;
    }
    const turn = waitFor(call, "a plan in its way did not end in time", (end) => {
      waiter.wake = end;
      return (error) => {
        waiter.wake = null;
        if (error !== undefined) this.leave(call);
      };
    });
    this.#wakeIfFree(waiter);
    return turn;
  }

  /** The call is answered, or gives up: those behind it come closer. Idempotent. */
  leave(call: Call): void {
    const waiter = this.#queue.get(call);
    if (waiter === undefined) return;
    let isPast = false;
    for (const other of this.#queue.values()) {
      if (isPast && conflicts(call.plan, other.call.plan)) other.ahead--;
      if (other === waiter) isPast = true;
    }
    this.#queue.delete(call);
    if (this.#queue.size === 0) this.#changed();
    this.wake();
  }

  /** Wakes everybody whose way is free. */
  wake(): void {
    for (const waiter of this.#queue.values()) this.#wakeIfFree(waiter);
  }

  /** Ends the wait of every call on a space: it exits. */
  evict(space: Space): void {
    for (const { call, wake } of [...this.#queue.values()]) {
      if (call.plan.space !== space) continue;
      wake?.(call.error(Status.ESRCH, { reason: "the address space exits" }));
    }
  }

  #wakeIfFree({ call, ahead, wake }: Waiter): void {
    const isFree = ahead === 0 && (call.blockedBy === null || call.blockedBy.closed);
    if (isFree) wake?.();
  }

  #isWanted(plan: Plan): boolean {
    for (const other of this.#queue.keys()) if (conflicts(other.plan, plan)) return true;
    return false;
  }

  #enter(call: Call): Waiter {
    const known = this.#queue.get(call);
    if (known !== undefined) return known;
    if (this.#queue.size >= WAITERS_MAX && call.plan.mandatory !== true) {
      throw call.error(Status.EOVERFLOW, { reason: `${WAITERS_MAX} calls wait already` });
    }
    let ahead = 0;
    for (const other of this.#queue.keys()) if (conflicts(other.plan, call.plan)) ahead++;
    const waiter: Waiter = { call, ahead, wake: null };
    this.#queue.set(call, waiter);
    if (this.#queue.size === 1) this.#changed();
    return waiter;
  }
}
