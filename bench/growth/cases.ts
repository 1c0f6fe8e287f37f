// Every question about growth, in the order in which they are run and shown.

import type { GrowthCase } from "./case.ts";
import { cowDepth, forkDepth } from "./depth.growth.ts";
import { faultAreas } from "./fault.growth.ts";
import { forkPages, forkReserved } from "./fork.growth.ts";
import { frames } from "./frames.growth.ts";
import { rmapAnonymous, rmapFile } from "./rmap.growth.ts";
import { subscribersElsewhere, subscribersTold } from "./subscribers.growth.ts";
import { truncateHoles, truncatePages } from "./truncate.growth.ts";

export const GROWTH: readonly GrowthCase[] = [
  rmapAnonymous,
  rmapFile,
  forkPages,
  forkReserved,
  truncatePages,
  truncateHoles,
  faultAreas,
  frames,
  subscribersElsewhere,
  subscribersTold,
  forkDepth,
  cowDepth,
];

/** The case of that name; where there is none, those whose names begin with it and a hyphen. */
export function growthNamed(name: string): GrowthCase[] {
  const exact = GROWTH.filter((one) => one.name === name);
  return exact.length > 0 ? exact : GROWTH.filter((one) => one.name.startsWith(`${name}-`));
}
