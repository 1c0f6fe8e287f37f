// Every contest, in the order in which they are run and shown.

import { dispatchContests } from "../dispatch/dispatch.contest.ts";
import { emscriptenContests } from "../emscripten/emscripten.contest.ts";
import { unicornContests } from "../unicorn/unicorn.contest.ts";
import type { Contest, Contestant } from "./contest.ts";

export const CONTESTS: readonly Contest[] = [
  ...dispatchContests,
  ...unicornContests,
  ...emscriptenContests,
];

/** The contest of that name; where there is none, those whose names begin with it and a hyphen. */
export function contestsNamed(name: string): Contest[] {
  const exact = CONTESTS.filter((one) => one.name === name);
  return exact.length > 0 ? exact : CONTESTS.filter((one) => one.name.startsWith(`${name}-`));
}

export function contestantNamed(name: string, side: string): [Contest, Contestant] {
  const contest = CONTESTS.find((one) => one.name === name);
  const found = contest?.contestants.find((one) => one.name === side);
  if (contest !== undefined && found !== undefined) return [contest, found];
  throw new RangeError(`there is no contest "${name}" with "${side}"`);
}
