// Something under way that somebody may wait for.

import { Status } from "../assembly/abi.ts";
import type { Failure } from "./ask-backing.ts";
import type { Call } from "./call.ts";
import { waitFor } from "./wait.ts";

export class Pending {
  /** Why it failed, when it is over. */
  failure: Failure | null = null;
  isOver = false;
  readonly #waiters = new Set<() => void>();

  /** Whether somebody waits for it. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  end(failure: Failure | null): void {
    this.isOver = true;
    this.failure = failure;
    for (const tell of [...this.#waiters]) tell();
    this.#waiters.clear();
  }

  /**
   * Resolves when it is over; rejects as the call gives up. At once where it is over; EAGAIN where
   * the call cannot wait. `what` says in an error what was waited for.
   */
  wait(call: Call, what: string): void | Promise<void> {
    if (this.isOver) return;
    if (!call.canWait) throw call.error(Status.EAGAIN, { reason: `${what}: it is under way` });
    return waitFor(call, `${what}: it did not end in time`, (end) => {
      const told = () => end();
      this.#waiters.add(told);
      return () => this.#waiters.delete(told);
    });
  }
}
