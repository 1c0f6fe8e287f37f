// Where bytes are kept that are not in the machine's memory: pages that are swapped out, and the
// contents of files. What the owner of a machine provides; memory, Node's files and OPFS are here.

/**
 * Bytes from position 0 on, `size()` of them. Every answer may be a promise; it is done when that
 * settles, and what it throws or rejects with is an I/O error of that one call.
 *
 * The machine never has two calls under way on bytes that overlap, nor a `truncate` beside anything
 * else; calls on different bytes may be, and nothing can be said of the order in which they end. A
 * `sync` may be asked for while reads and writes are under way: it covers those that had settled.
 *
 * Swap asks for `read` and `write` only, of whole pages, slot n at n × 4096: it reads one at a
 * time, and writes up to 64 that lie side by side.
 */
export interface Backing {
  /**
   * Fills `into` with the bytes from `position` on, zeros where nothing was ever written. How many
   * there were: fewer than asked for only at the end of what is stored, 0 at or beyond it; the rest
   * of `into` is then as it was.
   */
  read(position: number, into: Uint8Array): number | Promise<number>;
  /**
   * Keeps all of `from` at `position`, growing what is stored where it ends beyond; what is between
   * the old end and `position` reads as zeros. The bytes do not change until this settles, and may
   * at any time after. Where it fails, any part of them may be stored.
   */
  write(position: number, from: Uint8Array): void | Promise<void>;
  /** Bytes stored. */
  size(): number | Promise<number>;
  /** Cuts what is stored to `bytes`, or grows it to them with zeros. */
  truncate(bytes: number): void | Promise<void>;
  /**
   * Settles when everything that was written and truncated before it was asked for survives a
   * crash, the size included. Where it fails nothing is known of any of that: it has to be written
   * again.
   */
  sync(): void | Promise<void>;
  /**
   * Gives its resources back once what is under way has ended; calls after it fail, but for another
   * `close`. For its owner to call, when nothing runs on it any more: a machine never does.
   */
  close?(): void | Promise<void>;
}

/** A backing that answers everything at once, so that calls which cannot wait never have to. */
export interface DirectBacking extends Backing {
  read(position: number, into: Uint8Array): number;
  write(position: number, from: Uint8Array): void;
  size(): number;
  truncate(bytes: number): void;
  sync(): void;
  close(): void;
}

/** A backing that never answers at once: calls which cannot wait get EAGAIN first. */
export interface AsyncBacking extends Backing {
  read(position: number, into: Uint8Array): Promise<number>;
  write(position: number, from: Uint8Array): Promise<void>;
  size(): Promise<number>;
  truncate(bytes: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}
