// Time, as the machine sees it: injected, so that a test can hold it still.

/** A source of time. Milliseconds, from any origin, never going back. */
export interface Clock {
  now(): number;
  /** Calls `fire` once, `delay` milliseconds from now; the handle goes to `clearTimeout`. */
  setTimeout(fire: () => void, delay: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The host's clock. A timer of it does not keep a Node process alive. */
export const hostClock: Clock = {
  now: () => performance.now(),
  setTimeout(fire, delay) {
    const handle: unknown = globalThis.setTimeout(fire, delay);
    if (hasUnref(handle)) handle.unref();
    return handle;
  },
  clearTimeout(handle) {
    globalThis.clearTimeout(handle as number);
  },
};

function hasUnref(handle: unknown): handle is { unref(): void } {
  return typeof handle === "object" && handle !== null && "unref" in handle;
}

/** The longest delay that hosts take; a longer one is armed again when it has passed. */
const DELAY_MAX = 2 ** 31 - 1;

/** Calls `fire` after `delay` milliseconds, Infinity being never; returns how to call it off. */
export function arm(clock: Clock, delay: number, fire: () => void): () => void {
  if (delay === Number.POSITIVE_INFINITY) return () => {};
  const end = clock.now() + delay;
  let handle = clock.setTimeout(check, Math.min(Math.max(delay, 0), DELAY_MAX));
  function check(): void {
    const left = end - clock.now();
    if (left > DELAY_MAX) handle = clock.setTimeout(check, DELAY_MAX);
    else fire();
  }
  return () => clock.clearTimeout(handle);
}
