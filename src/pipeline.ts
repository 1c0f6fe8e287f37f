// plan → notify → commit → end: the only file that goes from a plan to a commit.
//
//   attempt ──▶ done                                nothing exported in reach: one call
//      │ ├────▶ wait for its turn, attempt again    something is in the way
//      │ └────▶ read the page, attempt again        it is swapped out
//      ▼
//   bracket ──▶ notices, one after another ──▶ commit ──▶ end
//                  │ refusal, deadline, abort      │ EBUSY
//                  └───────────▶ abort ◀───────────┘
//
// Invariants
//   T5  One body, two drivers: with and without waiting, the order is the same.
//   T6  Whatever leaves the body early aborts the ticket; the freeze never outlives the call.
//   T7  What runs between the last answer and the commit meets the freeze; the commit looks again.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import type { Outcome, SwapPageRecord } from "./engine/records.ts";
import { Bracket } from "./notifier/bracket.ts";
import { admitSync, deliver, deliverSync } from "./notifier/deliver.ts";
import { type Notice, toNotice } from "./notifier/notice.ts";

/** What the body asks its driver for. */
type Step =
  | { readonly kind: "turn" }
  | { readonly kind: "page"; readonly page: SwapPageRecord }
  | { readonly kind: "admit"; readonly bracket: Bracket }
  | { readonly kind: "notify"; readonly bracket: Bracket; readonly notice: Notice };

const TURN: Step = { kind: "turn" };

/** The one direction. Leaving early aborts. */
export function* steps(call: Call): Generator<Step, void, void> {
  let ticket = call.attempt();
  while (ticket < 0) {
    yield call.absent === null ? TURN : { kind: "page", page: call.absent };
    ticket = call.attempt();
  }
  if (ticket === 0) return;
  const bracket = open(call, ticket);
  try {
    yield { kind: "admit", bracket };
    for (const notice of bracket.notices) yield { kind: "notify", bracket, notice };
    commit(call, bracket);
  } finally {
    close(call, bracket);
  }
}

/** Runs a call that may wait. Runs to its end at once when nothing makes it wait. */
export async function run(call: Call): Promise<Outcome> {
  const event = call.core.trace.begin(call.plan.op, "call");
  try {
    for (const step of steps(call)) {
      const pending = drive(call, step);
      if (pending !== undefined) await pending;
    }
    return result(call);
  } finally {
    call.finish();
    call.core.trace.end(event, outcomeName(call));
  }
}

/** Runs a call that cannot wait: EAGAIN where the other would. */
export function runSync(call: Call): Outcome {
  const event = call.core.trace.begin(call.plan.op, "call");
  try {
    for (const step of steps(call)) driveSync(call, step);
    return result(call);
  } finally {
    call.finish();
    call.core.trace.end(event, outcomeName(call));
  }
}

function drive(call: Call, step: Step): void | Promise<void> {
  if (step.kind === "turn") return call.core.gate.wait(call);
  if (step.kind === "page") return call.core.swap?.bringIn(call, step.page);
  if (step.kind === "notify") return deliver(step.bracket, step.notice);
}

function driveSync(call: Call, step: Step): void {
  if (step.kind === "notify") deliverSync(step.bracket, step.notice);
  else if (step.kind === "admit") admitSync(step.bracket);
  else if (step.kind === "page") call.core.swap?.bringIn(call, step.page);
  else throw call.error(Status.EAGAIN, { reason: "a plan in its way is open or queued" });
}

function open(call: Call, ticket: number): Bracket {
  const { core } = call;
  let notices: Notice[];
  try {
    notices = core.engine.notices(ticket).map((record) => toNotice(core, record));
  } catch (cause) {
    core.engine.abort(ticket);
    throw cause;
  }
  const bracket = new Bracket(core.nextBracketId(), ticket, call, notices);
  core.brackets.set(ticket, bracket);
  call.bracket = bracket;
  call.wasTold = true;
  bracket.unlisten = call.onAbort((reason) => bracket.cancel(reason));
  return bracket;
}

function commit(call: Call, bracket: Bracket): void {
  if (bracket.cancelled !== null) throw bracket.cancelled;
  const { engine, members } = call.core;
  const status = engine.commit(bracket.ticket);
  if (status === Status.EBUSY) {
    const { subscriber, address } = engine.answer.holder;
    const holder = members.get(subscriber)?.name;
    throw call.error(status, { address, holder, reason: `"${holder}" still holds the page` });
  }
  bracket.committed = true;
  call.settle(status);
}

function close(call: Call, bracket: Bracket): void {
  const { core } = call;
  bracket.unlisten();
  if (bracket.committed) core.engine.end(bracket.ticket);
  else core.engine.abort(bracket.ticket);
  core.brackets.delete(bracket.ticket);
  call.bracket = null;
  bracket.close();
  core.gate.wake();
  core.verify();
}

function result(call: Call): Outcome {
  if (call.failure !== null) throw call.failure;
  if (call.outcome === null) throw new TypeError(`${call.plan.op}: ended without an answer`);
  return call.outcome;
}

function outcomeName(call: Call): string {
  if (call.failure !== null) return call.failure.code;
  return call.outcome === null ? "failed" : "done";
}
