// Address spaces that have exited with records left behind: known until the last of those is gone.
//
// Invariants
//   M5  A space that has exited stays in `core.spaces` only while a record may name it.
//
// Written by: exit, and whoever lets go of records.

import type { Core } from "./core.ts";
import type { Space } from "./space.ts";

/** An address space has exited. `isHeld`: it has left frames in quarantine. */
export function bury(core: Core, space: Space, isHeld: boolean): void {
  if (isHeld) core.buried.add(space);
  else core.spaces.delete(space.id);
  sweep(core);
}

/** Forgets what no record names any more; at the price of a look at all records. */
export function sweep(core: Core): void {
  if (core.buried.size === 0) return;
  const named = core.engine.quarantined() === 0 ? NOBODY : namedIn(core);
  for (const space of core.buried) {
    if (named.has(space.id)) continue;
    core.buried.delete(space);
    core.spaces.delete(space.id);
  }
}

/** The same when nothing is in quarantine, else nothing: for whoever lets go page by page. */
export function sweepAtLast(core: Core): void {
  if (core.engine.quarantined() === 0) sweep(core);
}

const NOBODY: ReadonlySet<number> = new Set();

function namedIn(core: Core): ReadonlySet<number> {
  const named = new Set<number>();
  for (const id of core.members.keys()) {
    for (const { mm } of core.engine.allExports(id)) named.add(mm);
  }
  return named;
}
