// Libraries that carry events, each used as its documentation says, and nothing around it.

import { EventEmitter } from "node:events";
import { EventEmitter as EventEmitter3 } from "eventemitter3";
import mitt from "mitt";
import { Subject } from "rxjs";
import tapable from "tapable";
import type { Bus, Listener, WaitingBus } from "./bus.ts";

const EVENT = "page";

/** The floor: functions in an array, called one after another. */
export function calls(): Bus {
  const listeners: Listener[] = [];
  return {
    listen(listener) {
      listeners.push(listener);
      return () => void listeners.splice(listeners.indexOf(listener), 1);
    },
    tell(address) {
      for (const listener of listeners) listener(address);
    },
  };
}

export function ofMitt(): Bus {
  const emitter = mitt<{ [EVENT]: number }>();
  return {
    listen(listener) {
      emitter.on(EVENT, listener);
      return () => emitter.off(EVENT, listener);
    },
    tell: (address) => emitter.emit(EVENT, address),
  };
}

export function ofEventEmitter3(): Bus {
  const emitter = new EventEmitter3<{ [EVENT]: [number] }>();
  return {
    listen(listener) {
      emitter.on(EVENT, listener);
      return () => void emitter.off(EVENT, listener);
    },
    tell: (address) => void emitter.emit(EVENT, address),
  };
}

export function ofNodeEvents(): Bus {
  const emitter = new EventEmitter();
  return {
    listen(listener) {
      emitter.on(EVENT, listener);
      return () => void emitter.off(EVENT, listener);
    },
    tell: (address) => void emitter.emit(EVENT, address),
  };
}

class PageEvent extends Event {
  readonly address: number;

  constructor(address: number) {
    super(EVENT);
    this.address = address;
  }
}

export function ofEventTarget(): Bus {
  const target = new EventTarget();
  return {
    listen(listener) {
      const hear = (event: Event) => listener((event as PageEvent).address);
      target.addEventListener(EVENT, hear);
      return () => target.removeEventListener(EVENT, hear);
    },
    tell: (address) => void target.dispatchEvent(new PageEvent(address)),
  };
}

export function ofRxjs(): Bus {
  const subject = new Subject<number>();
  return {
    listen(listener) {
      const subscription = subject.subscribe(listener);
      return () => subscription.unsubscribe();
    },
    tell: (address) => subject.next(address),
  };
}

export function ofTapable(): Bus {
  const hook = new tapable.SyncHook<[number]>(["address"]);
  return {
    listen(listener) {
      hook.tap("listener", listener);
      return cannotLeave;
    },
    tell: (address) => hook.call(address),
  };
}

export function ofAsyncTapable(): WaitingBus {
  const hook = new tapable.AsyncSeriesHook<[number]>(["address"]);
  return {
    listen(listener) {
      hook.tapPromise("listener", listener);
      return cannotLeave;
    },
    tell: (address) => hook.promise(address),
  };
}

/** The floor where listeners are waited for. */
export function awaitedCalls(): WaitingBus {
  const listeners: ((address: number) => Promise<void>)[] = [];
  return {
    listen(listener) {
      listeners.push(listener);
      return () => void listeners.splice(listeners.indexOf(listener), 1);
    },
    async tell(address) {
      for (const listener of listeners) await listener(address);
    },
  };
}

/** A hook of tapable is for good. */
function cannotLeave(): never {
  throw new Error("who has tapped a hook stays");
}
