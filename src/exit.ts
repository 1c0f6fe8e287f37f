// The end of an address space.
//
//   close the handle ──▶ turn away who is queued ──▶ call off open brackets, wait for them
//        ──▶ release(mm) to every holder and watcher ──▶ free ──▶ end
//
// Invariants
//   M3  Once begun it cannot be refused; only a call that would wait for itself, or a sync one that
//       would have to wait at all, is turned away before it begins.
//   M4  `release` comes before anything is freed, once per subscriber.

import { Status } from "../assembly/abi.ts";
import { Call } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import { bury } from "./grave.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { deadlock, leadsTo } from "./notifier/wait-graph.ts";
import { run, runSync } from "./pipeline.ts";
import { exit } from "./plans.ts";
import type { Space } from "./space.ts";

const EXITS = "the address space exits";

/** What is left of an address space. */
export interface ExitResult {
  /** Frames that a holder did not let go: withheld until it does, or is fenced. */
  readonly quarantined: number;
}

export async function exitMm(
  core: Core,
  space: Space,
  context: Bracket | null,
): Promise<ExitResult> {
  expectAlive(space);
  const call = new Call(core, exit(space), context, {});
  const open = bracketsOf(core, space);
  if (inItsWay(core, call, open).some((other) => leadsTo(other, call))) {
    call.finish();
    throw deadlock(call);
  }
  space.handle = 0;
  core.gate.evict(space);
  for (const bracket of open) bracket.cancel(callOff(bracket, space));
  try {
    const outcome = run(call);
    const { count } = outcome instanceof Promise ? await outcome : outcome;
    return buried(core, space, count);
  } catch (refusal) {
    space.handle = space.id;
    throw refusal;
  }
}

export function exitMmSync(core: Core, space: Space, context: Bracket | null): ExitResult {
  expectAlive(space);
  const call = new Call(core, exit(space), context, null);
  space.handle = 0;
  try {
    return buried(core, space, runSync(call).count);
  } catch (refusal) {
    // The engine has not begun: the address space goes on as if nothing had been asked.
    space.handle = space.id;
    throw refusal;
  }
}

function expectAlive(space: Space): void {
  if (space.handle !== 0) return;
  throw new MemoryError(Status.ESRCH, "exit", { reason: "the address space has exited" });
}

/** The calls that an exit has to wait for: its own queue is turned away. */
function inItsWay({ gate }: Core, call: Call, open: readonly Bracket[]): Call[] {
  const queued = gate.inTheWayOf(call.plan).filter(({ plan }) => plan.space !== call.plan.space);
  return [...open.map((bracket) => bracket.call), ...queued];
}

/** Open brackets of the space's own calls, and others that freeze a part of it. */
function bracketsOf(core: Core, space: Space): Bracket[] {
  return [...core.brackets.values()].filter(
    ({ call, notices }) =>
      call.plan.space === space ||
      notices.some(({ places, ranges }) =>
        [...places, ...ranges].some(({ mm }) => mm === space.mm),
      ),
  );
}

/** Why a bracket ends: its address space is gone, or that of somebody else who is in it. */
function callOff({ call }: Bracket, space: Space): MemoryError {
  if (call.plan.space === space) return call.error(Status.ESRCH, { reason: EXITS });
  return call.error(Status.EAGAIN, { reason: "an address space that has its pages exits" });
}

function buried(core: Core, space: Space, quarantined: number): ExitResult {
  for (const member of space.watchers) member.watching.delete(space);
  space.watchers.clear();
  bury(core, space, quarantined > 0);
  return { quarantined };
}
