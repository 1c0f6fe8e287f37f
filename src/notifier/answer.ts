// What somebody else's code answers with: it may be anything, and looking at it may throw.

/**
 * A promise of the machine's own that settles as a thenable does; null for anything else. Throws
 * what looking at the answer throws; a thenable that fails later, in whatever way, is a rejection.
 */
export function promiseOf(answer: unknown): Promise<unknown> | null {
  if (!isThenable(answer)) return null;
  // Not Promise.resolve: it would trust the `constructor` and the `then` of a promise.
  return new Promise((resolve) => resolve(answer));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return "then" in value && typeof value.then === "function";
}
