// The call on the pool of huge pages, as the shell makes it.

import { hugePoolInit } from "../frame/huge";
import { settled } from "../op/machine";

/** Makes the pool of `count` huge pages, once: EBUSY, ENOMEM. */
export function hugePoolEntry(count: u32): i32 {
  return settled(hugePoolInit(count));
}
