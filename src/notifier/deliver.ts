// Telling the subscribers of one notice: in order of registration, or all at once and joined.
//
// Invariants
//   D3  Nobody is called after a refusal or a cancellation is known.
//   D4  It settles only when every callback that was started has an answer, is late, or is fenced.
//   D5  Who owes an answer from before is waited for first, and is not called while it owes.

import { Status } from "../../assembly/abi.ts";
import { arm } from "../clock.ts";
import type { Bracket } from "./bracket.ts";
import { Delivery } from "./delivery.ts";
import type { Member } from "./member.ts";
import { type Notice, partsFor } from "./notice.ts";
import { findCycle } from "./wait-graph.ts";

/** Tells everybody; a promise only when somebody has to be waited for. Throws the refusal. */
export function deliver(bracket: Bracket, notice: Notice): void | Promise<void> {
  const deliveries = deliveriesOf(bracket, notice);
  return bracket.call.parallel ? together(bracket, deliveries) : inOrder(bracket, deliveries, 0);
}

/** The same where nobody may wait: a promise in answer is an abort with EAGAIN. */
export function deliverSync(bracket: Bracket, notice: Notice): void {
  for (const delivery of deliveriesOf(bracket, notice)) {
    const { member } = delivery;
    judge(bracket, null);
    if (member.fenced) continue;
    const pending = start(bracket, delivery);
    if (pending === undefined) continue;
    delivery.owe();
    const reason = `subscriber "${member.name}" is declared sync but answered with a promise`;
    const error = bracket.call.error(Status.EAGAIN, { holder: member.name, reason });
    delivery.abort(error);
    if (!bracket.call.plan.mandatory) throw error;
    bracket.call.core.report(error, delivery.name);
  }
}

/** Whether a sync call may go on: everybody it reaches is declared sync and owes nothing. */
export function admitSync(bracket: Bracket): void {
  for (const member of bracket.members) {
    if (member.fenced) continue;
    const owes = member.owing.size > 0;
    if (member.sync && !owes) continue;
    const reason = owes
      ? `subscriber "${member.name}" owes an answer`
      : `subscriber "${member.name}" is not declared sync`;
    throw bracket.call.error(Status.EAGAIN, { holder: member.name, reason });
  }
}

/** The callbacks to be made, member by member; a fenced one is not called. */
function deliveriesOf(bracket: Bracket, notice: Notice): Delivery[] {
  const list: Delivery[] = [];
  for (const member of notice.members) {
    if (member.fenced) continue;
    for (const part of partsFor(member, notice)) list.push(new Delivery(bracket, member, part));
  }
  return list;
}

function inOrder(
  bracket: Bracket,
  deliveries: readonly Delivery[],
  from: number,
): void | Promise<void> {
  for (let index = from; index < deliveries.length; index++) {
    judge(bracket, null);
    const pending = tell(bracket, deliveries[index] as Delivery);
    if (pending === undefined) continue;
    return pending.then((refusal) => {
      judge(bracket, refusal);
      return inOrder(bracket, deliveries, index + 1);
    });
  }
}

function together(bracket: Bracket, deliveries: readonly Delivery[]): void | Promise<void> {
  const pending: Promise<void>[] = [];
  const fail = (refusal: Error | null) => {
    if (refusal !== null) bracket.cancel(refusal);
  };
  for (const delivery of deliveries) {
    if (bracket.cancelled !== null) break;
    try {
      const answer = tell(bracket, delivery);
      if (answer !== undefined) pending.push(answer.then(fail, fail));
    } catch (refusal) {
      fail(refusal as Error);
    }
  }
  if (pending.length === 0) return judge(bracket, null);
  return Promise.all(pending).then(() => judge(bracket, null));
}

/** What follows from one answer: throws the refusal, or the reason why the bracket is off. */
function judge(bracket: Bracket, refusal: Error | null): void {
  if (refusal !== null) throw refusal;
  if (bracket.cancelled !== null) throw bracket.cancelled;
}

function tell(bracket: Bracket, delivery: Delivery): Promise<Error | null> | undefined {
  const { member } = delivery;
  if (member.fenced) return undefined;
  if (member.owing.size === 0) return start(bracket, delivery);
  return settled(bracket, member).then((refusal) => {
    if (refusal !== null) return tolerate(bracket, refusal, delivery);
    if (member.fenced || bracket.cancelled !== null) return null;
    return start(bracket, delivery) ?? null;
  });
}

/** Starts a delivery; where nobody can refuse, a refusal is reported instead. */
function start(bracket: Bracket, delivery: Delivery): Promise<Error | null> | undefined {
  if (bracket.call.plan.mandatory !== true) return delivery.start();
  try {
    const pending = delivery.start();
    return pending?.then((refusal) => tolerate(bracket, refusal, delivery));
  } catch (refusal) {
    bracket.call.core.report(refusal, delivery.name);
    return undefined;
  }
}

function tolerate(bracket: Bracket, refusal: Error | null, delivery: Delivery): Error | null {
  if (refusal === null || bracket.call.plan.mandatory !== true) return refusal;
  bracket.call.core.report(refusal, delivery.name);
  return null;
}

/** Waits until a member owes nothing; resolves with why not, when the deadline is first. */
function settled(bracket: Bracket, member: Member): Promise<Error | null> {
  const { call } = bracket;
  call.owedBy.add(member);
  const cycle = findCycle(call);
  return new Promise((resolve) => {
    const finish = (refusal: Error | null) => {
      for (const stop of stops) stop();
      call.owedBy.delete(member);
      resolve(refusal);
    };
    const look = () => {
      if (member.fenced || member.owing.size === 0 || bracket.cancelled !== null) finish(null);
    };
    const late = () => {
      const reason = `subscriber "${member.name}" still owes an answer`;
      finish(call.error(Status.ETIMEDOUT, { holder: member.name, reason }));
    };
    const left = Math.min(member.deadline, call.timeLeft());
    const stops = [member.onChange(look), bracket.onCancel(look), arm(call.core.clock, left, late)];
    if (cycle !== null) finish(cycle);
  });
}
