// One call of an operation, from its first attempt until it is settled.
//
// Invariants
//   K1  It ends with an outcome or with one error, never both.
//   K2  A call made out of a callback is a child of that callback's bracket until it settles.

import { Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { AbsentPageRecord, LackRecord, Outcome, PopulateRecord } from "./engine/records.ts";
import { MemoryError, type MemoryErrorDetail } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { Member } from "./notifier/member.ts";
import { remove } from "./notifier/remove.ts";
import type { Plan } from "./plan.ts";

/** What every asynchronous operation takes last. */
export interface CallOptions {
  /** Gives up, with its reason, as long as nothing has been committed. */
  readonly signal?: AbortSignal;
  /** Milliseconds that the whole call may wait. Default: the machine's. */
  readonly deadline?: number;
  /** Tells the subscribers all at once. Default: the machine's. */
  readonly parallel?: boolean;
}

/** Stands for "the engine has not been asked yet". */
export const UNTRIED = -0x7fff_ffff;

export class Call {
  readonly core: Core;
  readonly plan: Plan;
  /** The bracket whose callback makes this call. */
  readonly parent: Bracket | null;
  readonly canWait: boolean;
  readonly parallel: boolean;
  readonly #deadlineAt: number;
  readonly #signal: AbortSignal | undefined;
  /** Its own bracket, while it is open. */
  bracket: Bracket | null = null;
  /** The bracket in its way, when the engine said so. */
  blockedBy: Bracket | null = null;
  /** The page that has to be moved, in or out, before it can be attempted again. */
  absent: AbsentPageRecord | null = null;
  /** What it lacked at its last attempt: no frames where that was not why it ended. */
  lack: LackRecord = NOTHING_LACKS;
  /** How often memory was reclaimed for it. */
  reliefs = 0;
  /** Subscribers whose late answer it waits for. */
  readonly owedBy = new Set<Member>();
  outcome: Outcome | null = null;
  /** What is to be faulted in now that it is done, or that its prefix is. */
  populate: readonly PopulateRecord[] = [];
  /** Whether somebody was told: since then anything may have run. */
  wasTold = false;
  /** The errno that Linux answers with, after its commit. */
  failure: MemoryError | null = null;
  #status: number;
  /** Frames set aside for its next attempt. */
  #promised = 0;
  /** Its next attempt ends with ENOMEM where memory lacks. */
  #isLast = false;

  constructor(
    core: Core,
    plan: Plan,
    parent: Bracket | null,
    limits: CallOptions | null,
    status = UNTRIED,
  ) {
    this.core = core;
    this.plan = plan;
    this.parent = parent === null || parent.closed ? null : parent;
    this.canWait = limits !== null;
    this.parallel = limits?.parallel ?? core.parallel;
    this.#signal = limits?.signal;
    this.#deadlineAt = deadlineOf(core, plan, limits);
    this.#status = status;
    if (this.parent === null) return;
    this.parent.children.push(this);
    core.nestedCalls++;
  }

  /**
   * Asks the engine. Returns the ticket (0: it is done), or −1 when something is in the way: a
   * plan, a page that is `absent`, or a `lack` of memory. Throws what the engine refuses.
   */
  attempt(): number {
    const { engine, gate } = this.core;
    let status = this.#status;
    this.#status = UNTRIED;
    this.absent = null;
    this.lack = NOTHING_LACKS;
    if (status === UNTRIED) this.expectWanted();
    if (this.plan.space?.handle === 0 && this.plan.mandatory !== true) {
      throw this.error(Status.ESRCH, { reason: "the address space has exited" });
    }
    if (status === UNTRIED) {
      if (!gate.isEmpty && gate.isBehind(this) && this.plan.passes?.(engine) !== true) return -1;
      status = this.ask(() => this.plan.attempt(engine));
    }
    if (status === Status.EAGAIN && this.#isBlocked()) return -1;
    this.blockedBy = null;
    if (status === 0) this.settle(0);
    gate.leave(this);
    if (status >= 0) return status;
    if (status === Status.NEED_MEMORY) {
      this.lack = engine.answer.lack;
      return -1;
    }
    if (status === Status.NEED_IO) {
      this.absent = engine.answer.absentPage;
      return -1;
    }
    this.#takePopulate();
    throw this.error(status);
  }

  /** Sets `frames` aside for the next attempt; false where there are not so many. */
  promise(frames: number): boolean {
    if (!this.core.engine.reclaim.promise(frames)) return false;
    this.#promised = frames;
    return true;
  }

  /** No memory will come: the next attempt is the last. Who may not reclaim has the reserve. */
  giveUpMemory(): void {
    this.#isLast = true;
  }

  /** Whether it must not wait for memory: out of a callback, or a part of reclaim itself. */
  get hasReserve(): boolean {
    return this.parent !== null || this.plan.isReclaim === true;
  }

  /** Asks the engine for something that takes frames: with those that were set aside for it. */
  ask(work: () => number): number {
    this.#keepPromise();
    if (!this.#isLast) return work();
    return this.core.engine.reclaim.lastly(this.hasReserve, work);
  }

  /** Keeps what the engine left, and the errno of an operation that did its prefix. */
  settle(status: number): void {
    const outcome = this.core.engine.answer.outcome;
    this.outcome = outcome;
    this.#takePopulate();
    if (status < 0) this.failure = this.error(status);
    else this.plan.settled?.(outcome);
  }

  /** Milliseconds until its deadline. */
  timeLeft(): number {
    return this.#deadlineAt - this.core.clock.now();
  }

  /** The limits of a call that is a part of this one. */
  limitsLeft(): CallOptions | null {
    if (!this.canWait) return null;
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    return { deadline: Math.max(this.timeLeft(), 0), parallel: this.parallel, ...signal };
  }

  error(status: Status, detail: MemoryErrorDetail = {}): MemoryError {
    const { op, ranges, address = ranges[0]?.start, done } = this.plan;
    return new MemoryError(status, op, { address, done, ...detail });
  }

  /** Throws the reason when the caller has given up already. */
  expectWanted(): void {
    if (this.#signal?.aborted === true) throw reasonOf(this.#signal);
  }

  /**
   * Calls `listener` with the reason when the caller gives up, at once when it has; returns how to
   * stop listening.
   */
  onAbort(listener: (reason: Error) => void): () => void {
    const signal = this.#signal;
    if (signal === undefined) return () => {};
    const heard = () => listener(reasonOf(signal));
    if (signal.aborted) {
      heard();
      return () => {};
    }
    signal.addEventListener("abort", heard, { once: true });
    return () => signal.removeEventListener("abort", heard);
  }

  /** It is over, one way or the other. */
  finish(): void {
    this.#keepPromise();
    if (this.parent !== null && remove(this.parent.children, this)) this.core.nestedCalls--;
    this.core.gate.leave(this);
  }

  #keepPromise(): void {
    if (this.#promised === 0) return;
    this.core.engine.reclaim.keepPromise(this.#promised);
    this.#promised = 0;
  }

  #takePopulate(): void {
    if (this.plan.populates === true) this.populate = this.core.engine.answer.takePopulate();
  }

  #isBlocked(): boolean {
    const ticket = this.core.engine.answer.blocker;
    this.blockedBy = this.core.brackets.get(ticket) ?? null;
    return this.blockedBy !== null;
  }
}

/** Why the caller gives up; there is always something to throw. */
function reasonOf(signal: AbortSignal): Error {
  return (signal.reason ?? new DOMException("the caller gave up", "AbortError")) as Error;
}

/** Checks what a caller passed as options; throws the reason when it has given up already. */
export function limitsOf(options: CallOptions | undefined): CallOptions {
  if (options === undefined) return NO_LIMITS;
  take.options(options, "options");
  const { signal, deadline, parallel } = options;
  if (deadline !== undefined) take.duration(deadline, "deadline");
  take.flag(parallel, "parallel");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw take.typeError("signal", "an AbortSignal", signal);
  }
  if (signal?.aborted === true) throw reasonOf(signal);
  return options;
}

const NO_LIMITS: CallOptions = {};

const NOTHING_LACKS: LackRecord = { frames: 0, group: 0 };

function deadlineOf(core: Core, plan: Plan, limits: CallOptions | null): number {
  if (limits === null || plan.mandatory === true) return Number.POSITIVE_INFINITY;
  return core.clock.now() + (limits.deadline ?? core.deadline);
}
