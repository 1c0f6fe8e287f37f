// Every pair, in the order in which they are run and shown.

import { notifierPairs } from "./notifier.pairs.ts";
import type { Pair } from "./pair.ts";
import { subscriberPairs } from "./subscriber.pairs.ts";

export const PAIRS: readonly Pair[] = [...notifierPairs, ...subscriberPairs];

/** The pair of that name, or those whose names begin with it and a hyphen. */
export function pairsNamed(name: string): Pair[] {
  return PAIRS.filter((one) => one.name === name || one.name.startsWith(`${name}-`));
}
