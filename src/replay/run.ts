// What every replay has: a machine that is large enough, and one event after another.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import { bootCore } from "../boot.ts";
import type { Core } from "../core.ts";
import { EngineFault } from "../errors.ts";
import { SWAP_PAGES_MAX } from "../swap.ts";
import type { RecordedEvent } from "./format.ts";

/** What any replay is given. */
export interface RunOptions {
  /** The engine, compiled. */
  readonly engine: WebAssembly.Module;
  /** Bytes of physical memory. Default: what the recording, or the log, needs. */
  readonly memory?: number;
  /** Check every invariant of the engine after each bracket. Default false. */
  readonly debug?: boolean;
  /** The exporter answers a turn later, as one far away does. Default false. */
  readonly answersLater?: boolean;
  /** Events to keep in a trace. Default: none. */
  readonly trace?: number;
  /** Called now and then with the events that are done. */
  readonly progress?: (done: number, total: number) => void;
}

/** What a machine must have for what is replayed. */
export interface Needs {
  /** Bytes of physical memory, unless the options say. */
  readonly memory: number;
  /** Bytes that one mapping may promise. */
  readonly overcommit: number;
  readonly hugePages?: number;
}

/** The core of a machine that does not reclaim by itself. */
export function bootFor(options: RunOptions, needs: Needs): Core {
  const memory = options.memory ?? needs.memory;
  return bootCore(options.engine, {
    ...needs,
    memory,
    // A recording says what was taken out, and when: nothing else goes.
    reclaim: false,
    swap: { pages: Math.min(Math.floor(memory / PAGE_SIZE), SWAP_PAGES_MAX) },
    debug: options.debug === true,
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  });
}

/** Events between two calls of `progress`. */
const PROGRESS_STEP = 64;

/** What a replay does with an event, and with the fault of the engine that ends it. */
export interface Steps {
  readonly step: (event: RecordedEvent) => Promise<void>;
  readonly abandon: (event: RecordedEvent, fault: EngineFault) => void;
}

/** Takes every event in turn, up to one that the engine cannot go on after. Seconds it took. */
export async function runEvents(
  core: Core,
  events: readonly RecordedEvent[],
  { step, abandon }: Steps,
  progress: RunOptions["progress"] = () => {},
): Promise<number> {
  const begin = core.clock.now();
  for (const [index, event] of events.entries()) {
    try {
      await step(event);
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error;
      abandon(event, error);
      break;
    }
    if (index % PROGRESS_STEP === 0) progress(index, events.length);
  }
  progress(events.length, events.length);
  return (core.clock.now() - begin) / 1000;
}
