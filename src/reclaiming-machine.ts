// The part of a machine that is about memory pressure: reclaim, watermarks, and groups with limits.

import * as take from "./arguments.ts";
import { type CallOptions, limitsOf } from "./call.ts";
import type { Core } from "./core.ts";
import type { WatermarksRecord } from "./engine/records.ts";
import { createGroup, type Group, type GroupOptions, groupIdOf } from "./group.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { type Job, newJob, type ReclaimResult, resultOf, runJob, runJobSync } from "./reclaim.ts";

/** What `machine.reclaim` is to do. */
export interface ReclaimOptions extends CallOptions {
  /** How many pages. Default: until `watermarks.high` are free; of a group, its excess. */
  readonly pages?: number;
  /** Whose. Default: everybody's. */
  readonly group?: Group;
}

export class ReclaimingMachine {
  readonly #core: Core;
  readonly #context: Bracket | null;

  constructor(core: Core, context: Bracket | null) {
    this.#core = core;
    this.#context = context;
  }

  /** A group of address spaces with a limit of its own. ENFILE at the limit of groups. */
  createGroup(options: GroupOptions): Group {
    return createGroup(this.#core, options);
  }

  /**
   * Takes pages out of memory that were not used lately (as kswapd, Linux mm/vmscan.c): first what
   * nobody holds; then what somebody holds is aged with his help and evicted, page by page, each in
   * a bracket of its own (reason "evict"), so that a refusal keeps that page and no other. The
   * deadline is for all of it; fails only when the caller gives up.
   */
  async reclaim(options?: ReclaimOptions): Promise<ReclaimResult> {
    const job = this.#job(options, limitsOf(options));
    await runJob(job);
    return resultOf(job);
  }

  /** The same where nobody may wait: who would have to be waited for keeps his pages. */
  reclaimSync(options?: ReclaimOptions): ReclaimResult {
    const job = this.#job(options, null);
    runJobSync(job);
    return resultOf(job);
  }

  /** Frames in all, and free. */
  get frames(): { readonly total: number; readonly free: number } {
    return { total: this.#core.engine.framesTotal, free: this.#core.engine.framesFree };
  }

  /**
   * Frames: below `min`, which calls out of callbacks alone may use, others reclaim; the host is
   * to reclaim below `low`; and reclaim goes on until `high` are free.
   */
  get watermarks(): WatermarksRecord {
    return this.#core.engine.reclaim.watermarks;
  }

  #job(options: ReclaimOptions | undefined, limits: CallOptions | null): Job {
    take.options(options, "options");
    const core = this.#core;
    const group = groupIdOf(core, "reclaim", options?.group);
    const enough = group === 0 ? core.engine.reclaim.framesToHigh : options?.group?.excess;
    const pages = take.natural(options?.pages ?? Math.max(enough ?? 0, 0), "pages");
    return newJob(core, { pages, group, direct: false }, this.#context, limits);
  }
}
