// What every store refuses in the same words.

import { natural } from "../arguments.ts";

/** A position, or a size: RangeError below 0 or beyond 2 ** 53, TypeError for no whole number. */
export function positionOf(bytes: number, name: string): number {
  if (natural(bytes, name) <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new RangeError(`${name}: ${bytes} is more than any store holds`);
}

/** What a store that was closed answers with. */
export function closedError(): Error {
  return Object.assign(new Error("the backing is closed"), { code: "EBADF" });
}
