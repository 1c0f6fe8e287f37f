// How much private writable memory may be promised (Linux: vm.overcommit_memory 0, the heuristic
// that refuses a single request larger than all memory).

import { frameCount } from "../mem/layout";

let limitPages: u64 = 0;

/** Sets the largest single promise in pages; 0: as many as the machine has frames. */
export function commitLimitSet(pages: u64): void {
  limitPages = pages;
}

export function canCommit(pages: u64): bool {
  return pages <= (limitPages ? limitPages : <u64>frameCount);
}
