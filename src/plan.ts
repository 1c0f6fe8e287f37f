// What a call is about to ask of the engine: how to ask, and which pages it may freeze.
//
// Invariants
//   P1  `attempt` may be repeated: it changes nothing when the engine answers EAGAIN.
//   P2  `ranges` covers every page that the ticket can freeze, as far as it is known beforehand;
//       what is not covered (a placement, a growing stack, the address spaces that show a file)
//       the engine's own freeze still guards.

import { PAGE_SIZE, type Status, TASK_SIZE } from "../assembly/abi.ts";
import type { Engine } from "./engine/engine.ts";
import type { Outcome } from "./engine/records.ts";
import type { Space } from "./space.ts";

/** Bytes `start` up to, not including, `end`. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of a file, half open; `mapping` is its handle. */
export interface FileRange extends AddressRange {
  readonly mapping: number;
}

export interface Plan {
  /** As the system call is named; errors and traces say it. */
  readonly op: string;
  /** Null: every address space (a frame that moves), or a file. */
  readonly space: Space | null;
  /** Of an operation on a file, which has no space. */
  readonly file?: FileRange;
  readonly ranges: readonly AddressRange[];
  /** Where an error says it happened. Default: the start of the first range. */
  readonly address?: number;
  /** Bytes that the same request has done before. */
  readonly done?: number;
  /** Exit: who is told cannot refuse. */
  readonly mandatory?: boolean;
  /** Its answer may ask for a range to be populated. */
  readonly populates?: boolean;
  /** What it fails with when a page could not be read. Default EIO. */
  readonly unread?: Status;
  /** It leaves pages that wait to be written to swap. */
  readonly pagesOut?: boolean;
  /** A part of reclaim: it has the reserve, and reclaims nothing itself. */
  readonly isReclaim?: boolean;
  attempt(engine: Engine): number;
  /** Whether it goes on although a plan that conflicts is queued: an access that needs no plan. */
  passes?(engine: Engine): boolean;
  /** Runs right before the commit of a bracket: everybody was told, nothing has changed. */
  committing?(engine: Engine): void;
  /** Runs at once when it is done, before anybody else can call the engine. */
  settled?(outcome: Outcome): void;
}

const EVERYTHING: readonly AddressRange[] = [{ start: 0, end: TASK_SIZE }];

/** All of an address space. */
export function whole(): readonly AddressRange[] {
  return EVERYTHING;
}

/** Where the page of a byte begins. */
export function pageDown(position: number): number {
  return Math.floor(position / PAGE_SIZE) * PAGE_SIZE;
}

/** Where the last page before `position` ends. */
export function pageUp(position: number): number {
  return Math.ceil(position / PAGE_SIZE) * PAGE_SIZE;
}

/** The pages that `bytes` from `address` on touch; none when that is no user range. */
export function span(address: number, bytes: number): readonly AddressRange[] {
  const start = pageDown(address);
  const end = Math.min(pageUp(address + bytes), TASK_SIZE);
  return start < end ? [{ start, end }] : [];
}

/**
 * Whether two plans want a page in common. Plans on files meet each other by file. Where a file is
 * shown is known only to the engine: between a plan on a file and one on an address space its
 * freeze alone decides, in the order in which the two ask, so that a queued change of a file holds
 * up nobody who may have nothing to do with it. What keeps meeting others' brackets gives up at its
 * deadline.
 */
export function conflicts(one: Plan, other: Plan): boolean {
  if (isAnywhere(one) || isAnywhere(other)) return true;
  if (one.file !== undefined && other.file !== undefined) return shareBytes(one.file, other.file);
  if (one.file !== undefined || other.file !== undefined) return false;
  if (one.space !== other.space) return false;
  return one.ranges.some((a) => other.ranges.some((b) => a.start < b.end && b.start < a.end));
}

function isAnywhere({ space, file }: Plan): boolean {
  return space === null && file === undefined;
}

function shareBytes(one: FileRange, other: FileRange): boolean {
  return one.mapping === other.mapping && one.start < other.end && other.start < one.end;
}
