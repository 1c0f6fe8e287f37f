// What a plan has set aside can be had: for conditions that do work, and so run in every build.
//
// Written by: nobody. Read by: applies, where they take what is reserved for them.

import { CHECK } from "./assert";

/** `holds` has been computed, whatever the build; where checks are on, it must be true. */
export function certain(holds: bool): void {
  if (CHECK) assert(holds, "what was reserved is not there");
}
