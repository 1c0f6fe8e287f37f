// One call on a backing, which may answer at once or with a promise, and how it ended.

import type { Core } from "./core.ts";
import { promiseOf } from "./notifier/answer.ts";

/** Why a backing failed: whatever it threw. */
export interface Failure {
  readonly cause: unknown;
}

/** Told how a call ended: null when it went well, and what the backing answered. */
export type Ended = (failure: Failure | null, answer?: unknown) => void;

/**
 * Asks; `ended` runs once, and has run by then unless the backing answers with a promise. What
 * `ended` throws later is reported, as of `part`. Whether the backing answered at once, and well.
 */
export function askBacking(core: Core, part: string, ask: () => unknown, ended: Ended): boolean {
  let answer: unknown;
  let promise: Promise<unknown> | null;
  try {
    answer = ask();
    promise = promiseOf(answer);
  } catch (cause) {
    ended({ cause });
    return false;
  }
  if (promise === null) {
    ended(null, answer);
    return true;
  }
  const settled = promise.then(
    (late) => ended(null, late),
    (cause: unknown) => ended({ cause }),
  );
  settled.catch((fault: unknown) => core.report(fault, part));
  return false;
}
