// The calls of reclaim: what to scan, what holders are asked about, what is set aside.

import { FRAMES_MAX } from "../../assembly/abi.ts";
import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class ReclaimCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** Whether want of frames is NEED_MEMORY, or ENOMEM. */
  enable(on: boolean): void {
    this.#ask((wasm) => wasm.reclaim_enable(on ? 1 : 0));
  }

  /** Takes out what nobody has to be told of, until `pages` are on their way. */
  shrink(pages: number, group: number, direct: boolean): R.ShrinkRecord {
    return this.#ask((wasm) => {
      const most = Math.min(pages, FRAMES_MAX);
      const reclaimed = wasm.reclaim_shrink(most, group, direct ? 1 : 0) >>> 0;
      return { reclaimed, ...this.#answers.scan };
    });
  }

  /** Up to `most` pages that are held outside, the least used first. */
  age(group: number, most: number): R.CandidateRecord[] {
    return this.#ask((wasm) => this.#answers.candidates(wasm.reclaim_age(group, most) >>> 0));
  }

  /** Whether a page with so many references is to go. */
  judge(pfn: number, references: number): boolean {
    return this.#ask((wasm) => wasm.reclaim_judge(pfn, references)) === 1;
  }

  /** 0, a ticket, or a status: EBUSY where it does not go, EINVAL for no page, EAGAIN, ENOMEM. */
  evict(pfn: number): number {
    return this.#ask((wasm) => wasm.page_evict(pfn));
  }

  /** Counts pages that went in brackets of their own. */
  stolen(pages: number, direct: boolean): void {
    this.#ask((wasm) => wasm.reclaim_stolen(pages, direct ? 1 : 0));
  }

  /** The subscribers with a record of a frame. */
  reach(pfn: number): number[] {
    return this.#ask((wasm) => (wasm.page_reach(pfn) === 0 ? [] : this.#answers.subscribers()));
  }

  markAccessed(subscriber: number, mm: number, start: number, end: number): number {
    return this.#ask((wasm) => wasm.export_mark_accessed(subscriber, mm, start, end));
  }

  /** Frames of the watermarks min, low and high. */
  get watermarks(): R.WatermarksRecord {
    return this.#ask((wasm) => ({
      min: wasm.frames_watermark(0) >>> 0,
      low: wasm.frames_watermark(1) >>> 0,
      high: wasm.frames_watermark(2) >>> 0,
    }));
  }

  /** Frames that lack until the high watermark; below zero, what is beyond it. */
  get framesToHigh(): number {
    return this.#ask((wasm) => wasm.frames_to_high());
  }

  /** Fills the reserve of calls out of callbacks, or lets whoever calls next have it. */
  reserve(fill: boolean): void {
    this.#ask((wasm) => wasm.frames_reserve(fill ? 1 : 0));
  }

  /** Asks where no memory will come any more: what lacks it is ENOMEM, with the reserve or not. */
  lastly(hasReserve: boolean, ask: () => number): number {
    this.enable(false);
    if (hasReserve) this.reserve(false);
    try {
      return ask();
    } finally {
      this.enable(true);
      this.reserve(true);
    }
  }

  /** Sets frames aside for a call that asks again; false where there are not so many. */
  promise(frames: number): boolean {
    return this.#ask((wasm) => wasm.frames_promise(frames)) === 1;
  }

  keepPromise(frames: number): void {
    this.#ask((wasm) => wasm.frames_promise_keep(frames));
  }

  createGroup(pages: number): number {
    return this.#ask((wasm) => wasm.group_create(pages));
  }

  limitGroup(group: number, pages: number): number {
    return this.#ask((wasm) => wasm.group_limit(group, pages));
  }

  enterGroup(group: number, mm: number): number {
    return this.#ask((wasm) => wasm.group_enter(group, mm));
  }

  releaseGroup(group: number): number {
    return this.#ask((wasm) => wasm.group_release(group));
  }

  groupPages(group: number): number {
    return this.#ask((wasm) => wasm.group_pages(group)) >>> 0;
  }
}
