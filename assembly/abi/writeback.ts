// Files whose bytes the host keeps: how their pages are reached, and which of them it is to write.
//
// Part of the contract: imported through abi.ts by both sides.

/** Pages that one ticket of a writeback is about, at most. */
export const WRITEBACK_PAGES_MAX: u32 = 64;

/** Which dirty pages a writeback passes over: for data integrity, it passes over none. */
export const enum WritebackMode {
  /** As fsync(2): one that is being written already, or is frozen, is waited for. */
  Integrity,
  /** As background writeback: those are left for the next time. */
  Background,
}

/** Words of one page that `mapping_writeback` leaves in the window, to be written by the host. */
export const enum WritebackEntry {
  IndexLo,
  IndexHi,
  Pfn,
  /** Bytes of it that the file has: a page at its end is shorter. */
  Bytes,
  LENGTH,
}

/** How a page of a file is reached, see `mapping_page`. */
export const enum FilePage {
  /** ENOENT where nothing is cached: it reads as zeros. */
  Look,
  /** Made where it is not cached, and dirty from now on. */
  Write,
  /** The same, and all of it is written: what it was does not matter. */
  Overwrite,
}
