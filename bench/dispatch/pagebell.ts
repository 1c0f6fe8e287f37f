// Our notifier as a bus: the least public operation that tells subscribers.
//
// `tell` is `madviseSync(page, MADV_DONTNEED)` of an untouched page of an address space that all
// listeners watch. It includes what no library does: arguments checked, a plan that is validated,
// the range frozen, `why` made, the bracket, the answer judged, the commit, the thaw.
// `listen` is `register` and `watch`; leaving is `unregisterSync`, which ends the watch as well.

import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import { createMachineSync } from "../../src/sync.ts";
import { PAGE } from "../memory.ts";
import type { Bus, WaitingBus } from "./bus.ts";

const MEMORY = 16 * 2 ** 20;

type WatchedSpace = ReturnType<typeof watchedSpace>;

function watchedSpace(pages: number) {
  const machine = createMachineSync({ memory: MEMORY });
  const mm = machine.createMm();
  const start = mm.mmapSync(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  return { notifiers: machine.exportNotifiers, mm, start };
}

/**
 * Has `listener` hear of the space's pages: addresses are told as bytes from the first one.
 * `sync`: it answers at once. Returns how it leaves.
 */
function listenIn(
  { notifiers, mm, start }: WatchedSpace,
  sync: boolean,
  listener: (address: number) => void | Promise<void>,
): () => void {
  const subscriber = notifiers.register({
    name: "listener",
    sync,
    invalidateProcessRange: (_, from) => listener(from - start),
  });
  subscriber.watch(mm);
  return () => notifiers.unregisterSync(subscriber);
}

export function ourBus(pages: number): Bus {
  const space = watchedSpace(pages);
  const { mm, start } = space;
  return {
    listen: (listener) => listenIn(space, true, listener),
    tell: (address) => mm.madviseSync(start + address, PAGE, MADV_DONTNEED),
  };
}

/** The same by the async form: each subscriber answers with a promise, and is waited for. */
export function ourWaitingBus(pages: number): WaitingBus {
  const space = watchedSpace(pages);
  const { mm, start } = space;
  return {
    listen: (listener) => listenIn(space, false, listener),
    async tell(address) {
      await mm.madvise(start + address, PAGE, MADV_DONTNEED);
    },
  };
}
