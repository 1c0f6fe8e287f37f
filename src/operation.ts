// An operation as its caller sees it: one call, and what Linux populates after it.
//
// Invariants
//   F3  Populating never undoes the operation it follows. Its errors are those that the operation
//       has in Linux, or none.

import { Populate, Status } from "../assembly/abi.ts";
import { Call, type CallOptions, limitsOf } from "./call.ts";
import type { Core } from "./core.ts";
import type { Outcome, PopulateRecord } from "./engine/records.ts";
import { EngineFault, MemoryError } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { run, runEach, runEachSync, runSync } from "./pipeline.ts";
import type { Plan } from "./plan.ts";
import { populate } from "./plans.ts";

/** How often populating may be told of the same page before it gives up. */
const ROUNDS_MAX = 2 ** 20;

/** Runs an operation that may wait. */
export async function perform(
  core: Core,
  plan: Plan,
  context: Bracket | null,
  options: CallOptions | undefined,
): Promise<Outcome> {
  const limits = limitsOf(options);
  const call = new Call(core, plan, context, limits);
  try {
    const outcome = run(call);
    return outcome instanceof Promise ? await outcome : outcome;
  } finally {
    if (plan.pagesOut === true) core.swap?.writeOut();
    // One that failed at a hole has done its prefix, and Linux has populated that.
    if (call.populate.length > 0) await runEach(filling(call, limits));
  }
}

/** Runs, or goes on with, an operation that cannot wait; `status` is the engine's first answer. */
export function performSync(
  core: Core,
  plan: Plan,
  context: Bracket | null,
  status: number,
): Outcome {
  const call = new Call(core, plan, context, null, status);
  try {
    return runSync(call);
  } finally {
    if (plan.pagesOut === true) core.swap?.writeOut();
    if (call.populate.length > 0) runEachSync(filling(call, null));
  }
}

/** What was asked to be populated, range by range. */
function* filling(after: Call, limits: CallOptions | null): Generator<Call, void, void> {
  for (const ask of after.populate) {
    try {
      yield* rounds(after, ask, limits);
    } catch (error) {
      if (!isQuiet(error, ask)) throw error;
    }
  }
}

/** Calls that together populate a range: another one after each page that somebody was told of. */
function* rounds(
  after: Call,
  ask: PopulateRecord,
  limits: CallOptions | null,
): Generator<Call, void, void> {
  const { space, op } = after.plan;
  if (space === null) return;
  const plan = populate(space, op, ask);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const call = new Call(after.core, plan, after.parent, limits);
    yield call;
    if (!call.wasTold) return;
  }
  throw new MemoryError(Status.EAGAIN, op, { reason: "its pages are taken away again and again" });
}

function isQuiet(error: unknown, ask: PopulateRecord): boolean {
  return ask.mode === Populate.Quiet && !(error instanceof EngineFault);
}
