// One callback of one subscriber, from the call until it settles, which may be after its deadline.
//
//   called ──▶ accepted | refused              at once, or when its promise settles in time
//      └─────▶ late ──▶ settled, some day      the subscriber is owing until then
//      └─────▶ fenced                          given up: nobody waits any more
//
// Invariants
//   D1  Its answer settles exactly once: by an answer, by the deadline, or by a fence.
//   D2  `member.working` has it from the call until its promise settles, whatever the answer.

import { Status } from "../../assembly/abi.ts";
import { arm } from "../clock.ts";
import type { Core } from "../core.ts";
import { type MemoryError, wordsOf } from "../errors.ts";
import { promiseOf } from "./answer.ts";
import type { Bracket } from "./bracket.ts";
import type { Member } from "./member.ts";
import { invoke, type Notice } from "./notice.ts";
import { remove } from "./remove.ts";
import { Explanation } from "./why.ts";

export class Delivery {
  readonly bracket: Bracket;
  readonly member: Member;
  readonly notice: Notice;
  readonly #core: Core;
  readonly #why: Explanation;
  #disarm: (() => void) | null = null;
  #answer: ((refusal: Error | null) => void) | null = null;

  constructor(bracket: Bracket, member: Member, notice: Notice) {
    this.#core = bracket.call.core;
    this.bracket = bracket;
    this.member = member;
    this.notice = notice;
    this.#why = new Explanation(bracket, notice);
  }

  /** The callback, as reports and traces name it. */
  get name(): string {
    return `${this.member.name}.${this.notice.callback}`;
  }

  /**
   * Calls the callback. Returns undefined when it accepted at once, a promise of the answer (null,
   * or the refusal) when it did not; throws when it refused at once.
   */
  start(): Promise<Error | null> | undefined {
    const { member, bracket } = this;
    bracket.working.push(this);
    member.working.push(this);
    const { trace } = this.#core;
    const event = trace.isOn ? trace.begin(this.name, "notify") : 0;
    let promise: Promise<unknown> | null;
    try {
      promise = promiseOf(invoke(member.ops, this.notice, this.#why));
    } catch (cause) {
      trace.end(event, "refused");
      this.#settled();
      if (member.fenced) return undefined;
      throw this.#refusal(cause);
    }
    if (promise !== null) return this.#pending(promise, event);
    trace.end(event, "accepted");
    bracket.accept(member);
    this.#settled();
    return undefined;
  }

  /** Fires its signal; the answer is still waited for. */
  abort(reason: Error): void {
    this.#why.abort(reason);
  }

  /** Stops waiting for it: its member is fenced. */
  giveUp(): void {
    this.#reply(null);
  }

  /** Counts it as late: a promise where none was allowed. */
  owe(): void {
    this.member.owing.add(this);
  }

  #pending(promise: Promise<unknown>, event: number): Promise<Error | null> | undefined {
    promise.then(
      () => this.#fulfilled(event),
      (cause: unknown) => this.#rejected(cause, event),
    );
    // Out of its own callback it may have been fenced: then nobody waits for it.
    if (this.member.fenced) return undefined;
    const answer = new Promise<Error | null>((resolve) => {
      this.#answer = resolve;
    });
    if (this.bracket.call.canWait) this.#startTimer();
    return answer;
  }

  #startTimer(): void {
    const left = Math.min(this.member.deadline, this.bracket.call.timeLeft());
    this.#disarm = arm(this.#core.clock, left, () => this.#late());
  }

  #late(): void {
    if (this.#answer === null) return;
    const reason = `subscriber "${this.member.name}" did not answer in time`;
    const error = this.bracket.call.error(Status.ETIMEDOUT, { holder: this.member.name, reason });
    this.owe();
    this.abort(error);
    this.#reply(error);
  }

  #fulfilled(event: number): void {
    this.#core.trace.end(event, "accepted");
    if (!this.member.fenced) this.bracket.accept(this.member);
    this.#settled();
    this.#reply(null);
  }

  #rejected(cause: unknown, event: number): void {
    this.#core.trace.end(event, "refused");
    this.#settled();
    this.#reply(this.member.fenced ? null : this.#refusal(cause));
  }

  #reply(refusal: Error | null): void {
    this.#disarm?.();
    this.#disarm = null;
    const answer = this.#answer;
    this.#answer = null;
    answer?.(refusal);
  }

  #settled(): void {
    remove(this.bracket.working, this);
    remove(this.member.working, this);
    this.member.owing.delete(this);
    if (this.bracket.closed) this.bracket.endLate(this.member);
    this.member.changed();
  }

  #refusal(cause: unknown): MemoryError {
    const reason = `subscriber "${this.member.name}" refused: ${wordsOf(cause)}`;
    return this.bracket.call.error(Status.EBUSY, { holder: this.member.name, reason, cause });
  }
}

/** Runs something of a member's whose failure must not reach the caller: it is reported. */
export function observe(core: Core, member: Member, what: string, run: () => unknown): void {
  try {
    const promise = promiseOf(run());
    promise?.catch((cause: unknown) => core.report(cause, `${member.name}.${what}`));
  } catch (cause) {
    core.report(cause, `${member.name}.${what}`);
  }
}
