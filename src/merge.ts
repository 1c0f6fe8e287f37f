// Merging equal pages (Linux: ksmd): the engine finds a pair, an operation makes it one page.
//
//   scan ──▶ a pair ──▶ plan → notify → commit → end ──▶ scan …
//     └────▶ as many pages as were asked for, or the end of the pass
//
// Invariants
//   J1  A pair whose holder refuses, or is late, stays two pages; the walk goes on with the next.
//   J2  One walk at a time has the pass: another one goes on where it stands.

import { MergeScan } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { Call, type CallOptions, limitsOf } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { runEach, runEachSync } from "./pipeline.ts";
import type { Plan } from "./plan.ts";

/** Pages that are looked at between two looks at the clock. */
const STEP = 4096;

export interface MergeOptions extends CallOptions {
  /** Pages to look at. Default: to the end of the pass. */
  readonly pages?: number;
}

/** What a walk has done. */
export interface MergeResult {
  /** Pages looked at. */
  readonly scanned: number;
  /** Frames that became one with another. */
  readonly merged: number;
  /** Pairs that stayed two: a holder refused or hung, somebody was in the way, or wrote. */
  readonly skipped: number;
  /** Whether the pass over everything has ended: the next walk begins a new one. */
  readonly isPassDone: boolean;
}

/** Names as in /sys/kernel/mm/ksm. */
export interface MergeState {
  /** Merged pages. */
  readonly pagesShared: number;
  /** Places that they serve beyond one each: frames that are saved. */
  readonly pagesSharing: number;
  readonly fullScans: number;
}

export function mergePages(
  core: Core,
  context: Bracket | null,
  options: MergeOptions | undefined,
): Promise<MergeResult> {
  const limits = limitsOf(options);
  return runEach(walk(core, context, pagesOf(options), limits));
}

export function mergePagesSync(
  core: Core,
  context: Bracket | null,
  options: Pick<MergeOptions, "pages"> | undefined,
): MergeResult {
  take.options(options, "options");
  return runEachSync(walk(core, context, pagesOf(options), null));
}

export function mergeState({ engine }: Core): MergeState {
  const { shared, sharing, fullScans } = engine.merges.state();
  return { pagesShared: shared, pagesSharing: sharing, fullScans };
}

function pagesOf(options: MergeOptions | undefined): number {
  return take.natural(options?.pages ?? Number.MAX_SAFE_INTEGER, "pages");
}

/** One body, two drivers: yields the operation that each pair is. */
function* walk(
  core: Core,
  context: Bracket | null,
  pages: number,
  limits: CallOptions | null,
): Generator<Call, MergeResult, void> {
  const end = core.clock.now() + (limits?.deadline ?? core.deadline);
  const done = { scanned: 0, merged: 0, skipped: 0, isPassDone: false };
  while (done.scanned < pages && !done.isPassDone) {
    const found = core.engine.merges.scan(Math.min(pages - done.scanned, STEP));
    done.scanned += found.scanned;
    done.isPassDone = found.ended === MergeScan.End;
    const left = end - core.clock.now();
    if (found.ended === MergeScan.Pair) {
      const call = new Call(core, mergePlan(found.pfn, found.into), context, within(limits, left));
      if (yield* attempt(call)) done.merged++;
      else done.skipped++;
    }
    if (limits !== null && end <= core.clock.now()) break;
  }
  return done;
}

/** Whether a pair became one. What stands in its way ends nothing; a caller who gives up does. */
function* attempt(call: Call): Generator<Call, boolean, void> {
  try {
    yield call;
    return true;
  } catch (error) {
    call.expectWanted();
    if (error instanceof MemoryError) return false;
    throw error;
  }
}

/** The whole walk has one deadline: what is left of it is the call's. */
function within(limits: CallOptions | null, left: number): CallOptions | null {
  return limits === null ? null : { ...limits, deadline: Math.max(left, 0) };
}

/** Where frames are mapped is known only to the engine: as a migration, it stands behind all. */
function mergePlan(pfn: number, into: number): Plan {
  return {
    op: "merge",
    space: null,
    ranges: [],
    attempt: (engine) => engine.merges.merge(pfn, into),
  };
}
