// Targets of the pairs: what the notifier costs, with nobody and with somebody registered.

import { notifierPairs, WITHOUT } from "../pairs/notifier.pairs.ts";
import { type Measured, ratioOf, type Target } from "./target.ts";

export const pairs: readonly Target[] = [
  {
    name: "notifier compiled in, nobody registered (geometric mean)",
    want: "<= 1.01",
    unit: "×",
    got: (report) => meanCost(report),
  },
  costs("subscriber-sync", "bare-call", 2),
  costs("subscriber-awaited", "bare-await", 2),
  costs("subscriber-64-at-once", "bare-await-all", 1.5),
];

/** How many times the reference something may cost. */
function costs(name: string, side: string, times: number): Target {
  return {
    name: `${name}, over ${side}`,
    want: `<= ${times}`,
    unit: "×",
    got(report) {
      const ratio = ratioOf(report, name, side);
      return ratio === null ? null : 1 / ratio;
    },
  };
}

function meanCost(report: Measured): number | null {
  let logarithms = 0;
  for (const { name } of notifierPairs) {
    const ratio = ratioOf(report, name, WITHOUT);
    if (ratio === null) return null;
    logarithms -= Math.log(ratio);
  }
  return Math.exp(logarithms / notifierPairs.length);
}
