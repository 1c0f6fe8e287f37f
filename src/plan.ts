// What a call is about to ask of the engine: how to ask, and which pages it may freeze.
//
// Invariants
//   P1  `attempt` may be repeated: it changes nothing when the engine answers EAGAIN.
//   P2  `ranges` covers every page that the ticket can freeze, as far as it is known beforehand;
//       what is not covered (a placement, a growing stack) the engine's own freeze still guards.

import { PAGE_SIZE, TASK_SIZE } from "../assembly/abi.ts";
import type { Engine } from "./engine/engine.ts";
import type { Outcome } from "./engine/records.ts";
import type { Space } from "./space.ts";

/** Bytes `start` up to, not including, `end`. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

export interface Plan {
  /** As the system call is named; errors and traces say it. */
  readonly op: string;
  /** Null: every address space (a frame that moves). */
  readonly space: Space | null;
  readonly ranges: readonly AddressRange[];
  /** Where an error says it happened. Default: the start of the first range. */
  readonly address?: number;
  /** Bytes that the same request has done before. */
  readonly done?: number;
  /** Exit: who is told cannot refuse. */
  readonly mandatory?: boolean;
  /** Its answer may ask for a range to be populated. */
  readonly populates?: boolean;
  attempt(engine: Engine): number;
  /** Whether it goes on although a plan that conflicts is queued: an access that needs no plan. */
  passes?(engine: Engine): boolean;
  /** Runs at once when it is done, before anybody else can call the engine. */
  settled?(outcome: Outcome): void;
}

const EVERYTHING: readonly AddressRange[] = [{ start: 0, end: TASK_SIZE }];

/** All of an address space. */
export function whole(): readonly AddressRange[] {
  return EVERYTHING;
}

/** The pages that `bytes` from `address` on touch; none when that is no user range. */
export function span(address: number, bytes: number): readonly AddressRange[] {
  const start = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
  const end = Math.min(Math.ceil((address + bytes) / PAGE_SIZE) * PAGE_SIZE, TASK_SIZE);
  return start < end ? [{ start, end }] : [];
}

/** Whether two plans want a page in common. */
export function conflicts(one: Plan, other: Plan): boolean {
  if (one.space === null || other.space === null) return true;
  if (one.space !== other.space) return false;
  return one.ranges.some((a) => other.ranges.some((b) => a.start < b.end && b.start < a.end));
}
