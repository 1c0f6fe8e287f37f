// Swap in the host's own memory: outside of the machine's arena, and there at once.

import type { SwapBacking } from "./backing.ts";

/** Slots in memory, made when they are first written. Answers at once, so sync calls never wait. */
export function memoryBacking(): SwapBacking {
  const slots = new Map<number, Uint8Array>();
  return {
    read(slot, into) {
      const bytes = slots.get(slot);
      if (bytes === undefined) throw new RangeError(`slot ${slot} was never written`);
      into.set(bytes);
    },
    write(slot, from) {
      slots.set(slot, from.slice());
    },
    close() {
      slots.clear();
    },
  };
}
