// Backings around a backing: one that fails when a test says, one that answers in any order.

import type { Backing } from "../../src/backing/backing.ts";
import type { Random } from "./prng.ts";
import { Dormitory } from "./sleeper.ts";

/** What a backing is asked for. */
export type Question = "read" | "write" | "size" | "truncate" | "sync";

/** Asks `backing` by way of `ask`, which may do anything before, after or instead. */
function around(
  backing: Backing,
  ask: <T>(question: Question, work: () => T | Promise<T>) => T | Promise<T>,
): Backing {
  return {
    read: (position, into) => ask("read", () => backing.read(position, into)),
    write: (position, from) => ask("write", () => backing.write(position, from)),
    size: () => ask("size", () => backing.size()),
    truncate: (bytes) => ask("truncate", () => backing.truncate(bytes)),
    sync: () => ask("sync", () => backing.sync()),
    close: () => backing.close?.(),
  };
}

/** Which call fails, and how. */
export interface Failing {
  /** The n-th call, from 1; of `question` only, where one is given. */
  readonly at: number;
  readonly question?: Question;
  readonly error: Error;
  /** What was asked for is done all the same. Default false. */
  readonly isDone?: boolean;
}

/** Fails once, at one call: every other goes through. */
export function failingBacking(backing: Backing, failing: Failing): Backing {
  const { at, question, error, isDone = false } = failing;
  let count = 0;
  return around(backing, (asked, work) => {
    if (question === undefined || question === asked) count++;
    if (count !== at || (question !== undefined && question !== asked)) return work();
    const fail = () => {
      throw error;
    };
    if (!isDone) return fail();
    const answer = work();
    return answer instanceof Promise ? answer.then(fail) : fail();
  });
}

/** A backing whose calls wait, and the room in which they do. */
export interface Shuffled {
  readonly backing: Backing;
  readonly waiting: Dormitory;
}

/** Does and answers what it is asked for one at a time, in an order drawn from `random`. */
export function shuffledBacking(backing: Backing, random: Random): Shuffled {
  const waiting = new Dormitory(random);
  const asleep = around(backing, (_question, work) => waiting.sleep().then(work));
  return { backing: asleep, waiting };
}
