// Waiting for what others do, for as long as one may.

import { Status } from "../assembly/abi.ts";
import type { Call } from "./call.ts";
import { arm } from "./clock.ts";

/** Ends a wait: with an error where it was in vain. */
export type End = (error?: Error) => void;

/**
 * Resolves or rejects as somebody ends it. `begin` gets the wait's end, to be called later, and
 * returns what to call, with the error that there may be, once it has ended.
 */
export function untilEnded(begin: (end: End) => readonly End[]): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const end: End = (error) => {
      for (const stop of stops) stop(error);
      if (error === undefined) resolve();
      else reject(error);
    };
    const stops = begin(end);
  });
}

/**
 * The same for a call, which gives up as its caller does, and with ETIMEDOUT and `reason` at its
 * deadline; `listen` returns what to call once the wait has ended.
 */
export function waitFor(call: Call, reason: string, listen: (end: End) => End): Promise<void> {
  call.expectWanted();
  return untilEnded((end) => [
    listen(end),
    call.onAbort(end),
    arm(call.core.clock, call.timeLeft(), () => end(call.error(Status.ETIMEDOUT, { reason }))),
  ]);
}
