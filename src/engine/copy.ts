// Copying between linear memory and a caller's bytes.

/** Up to here a loop over bytes beats the view that a copy of a part needs. */
const FEW_BYTES = 16;

/**
 * Copies `bytes` bytes of `source` from `from` on into `target` at `to`. TypeError when there are
 * not so many any more: a caller may give its buffer away while its call waits.
 */
export function copy(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  bytes: number,
): void {
  if (from + bytes > source.byteLength || to + bytes > target.byteLength) {
    throw new TypeError("the bytes that were passed are detached, or fewer by now");
  }
  if (bytes <= FEW_BYTES) {
    for (let i = 0; i < bytes; i++) target[to + i] = source[from + i] as number;
    return;
  }
  target.set(bytes === source.byteLength ? source : source.subarray(from, from + bytes), to);
}
