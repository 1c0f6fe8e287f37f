// A file in memory that one address space shows, swap for it, and what has become of both.

import { expect } from "vitest";
import { MADV_PAGEOUT } from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import { type Booted, boot, PAGE, pages, pattern, strip } from "./boot.ts";
import { show } from "./shared-file.ts";
import { type Store, storeOf } from "./store.ts";

export const COUNT = 8;
export const BYTES = COUNT * PAGE;
export const ALL = pages(0, COUNT);
export const OUT = "_".repeat(COUNT);
export const IN = "w".repeat(COUNT);

/** Whatever is used was used long ago: pages are looked at until each of them may go. */
export function reclaimAll({ machine }: Booted): number {
  let reclaimed = 0;
  for (let pass = 0; pass < 4; pass++) {
    reclaimed += machine.reclaimSync({ pages: 100 }).reclaimed;
  }
  return reclaimed;
}

export interface Shared extends Booted {
  readonly file: File;
  readonly store: Store;
}

/** A file in memory of eight written pages, which `mm` alone shows at `BASE`. */
export function shared({ isSlow = false, slots = 128 } = {}): Shared {
  const store = storeOf(isSlow);
  const booted = boot("", { swap: { pages: slots, backing: store } });
  const file = booted.machine.createFile({ name: "data" });
  file.writeSync(0, pattern(0, BYTES));
  show(booted.mm, file);
  return { ...booted, file, store };
}

/** The same, and all of it in swap. */
export function swappedOut(options: Parameters<typeof shared>[0] = {}): Shared {
  const made = shared(options);
  made.mm.madviseSync(...ALL, MADV_PAGEOUT);
  expect([strip(made.mm), slots(made)]).toEqual([OUT, COUNT]);
  return made;
}

export function slots({ machine }: Booted): number {
  return machine.vmstat().swap_slots_used;
}

/** How much of swap the area at `BASE` has, by smaps, in pages. */
export function swapOf({ mm }: Pick<Booted, "mm">): number {
  return Number(/^Swap: +(\d+) kB/m.exec(mm.smaps())?.[1]) / 4;
}
