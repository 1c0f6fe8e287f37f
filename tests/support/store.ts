// A backing that does what a test says: answers when it is told to, fails when it is told to.

import { memoryBacking } from "../../src/backing/memory.ts";
import type { SwapBacking } from "../../src/swap.ts";
import { PAGE } from "./boot.ts";
import { settle } from "./clock.ts";
import { type Gate, gate } from "./sleeper.ts";

export interface Store extends SwapBacking {
  /** "read 0", "write 3", by slot, in the order in which they were asked for. */
  readonly diary: string[];
  /** Questions that have no answer yet. */
  readonly open: Gate<void>[];
  /** What the next question of a kind fails with: once, that about one page alone. */
  failure: { on: "read" | "write"; error: Error } | null;
  /** Answers what is open, and what is asked because of it. */
  answer(): Promise<void>;
}

/** `isSlow`: each question waits for `answer`; else it is answered at once. */
export function storeOf(isSlow: boolean): Store {
  const memory = memoryBacking();
  const ask = <T>(on: "read" | "write", position: number, bytes: number, work: () => T) => {
    for (let at = position; at < position + bytes; at += PAGE)
      store.diary.push(`${on} ${at / PAGE}`);
    const { failure } = store;
    const fails = failure?.on === on;
    if (fails && bytes <= PAGE) store.failure = null;
    const go = () => {
      if (fails) throw failure.error;
      return work();
    };
    if (!isSlow) return go();
    const question = gate();
    store.open.push(question);
    return question.promise.then(go);
  };
  const store: Store = {
    diary: [],
    open: [],
    failure: null,
    read: (position, into) => ask("read", position, into.length, () => memory.read(position, into)),
    write: (position, from) =>
      ask("write", position, from.length, () => memory.write(position, from)),
    async answer() {
      for (let next = store.open.shift(); next !== undefined; next = store.open.shift()) {
        next.open();
        await settle();
      }
    },
  };
  return store;
}
