// The accesses that a log does not have: pages that a program is taken to use, once it may.
//
//   none    nothing is touched: areas only
//   read    every page that became readable is read
//   write   every page that became writable is written
//
// Invariants
//   R20  No more than TOUCH_PAGES_MAX pages are touched in a run, nor one when memory is short:
//       what is left out is counted.

import { PAGE_SIZE, TASK_SIZE, VM_READ, VM_WRITE } from "../../../assembly/abi.ts";
import { MADV_POPULATE_READ, MADV_POPULATE_WRITE } from "../../constants.ts";
import type { Core } from "../../core.ts";
import { MemoryError } from "../../errors.ts";
import type { Mm } from "../../mm.ts";
import { SPACE } from "../../space.ts";
import type { RecordedCall, RecordedResult } from "../format.ts";
import type { Span } from "../touched.ts";

export type Touch = "none" | "read" | "write";

/** Pages that one run touches at most: 1 GiB. */
export const TOUCH_PAGES_MAX = 262_144;

/** Pages touched in one call: what fails, fails for no more than these. */
const STEP = 256;

export class Toucher {
  /** Pages touched, pages that could not be (beyond the end of a file), pages left out. */
  touched = 0;
  refused = 0;
  leftOut = 0;
  readonly #core: Core;
  readonly #touch: Touch;
  readonly #max: number;
  #isFull = false;

  constructor(core: Core, touch: Touch, max: number = TOUCH_PAGES_MAX) {
    this.#core = core;
    this.#touch = touch;
    this.#max = max;
  }

  /** Touches what the operation has given. The spans that now may have new pages. */
  async after(mm: Mm, call: RecordedCall, result: RecordedResult, brk: number): Promise<Span[]> {
    if (this.#touch === "none") return [];
    const spans = spansOf(call, result, brk);
    for (const { start, end } of spans) await this.#span(mm, start, end);
    return spans;
  }

  /** Area by area, what may be touched. */
  async #span(mm: Mm, start: number, end: number): Promise<void> {
    const wanted = this.#touch === "write" ? VM_WRITE : VM_READ;
    for (let at = start; at < end; ) {
      const area = this.#core.engine.areaAfter(mm[SPACE].handle, at);
      if (area === null || area.start >= end) return;
      const from = Math.max(at, area.start);
      at = Math.min(area.end, end);
      if ((area.vmFlags & wanted) !== 0) await this.#area(mm, from, at);
    }
  }

  async #area(mm: Mm, start: number, end: number): Promise<void> {
    const advice = this.#touch === "write" ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    const step = STEP * PAGE_SIZE;
    for (let at = start; at < end; at += step) {
      const bytes = Math.min(step, end - at);
      const pages = bytes / PAGE_SIZE;
      if (this.#isFull || this.touched + pages > this.#max) {
        this.leftOut += (end - at) / PAGE_SIZE;
        return;
      }
      await this.#populate(mm, at, bytes, advice);
    }
  }

  async #populate(mm: Mm, address: number, bytes: number, advice: number): Promise<void> {
    const pages = bytes / PAGE_SIZE;
    try {
      await mm.madvise(address, bytes, advice);
      this.touched += pages;
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      if (error.code !== "ENOMEM") this.refused += pages;
      else {
        this.#isFull = true;
        this.leftOut += pages;
      }
    }
  }
}

/** Where an operation that went well has given pages, or rights to them. */
function spansOf(call: RecordedCall, { ret }: RecordedResult, brk: number): Span[] {
  if (typeof ret !== "number") return [];
  switch (call.op) {
    case "mmap":
      return span(ret, call.len);
    case "mremap":
      return span(ret, call.newLen);
    case "mprotect":
      return span(call.addr, call.len);
    case "brk":
      return ret > brk ? span(brk, ret - brk) : [];
    default:
      return [];
  }
}

function span(address: number, bytes: number): Span[] {
  const start = address - (address % PAGE_SIZE);
  const end = Math.min(Math.ceil((address + bytes) / PAGE_SIZE) * PAGE_SIZE, TASK_SIZE);
  return start < end ? [{ start, end }] : [];
}
