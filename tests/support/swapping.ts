// A machine that swaps to a store which does what a test says.

import { MADV_PAGEOUT } from "../../src/constants.ts";
import { boot, pages } from "./boot.ts";
import { storeOf } from "./store.ts";

/** A machine with four written pages, and swap for 128. */
export function swapping({ isSlow = false, reclaim = true, drawing = "wwww" } = {}) {
  const store = storeOf(isSlow);
  const booted = boot(drawing, { swap: { pages: 128, backing: store }, reclaim });
  const { mm, machine } = booted;
  return {
    ...booted,
    store,
    /** Page [first, end) out, and all of it written. */
    async out(first: number, end: number): Promise<void> {
      await mm.madvise(...pages(first, end), MADV_PAGEOUT);
      await store.answer();
    },
    stat: () => {
      const { pswpin, pswpout, swap_slots_used } = machine.vmstat();
      return { in: pswpin, out: pswpout, slots: swap_slots_used };
    },
  };
}

export type Swapping = ReturnType<typeof swapping>;
