// The pages of an address space: what was used and written, pins, snapshots, driver mappings.

import { ClearRefs } from "../assembly/abi.ts";
import type { Asker } from "./access.ts";
import * as take from "./arguments.ts";
import { type CallOptions, limitsOf, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import { MmView } from "./mm-view.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { perform, performSync } from "./operation.ts";
import { applyToPageRange, type PageVisitor, remapPfnRange } from "./pfn-range.ts";
import { type Pin, type PinOptions, pin, pinRange, pinSync } from "./pin.ts";
import type { Plan } from "./plan.ts";
import * as plans from "./plans.ts";
import { expectDiff, type MmDiff } from "./snapshot/diff.ts";
import { take as takeDiff, takeSync as takeDiffSync } from "./snapshot/take.ts";
import { CONTEXT, SPACE, type Space } from "./space.ts";

/** Whose references are forgotten: of all areas, of anonymous ones, or of those of files. */
export type References = "all" | "anonymous" | "mapped";

const REFERENCES: Readonly<Record<References, ClearRefs>> = {
  all: ClearRefs.All,
  anonymous: ClearRefs.Anonymous,
  mapped: ClearRefs.Mapped,
};

/** The half of an `Mm` that is about single pages, and not about areas. Errors as those of `Mm`. */
export class MmPages extends MmView {
  readonly [CONTEXT]: Bracket | null;
  readonly #core: Core;
  readonly #asker: Asker;

  constructor(core: Core, space: Space, context: Bracket | null) {
    super(core, space);
    this.#core = core;
    this.#asker = { core, space, context };
    this[CONTEXT] = context;
  }

  /**
   * Forgets which pages were written, as 4 in /proc/PID/clear_refs: from now on `softDirty` says
   * what was written since. Every page loses the right to write until its next write faults, so
   * who holds one for writing must let go first.
   */
  async clearSoftDirty(options?: CallOptions): Promise<void> {
    await this.#run(plans.clearSoftDirty(this[SPACE]), options);
  }

  clearSoftDirtySync(): void {
    this.#runSync(plans.clearSoftDirty(this[SPACE]));
  }

  /**
   * Forgets which pages were used, as 1 in /proc/PID/clear_refs, or 2 or 3 for anonymous or mapped
   * areas only: from now on `accessed` says what was used since.
   */
  clearReferencedSync(which: References = "all"): void {
    const what = take.oneOf(which, "which", REFERENCES);
    const status = this.#core.engine.pages.forgetReferences(this[SPACE].handle, what);
    if (status < 0) throw new MemoryError(status, "clear_refs");
  }

  async clearReferenced(which: References = "all"): Promise<void> {
    this.clearReferencedSync(which);
  }

  /**
   * All that there is, as data: areas, and pages with their bytes. Clears soft-dirty in the same
   * step, telling who may write: `changes(since)` is then what was written after it.
   */
  async snapshot(options?: CallOptions): Promise<MmDiff> {
    return takeDiff(this.#asker, null, limitsOf(options));
  }

  snapshotSync(): MmDiff {
    return takeDiffSync(this.#asker, null);
  }

  /**
   * What has changed since a snapshot, or since the changes that were taken last. ESTALE where it
   * is not the last, or soft-dirty was cleared in between.
   */
  async changes(since: MmDiff, options?: CallOptions): Promise<MmDiff> {
    expectDiff(since);
    return takeDiff(this.#asker, since, limitsOf(options));
  }

  changesSync(since: MmDiff): MmDiff {
    expectDiff(since);
    return takeDiffSync(this.#asker, since);
  }

  /**
   * Pins the pages that a range touches, for a device that reads them, or writes as well: they stay
   * in their frames until `unpin`, and what is private is this address space's alone. All or
   * nothing. EFAULT where they can not be accessed so, EINVAL for no bytes.
   */
  async pin(
    address: number,
    length: number,
    options?: PinOptions,
    limits?: CallOptions,
  ): Promise<Pin> {
    return pin(this.#asker, pinRange(address, length, options), limitsOf(limits));
  }

  pinSync(address: number, length: number, options?: PinOptions): Pin {
    return pinSync(this.#asker, pinRange(address, length, options));
  }

  /**
   * Shows a device's frames from `pfn` on in [address, address + length), as remap_pfn_range of a
   * driver (Linux mm/memory.c). One area must have the range, all of it where it is private and
   * may be written; it becomes VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP. `prot`: what the
   * entries allow at once, at most what the area does. Whoever holds a page that was there is told
   * and awaited; where nothing was, nobody is. What it shows can not be exported.
   *
   * EINVAL for a range, frames or a `prot` that it cannot be.
   */
  async remapPfnRange(
    address: number,
    pfn: number,
    length: number,
    prot: number,
    options?: CallOptions,
  ): Promise<void> {
    await this.#run(remapPfnRange(this[SPACE], address, pfn, length, prot), options);
  }

  remapPfnRangeSync(address: number, pfn: number, length: number, prot: number): void {
    this.#runSync(remapPfnRange(this[SPACE], address, pfn, length, prot));
  }

  /**
   * Calls `visit` with each entry of [address, address + length), absent ones too, and installs
   * the device's pages that it answers with, as apply_to_page_range (Linux mm/memory.c); some
   * thousands of entries at once, each of those batches whole or not at all. It tells nobody: a
   * page of a device goes only where nothing is, or a device. Where a page is to give way to it,
   * whoever asks tells its holders first: with MADV_DONTNEED, or by `remapPfnRange`.
   *
   * EBUSY where a page to be replaced is exported; EINVAL where it is there and no device's, for
   * a frame that is none, and in private memory that may be written.
   */
  async applyToPageRange(
    address: number,
    length: number,
    visit: PageVisitor,
    options?: CallOptions,
  ): Promise<void> {
    for (const plan of applyToPageRange(this[SPACE], address, length, visit)) {
      await this.#run(plan, options);
    }
  }

  applyToPageRangeSync(address: number, length: number, visit: PageVisitor): void {
    for (const plan of applyToPageRange(this[SPACE], address, length, visit)) this.#runSync(plan);
  }

  async #run(plan: Plan, options: CallOptions | undefined): Promise<void> {
    await perform(this.#core, plan, this[CONTEXT], options);
  }

  #runSync(plan: Plan): void {
    performSync(this.#core, plan, this[CONTEXT], UNTRIED);
  }
}
