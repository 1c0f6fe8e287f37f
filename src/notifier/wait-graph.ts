// Who waits for whom, looked up when somebody is about to wait.
//
// A call waits for: the bracket in its way, the plans queued before it that want its pages, the
// answers that a subscriber owes it, and, while its own callbacks run, the calls they made.
//
// Invariants
//   G1  Whoever would close a cycle of these waits gets EDEADLK at once, and does not wait.

import { Status } from "../../assembly/abi.ts";
import type { Call } from "../call.ts";
import type { MemoryError } from "../errors.ts";

/** The error of a call whose wait would never end, or null. */
export function findCycle(call: Call): MemoryError | null {
  if (call.core.nestedCalls === 0) return null;
  return waitsFor(call).some((other) => leadsTo(other, call)) ? deadlock(call) : null;
}

/** Whether `other` waits, through whatever chain, for `call`. */
export function leadsTo(other: Call, call: Call): boolean {
  const seen = new Set<Call>();
  const next = [other];
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    if (one === call) return true;
    if (seen.has(one)) continue;
    seen.add(one);
    next.push(...waitsFor(one));
  }
  return false;
}

function waitsFor(call: Call): Call[] {
  const list: Call[] = [...call.core.gate.before(call)];
  if (call.blockedBy !== null && !call.blockedBy.closed) list.push(call.blockedBy.call);
  if (call.bracket !== null) list.push(...call.bracket.children);
  for (const member of call.owedBy) {
    for (const delivery of member.owing) list.push(...delivery.bracket.children);
  }
  return list;
}

export function deadlock(call: Call): MemoryError {
  const reason = "it would wait for the callback that makes it";
  return call.error(Status.EDEADLK, { reason });
}
