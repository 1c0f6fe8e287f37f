// plan → notify → commit → end: the only file that goes from a plan to a commit.
//
//   attempt ──▶ done                                nothing exported in reach: one call
//      │ ├────▶ wait for its turn, attempt again    something is in the way
//      │ ├────▶ move the page, attempt again        it is swapped out, or not read yet
//      │ └────▶ reclaim, attempt again              memory lacks
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
import { drive, driveSync } from "./drive.ts";
import type { AbsentPageRecord, Outcome } from "./engine/records.ts";
import { Bracket } from "./notifier/bracket.ts";
import { admitSync, deliver, deliverSync } from "./notifier/deliver.ts";
import { type Notice, toNotice } from "./notifier/notice.ts";

/** What the body asks its driver for. */
type Step =
  | { readonly kind: "turn" }
  | { readonly kind: "memory" }
  | { readonly kind: "page"; readonly page: AbsentPageRecord }
  | { readonly kind: "admit"; readonly bracket: Bracket }
  | { readonly kind: "notify"; readonly bracket: Bracket; readonly notice: Notice };

const TURN: Step = { kind: "turn" };
const MEMORY: Step = { kind: "memory" };

/** The one direction. Leaving early aborts. */
export function* steps(call: Call): Generator<Step, void, void> {
  let ticket = call.attempt();
  while (ticket < 0) {
    if (call.lack.frames > 0) yield MEMORY;
    else yield call.absent === null ? TURN : { kind: "page", page: call.absent };
    // There may have been no frame for the page.
    if (call.lack.frames > 0 && call.absent !== null) yield MEMORY;
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

/** Runs a call that may wait. A promise of its outcome only when something made it wait. */
export function run(call: Call): Outcome | Promise<Outcome> {
  const event = call.core.trace.begin(call.plan.op, "call");
  const body = steps(call);
  let pending: Promise<void> | undefined;
  try {
    pending = advance(call, body);
    return pending === undefined ? result(call) : goOn(call, body, pending, event);
  } finally {
    if (pending === undefined) finish(call, event);
  }
}

/** Runs the calls that a body asks for, one after another; waits only where one of them does. */
export function runEach<T>(body: Generator<Call, T, void>): Promise<T> {
  return drive(body, (call) => (call.canWait ? run(call) : runSync(call)));
}

/** The same where nobody may wait. */
export function runEachSync<T>(body: Generator<Call, T, void>): T {
  return driveSync(body, runSync);
}

/** Goes on until something has to be waited for, or to the end. */
function advance(call: Call, body: ReturnType<typeof steps>): Promise<void> | undefined {
  for (let next = body.next(); next.done !== true; next = body.next()) {
    try {
      const pending = perform(call, next.value);
      if (pending !== undefined) return pending;
    } catch (error) {
      body.throw(error);
    }
  }
  return undefined;
}

async function goOn(
  call: Call,
  body: ReturnType<typeof steps>,
  first: Promise<void>,
  event: number,
): Promise<Outcome> {
  try {
    for (let wait: Promise<void> | undefined = first; wait; wait = advance(call, body)) {
      try {
        await wait;
      } catch (error) {
        body.throw(error);
      }
    }
    return result(call);
  } finally {
    finish(call, event);
  }
}

function finish(call: Call, event: number): void {
  call.finish();
  call.core.trace.end(event, outcomeName(call));
}

/** Runs a call that cannot wait: EAGAIN where the other would. */
export function runSync(call: Call): Outcome {
  const event = call.core.trace.begin(call.plan.op, "call");
  try {
    for (const step of steps(call)) performSync(call, step);
    return result(call);
  } finally {
    finish(call, event);
  }
}

function perform(call: Call, step: Step): void | Promise<void> {
  if (step.kind === "turn") return call.core.gate.wait(call);
  if (step.kind === "memory") return call.core.relieve(call);
  if (step.kind === "page") return call.core.bringIn(call, step.page);
  if (step.kind === "notify") return deliver(step.bracket, step.notice);
}

function performSync(call: Call, step: Step): void {
  if (step.kind === "notify") deliverSync(step.bracket, step.notice);
  else if (step.kind === "admit") admitSync(step.bracket);
  else if (step.kind === "page") call.core.bringIn(call, step.page);
  else if (step.kind === "memory") call.core.relieveSync(call);
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
  call.plan.committing?.(engine);
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
  try {
    if (bracket.committed) core.engine.end(bracket.ticket);
    else core.engine.abort(bracket.ticket);
  } finally {
    // Even of an engine that has failed nobody waits for ever.
    core.brackets.delete(bracket.ticket);
    call.bracket = null;
    bracket.close();
    core.gate.wake();
  }
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
