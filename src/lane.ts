// The calls on one backing: which of them may be under way at once, and how each ended.
//
//   share  share  share │ exclusive │ share  share
//   ────────────────────▶ ─────────▶ ─────────────▶     in order; only the shared ones overlap
//
// Invariants
//   L3  An exclusive call (a truncation) is under way alone: it starts when all that came before it
//       have ended, and nothing that came later starts before it has.
//   L4  Each call is answered exactly once, at once where the backing answers at once.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import { arm } from "./clock.ts";
import type { Core } from "./core.ts";
import { promiseOf } from "./notifier/answer.ts";

/** Why a backing failed: whatever it threw. */
export interface Failure {
  readonly cause: unknown;
}

/** Told how a call ended: null when it went well, and what the backing answered. */
export type Ended = (failure: Failure | null, answer: unknown) => void;

interface Job {
  readonly isExclusive: boolean;
  readonly ask: () => unknown;
  readonly ended: Ended;
}

export class Lane {
  readonly #core: Core;
  readonly #queue: Job[] = [];
  #running = 0;
  #isHeld = false;
  #isPumping = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Nothing is under way or waits. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.length === 0;
  }

  /** Asks when it may run beside others; `ended` has run by then if the backing answers at once. */
  share(ask: () => unknown, ended: Ended): void {
    this.#enter({ isExclusive: false, ask, ended });
  }

  /** The same, alone. */
  exclude(ask: () => unknown, ended: Ended): void {
    this.#enter({ isExclusive: true, ask, ended });
  }

  #enter(job: Job): void {
    this.#queue.push(job);
    this.#pump();
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (let job = this.#queue[0]; job !== undefined && this.#mayStart(job); ) {
        this.#queue.shift();
        this.#start(job);
        job = this.#queue[0];
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #mayStart({ isExclusive }: Job): boolean {
    return !this.#isHeld && (!isExclusive || this.#running === 0);
  }

  #start(job: Job): void {
    this.#running++;
    this.#isHeld = job.isExclusive;
    let answer: unknown;
    let promise: Promise<unknown> | null;
    try {
      answer = job.ask();
      promise = promiseOf(answer);
    } catch (cause) {
      this.#end(job, { cause }, undefined);
      return;
    }
    if (promise === null) {
      this.#end(job, null, answer);
      return;
    }
    const settled = promise.then(
      (late) => this.#end(job, null, late),
      (cause: unknown) => this.#end(job, { cause }, undefined),
    );
    settled.catch((fault: unknown) => this.#core.report(fault, "backing"));
  }

  #end(job: Job, failure: Failure | null, answer: unknown): void {
    this.#running--;
    if (job.isExclusive) this.#isHeld = false;
    try {
      job.ended(failure, answer);
    } finally {
      this.#pump();
    }
  }
}

/** Something under way that somebody may wait for. */
export class Pending {
  /** Why it failed, when it is over. */
  failure: Failure | null = null;
  isOver = false;
  readonly #waiters = new Set<() => void>();

  end(failure: Failure | null): void {
    this.isOver = true;
    this.failure = failure;
    for (const tell of [...this.#waiters]) tell();
    this.#waiters.clear();
  }

  /**
   * Resolves when it is over; rejects as the call gives up. At once where it is over; EAGAIN where
   * the call cannot wait. `what` says in an error what was waited for.
   */
  wait(call: Call, what: string): void | Promise<void> {
    if (this.isOver) return;
    if (!call.canWait) throw call.error(Status.EAGAIN, { reason: `${what}: it is under way` });
    call.expectWanted();
    return new Promise<void>((resolve, reject) => {
      const end = (error?: Error) => {
        for (const stop of stops) stop();
        if (error === undefined) resolve();
        else reject(error);
      };
      const told = () => end();
      const reason = `${what}: it did not end in time`;
      const late = () => end(call.error(Status.ETIMEDOUT, { reason }));
      this.#waiters.add(told);
      const stops = [
        () => this.#waiters.delete(told),
        call.onAbort(end),
        arm(call.core.clock, call.timeLeft(), late),
      ];
    });
  }
}
