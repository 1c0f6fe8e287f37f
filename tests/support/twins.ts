// Machines with equal pages in them, for merging.

import { MADV_MERGEABLE } from "../../src/constants.ts";
import type { Machine } from "../../src/machine.ts";
import type { MergeResult } from "../../src/merge.ts";
import type { Mm } from "../../src/mm.ts";
import { at, type Booted, type BootOptions, boot, draw, PAGE, pages } from "./boot.ts";

/** What equal pages are full of. */
const BYTE = 7;

/** Two address spaces with the same bytes in page 0, others in page 1; both may be merged. */
export function twins(options: BootOptions = {}): Booted & { readonly other: Mm } {
  const booted = boot("ww", options);
  const other = booted.machine.createMm();
  draw(other, "ww");
  for (const [index, mm] of [booted.mm, other].entries()) {
    mm.writeSync(at(0), new Uint8Array(PAGE).fill(BYTE));
    mm.writeSync(at(1), Uint8Array.of(100 + index));
    mm.madviseSync(...pages(0, 2), MADV_MERGEABLE);
  }
  return { ...booted, other };
}

/** One address space with `count` equal pages. */
export function crowd(count: number, options: BootOptions = {}): Booted {
  const booted = boot("", { memory: 8 * 2 ** 20, ...options });
  draw(booted.mm, "_".repeat(count));
  booted.mm.writeSync(at(0), new Uint8Array(count * PAGE).fill(BYTE));
  booted.mm.madviseSync(...pages(0, count), MADV_MERGEABLE);
  return booted;
}

/** As many passes as it takes: one to see each page, one to see that it has not changed. */
export function mergeAll(machine: Machine): Pick<MergeResult, "merged" | "skipped"> {
  const [first, second] = [machine.mergePagesSync(), machine.mergePagesSync()];
  return { merged: first.merged + second.merged, skipped: first.skipped + second.skipped };
}

export function pfnOf(mm: Mm, page = 0): number {
  return mm.page(at(page))?.pfn ?? -1;
}

/** First byte of each of `count` pages. */
export function firsts(mm: Mm, count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, i) => mm.readSync(at(first + i), 1)[0] ?? -1);
}
