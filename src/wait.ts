// Waiting for what others do, for as long as the call may.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import { arm } from "./clock.ts";

/** Ends a wait: with an error where it was in vain. */
export type End = (error?: Error) => void;

/**
 * Resolves or rejects as somebody ends it; rejects when the call gives up, and with ETIMEDOUT and
 * `reason` at its deadline. `listen` gets the wait's end, to be called later, and returns what to
 * call, with the error that there may be, once it has ended.
 */
export function waitFor(call: Call, reason: string, listen: (end: End) => End): Promise<void> {
  call.expectWanted();
  return new Promise<void>((resolve, reject) => {
    const end: End = (error) => {
      for (const stop of stops) stop(error);
      if (error === undefined) resolve();
      else reject(error);
    };
    const late = () => end(call.error(Status.ETIMEDOUT, { reason }));
    const stops: End[] = [
      listen(end),
      call.onAbort(end),
      arm(call.core.clock, call.timeLeft(), late),
    ];
  });
}
