// Where the bytes of pages go that are swapped out: what the owner of a machine provides.

/**
 * A store of numbered slots of 4096 bytes each: from 0 up to, not including, the `pages` that the
 * machine was made with. What it answers with is done when that settles; what it throws, or rejects
 * with, is an I/O error of that one page. One backing serves one machine.
 *
 * A slot is read only after it was written. No slot is in two calls at once, different ones may be,
 * and nothing can be said of the order in which calls on different slots end.
 */
export interface SwapBacking {
  /** Fills `into`, all 4096 bytes of it, with what was written to `slot` last. */
  read(slot: number, into: Uint8Array): void | Promise<void>;
  /** Keeps the 4096 bytes `from` as the contents of `slot`. They do not change afterwards. */
  write(slot: number, from: Uint8Array): void | Promise<void>;
  /** Gives its resources back. For its owner to call: a machine has no end, and never does. */
  close?(): void | Promise<void>;
}
