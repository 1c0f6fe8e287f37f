// The contract of a subscriber: what the machine calls, when, and what it may rely on.
//
// Invariants (from a subscriber's side)
//   S1  A callback comes before any pte changes, and the range is frozen until the bracket ends.
//   S2  Who accepted a bracket gets exactly one `end` for it, who only refused gets none.
//   S3  No callback before `register` has returned, none after `unregister` has settled.

import type { File } from "../file.ts";
import type { Machine } from "../machine.ts";
import type { Mm } from "../mm.ts";
import type { Page } from "../page.ts";

/** Everything that a subscriber can be called with. */
export const CALLBACKS = [
  "invalidateProcessRange",
  "invalidatePage",
  "invalidateMappingRange",
  "release",
  "determineReferences",
  "end",
] as const;

export type Callback = (typeof CALLBACKS)[number];

/** Why a page is about to change. */
export type WhyReason =
  | "unmap"
  | "protect"
  | "clear"
  | "cow"
  | "migrate"
  | "merge"
  | "writeback"
  | "truncate"
  | "punch"
  | "evict"
  | "exit";

/** Which records must be gone when the last subscriber has answered. */
export type WhyDemand = "nothing" | "writers" | "all" | "file pages";

/** One place where a frame is mapped: the rmap walk's answer. */
export interface Place {
  readonly mm: Mm;
  /** Bytes, a multiple of the page size. */
  readonly address: number;
}

/** A part of an address space: bytes, half open. */
export interface ProcessRange {
  readonly mm: Mm;
  readonly start: number;
  readonly end: number;
}

/** What a callback is told besides the range. */
export interface Why {
  readonly reason: WhyReason;
  /**
   * "writers": records with write access must go or be lowered; read-only ones may stay.
   * "file pages": records of the file's own pages must go; those of private copies may stay.
   */
  readonly demand: WhyDemand;
  /** PROT_* before and after; equal where protection is not the point. */
  readonly oldProt: number;
  readonly newProt: number;
  /** False under a `…Sync` call: a promise would be an abort with EAGAIN. */
  readonly canWait: boolean;
  /** The number of the bracket, as `end` gets it; never used twice. */
  readonly bracket: number;
  /** Fires at the deadline, when another subscriber refuses, when the caller gives up, on exit. */
  readonly signal: AbortSignal;
  /** Of `invalidatePage`: every (mm, address) that maps the page. Else empty. */
  readonly places: readonly Place[];
  /** Of `invalidateMappingRange`: every process range that shows a part of it. Else empty. */
  readonly ranges: readonly ProcessRange[];
  /** Settles when the bracket has ended: from then on the range may be exported again. */
  readonly ended: Promise<{ readonly committed: boolean }>;
  /** The machine, for calls out of this callback: a cycle of waits is EDEADLK at once. */
  readonly machine: Machine;
  /** The address space, for calls out of this callback; null for `invalidateMappingRange`. */
  readonly mm: Mm | null;
}

/** Test and clear, or test only. */
export interface ReferenceQuery {
  readonly clear: boolean;
}

/** What a subscriber passes to `register`. Every callback is optional. */
export interface ExportOps {
  /** Named in errors and traces. */
  readonly name: string;
  /** Promises that no callback returns a thenable: only then may a `…Sync` call reach it. */
  readonly sync?: boolean;
  /** Milliseconds that one callback may take. Default: the machine's. */
  readonly deadline?: number;

  /**
   * Let go of what is exported of `mm` in [start, end): it is about to be unmapped, cleared,
   * replaced or weakened, as `why` says.
   *
   * Called: after the plan is valid, before any pte changes; the range is frozen.
   * At the same time: other ranges go on; with `parallel`, other subscribers' callbacks.
   * Must: have dropped its records there as `why.demand` says, else the commit fails with EBUSY.
   * May sleep: when `why.canWait`.
   * On throw: the operation is aborted, the pages stay mapped, the caller's error names it.
   */
  invalidateProcessRange?(mm: Mm, start: number, end: number, why: Why): void | PromiseLike<void>;

  /**
   * Let go of one frame, everywhere it is mapped (`why.places`), once.
   *
   * Called: before the first of its ptes changes; every place of it is frozen.
   * At the same time, must, may sleep, on throw: as `invalidateProcessRange`.
   */
  invalidatePage?(page: Page, why: Why): void | PromiseLike<void>;

  /**
   * Let go of the pages of a file in [start, end) bytes, wherever `why.ranges` shows them: half
   * open, never a length; to the end of the file is 2 ** 63. `why.reason` tells "truncate", when
   * private copies go as well, from "punch", when they stay.
   *
   * Called: before a pte changes or a page leaves the file's cache, once, when it has a record in
   * one of the ranges or watches one of their address spaces. A subscriber without this callback is
   * told by `invalidateProcessRange` instead, range by range of those that reach it, so that nobody
   * is left behind. The file of shared anonymous memory takes no calls.
   * At the same time, must, may sleep, on throw: as `invalidateProcessRange`.
   */
  invalidateMappingRange?(
    file: File,
    start: number,
    end: number,
    why: Why,
  ): void | PromiseLike<void>;

  /**
   * Let go of everything of `mm`: it exits.
   *
   * Called: first step of exit, before anything is freed, when it has a record or a watch.
   * At the same time: every other call on `mm` fails with ESRCH.
   * Must: drop its records of `mm`; frames it keeps are quarantined, never reused, until it does.
   * May sleep: when `why.canWait`.
   * On throw: reported; exit cannot be refused.
   */
  release?(mm: Mm, why: Why): void | PromiseLike<void>;

  /**
   * How many outside references each page had since it was last asked.
   *
   * Called: while pages are aged, in batches; by machines that reclaim.
   * Must: answer one count per page, and forget them when `clear`.
   * May sleep: no.
   */
  determineReferences?(pages: readonly Page[], query: ReferenceQuery): ArrayLike<number>;

  /**
   * The bracket is over: its range may be exported again.
   *
   * Called: once per accepted bracket, after the freeze is lifted, in reverse order of `register`.
   * May sleep: no. On throw: reported, nothing else; it cannot veto.
   */
  end?(bracket: number, result: { readonly committed: boolean }): void;
}
