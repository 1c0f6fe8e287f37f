// The kernel's notices of one operation against the engine's: kernelPages, missed, extra.
//
//                          announced by the engine      not announced by it
//   by the kernel          agreement                    missed, if its entry lost something
//   not by the kernel      extra                        –
//
// Only pages count that were present before the operation, as distinct (mm, page) pairs.

import { TASK_SIZE } from "../../assembly/abi.ts";
import type { Mm } from "../mm.ts";
import { ANY, type RecordedNotice } from "./format.ts";
import type { NoticeLog } from "./notice-log.ts";
import { PageSet } from "./page-set.ts";
import type { World } from "./world.ts";

export interface NoticeCounts {
  readonly kernelPages: number;
  readonly missed: number;
  readonly extra: number;
  /** One page that was missed, for whoever looks for the cause. */
  readonly example: { readonly mm: Mm; readonly address: number } | null;
}

const NONE: NoticeCounts = { kernelPages: 0, missed: 0, extra: 0, example: null };

interface Entry {
  readonly mm: Mm;
  readonly address: number;
  readonly pfn: number;
  readonly writable: boolean;
}

/** Begun before an operation, because afterwards nobody knows what was present. */
export class NoticeComparison {
  readonly #log: NoticeLog;
  readonly #pages = new PageSet();
  readonly #entries: Entry[] = [];

  constructor(world: World, log: NoticeLog, notified: readonly RecordedNotice[]) {
    this.#log = log;
    for (const { proc, start, end } of notified) {
      const from = Math.max(start, log.scope.start);
      const to = Math.min(end, log.scope.end, TASK_SIZE);
      for (const mm of spacesOf(world, proc)) this.#expect(mm, from, to);
    }
  }

  /** What came of it, after the operation. */
  finish(): NoticeCounts {
    const announced = this.#log.pages;
    if (this.#entries.length === 0 && announced.size === 0) return NONE;
    let both = 0;
    let missed = 0;
    let example: Entry | null = null;
    for (const entry of this.#entries) {
      if (announced.has(entry.mm, entry.address)) both++;
      else if (hasLost(entry)) {
        missed++;
        example ??= entry;
      }
    }
    const extra = announced.size - both;
    return { kernelPages: this.#entries.length, missed, extra, example };
  }

  #expect(mm: Mm, start: number, end: number): void {
    if (start >= end) return;
    for (const { address, present, pfn, writable } of mm.pagemap(start, end)) {
      if (!present || this.#pages.has(mm, address)) continue;
      this.#pages.add(mm, address);
      this.#entries.push({ mm, address, pfn, writable });
    }
  }
}

function spacesOf(world: World, proc: number): Mm[] {
  if (proc === ANY) return [...world.procs.values()];
  const mm = world.procs.get(proc);
  return mm === undefined ? [] : [mm];
}

/** Whether the entry was unmapped, repointed or write-protected. */
function hasLost({ mm, address, pfn, writable }: Entry): boolean {
  const now = mm.isAlive ? mm.page(address) : null;
  if (now === null || !now.present || now.pfn !== pfn) return true;
  return writable && !now.writable;
}
