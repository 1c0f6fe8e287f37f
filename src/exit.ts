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
import type { Bracket } from "./notifier/bracket.ts";
import { deadlock, leadsTo } from "./notifier/wait-graph.ts";
import { run, runSync } from "./pipeline.ts";
import { exit } from "./plans.ts";
import type { Space } from "./space.ts";

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
  const refusal = open.some((bracket) => leadsTo(bracket.call, call)) ? deadlock(call) : null;
  if (refusal !== null) {
    call.finish();
    throw refusal;
  }
  space.handle = 0;
  core.gate.evict(space);
  const gone = () => new MemoryError(Status.ESRCH, "exit", { reason: "the address space exits" });
  for (const bracket of open) bracket.cancel(gone());
  const outcome = await run(call);
  return buried(core, space, outcome.count);
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

function bracketsOf(core: Core, space: Space): Bracket[] {
  return [...core.brackets.values()].filter(({ call, notices }) =>
    call.plan.space === null
      ? notices.some(({ places }) => places.some(({ mm }) => mm === space.mm))
      : call.plan.space === space,
  );
}

function buried(core: Core, space: Space, quarantined: number): ExitResult {
  for (const member of space.watchers) member.watching.delete(space);
  space.watchers.clear();
  if (quarantined === 0) core.spaces.delete(space.id);
  return { quarantined };
}
