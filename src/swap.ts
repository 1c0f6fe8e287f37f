// Swap, the part that may wait: the engine says which pages, the backing has their bytes.
//
//   call ──▶ NEED_IO ──▶ backing.read ──▶ swap_filled ──▶ the call again
//   pageout ──▶ swap_next ──▶ backing.write ──▶ swap_written ──▶ the frame is free
//
// Invariants
//   B1  A slot is read once at a time: who wants it meanwhile waits for that read.
//   B2  Each read and each write is answered to the engine exactly once, however it ends.
//   B3  The backing gets copies: no view of linear memory leaves through it.
//   B4  A page that could not be read can be read again; one that could not be written stays.

import { ORDER_MAX, PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Backing } from "./backing/backing.ts";
import { memoryBacking } from "./backing/memory.ts";
import type { Call } from "./call.ts";
import { arm } from "./clock.ts";
import type { Core } from "./core.ts";
import type { SwapPageRecord } from "./engine/records.ts";
import { MemoryError, wordsOf } from "./errors.ts";
import { promiseOf } from "./notifier/answer.ts";

/** What swap asks of a backing. One backing serves one machine. */
export type SwapBacking = Pick<Backing, "read" | "write">;

/** How a machine swaps. */
export interface SwapOptions {
  /** Pages that it can swap out: from 1 to `SWAP_PAGES_MAX`. */
  readonly pages: number;
  /** Where their bytes go, slot n at n × 4096. Default: the host's memory. */
  readonly backing?: SwapBacking;
}

/** Bytes of bookkeeping of a slot; the engine has all of it in one block of frames. */
const SLOT_BYTES = 8;

/** Pages that a machine can swap out at most: 2 GiB. */
export const SWAP_PAGES_MAX = (2 ** ORDER_MAX * PAGE_SIZE) / SLOT_BYTES;

/** Pages that are being written at once, each of them copied. */
const WRITES_MAX = 64;

/** Why the backing failed: whatever it threw. */
interface Failure {
  readonly cause: unknown;
}

/** Told how a read or a write ended: null when it went well, and what the backing answered. */
type Ended = (failure: Failure | null, answer?: unknown) => void;

/** One read, and who waits for it. */
interface Reading {
  readonly waiters: Set<Ended>;
  state: "at once" | "at work" | "over";
  failure: Failure | null;
}

export class Swap {
  readonly #core: Core;
  readonly #backing: SwapBacking;
  readonly #reads = new Map<number, Reading>();
  readonly #writes = new Set<number>();
  #isWriting = false;

  constructor(core: Core, backing: SwapBacking) {
    this.#core = core;
    this.#backing = backing;
  }

  /**
   * Brings in the page that a call needs; a promise only where it has to be waited for. EIO when
   * the backing failed; EAGAIN where the call cannot wait: the read goes on without it.
   */
  bringIn(call: Call, page: SwapPageRecord): void | Promise<void> {
    const reading = this.#reads.get(page.slot) ?? this.#read(page);
    if (reading.state === "over") return judge(call, reading.failure);
    if (call.canWait) return this.#wait(call, reading);
    throw call.error(Status.EAGAIN, { reason: "its page is being read from swap" });
  }

  /** Writes what waits to be written: at once, or as the backing gets on with it. */
  writeOut(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let from = 1; this.#writes.size < WRITES_MAX; ) {
        const page = this.#core.engine.swap.next(from);
        if (page === null) return;
        from = page.pfn + 1;
        if (!this.#writes.has(page.slot)) this.#write(page);
      }
    } finally {
      this.#isWriting = false;
    }
  }

  #read({ slot, pfn }: SwapPageRecord): Reading {
    const reading: Reading = { waiters: new Set(), state: "at once", failure: null };
    const bytes = new Uint8Array(PAGE_SIZE);
    this.#reads.set(slot, reading);
    const ended = (failure: Failure | null) => {
      const isHeard = reading.state === "at once" || reading.waiters.size > 0;
      reading.state = "over";
      reading.failure = failure;
      this.#reads.delete(slot);
      if (failure === null) this.#core.engine.store(pfn, 0, bytes, 0, PAGE_SIZE);
      this.#core.engine.swap.filled(slot, failure !== null);
      for (const tell of reading.waiters) tell(failure);
      if (failure !== null && !isHeard) this.#core.report(failure.cause, "swap.read");
    };
    this.#perform(
      () => this.#backing.read(slot * PAGE_SIZE, bytes),
      (failure, answer) => ended(failure ?? shortOf(slot, answer)),
    );
    if (reading.state === "at once") reading.state = "at work";
    return reading;
  }

  #write({ slot, pfn }: SwapPageRecord): void {
    const { engine } = this.#core;
    const bytes = engine.frame(pfn).slice();
    this.#writes.add(slot);
    const ended = (failure: Failure | null) => {
      this.#writes.delete(slot);
      engine.swap.written(slot, failure !== null);
      if (failure !== null) this.#core.report(failure.cause, "swap.write");
      this.writeOut();
    };
    this.#perform(() => this.#backing.write(slot * PAGE_SIZE, bytes), ended);
  }

  /** Asks the backing; `ended` runs at once, unless it answers with a promise. */
  #perform(ask: () => unknown, ended: Ended): void {
    let answer: unknown;
    let promise: Promise<unknown> | null;
    try {
      answer = ask();
      promise = promiseOf(answer);
    } catch (cause) {
      ended({ cause });
      return;
    }
    if (promise === null) {
      ended(null, answer);
      return;
    }
    const settled = promise.then(
      (late) => ended(null, late),
      (cause: unknown) => ended({ cause }),
    );
    settled.catch((fault: unknown) => this.#core.report(fault, "swap"));
  }

  /** Resolves when the read has ended; rejects as the call gives up, or with EIO. */
  #wait(call: Call, reading: Reading): Promise<void> {
    call.expectWanted();
    return new Promise<void>((resolve, reject) => {
      const end = (error?: Error) => {
        for (const stop of stops) stop();
        if (error === undefined) resolve();
        else reject(error);
      };
      const told: Ended = (failure) => end(failure === null ? undefined : unread(call, failure));
      const reason = "its page was not read from swap in time";
      const late = () => end(call.error(Status.ETIMEDOUT, { reason }));
      reading.waiters.add(told);
      const stops = [
        () => reading.waiters.delete(told),
        call.onAbort(end),
        arm(this.#core.clock, call.timeLeft(), late),
      ];
    });
  }
}

/** Makes the engine's swap area, and what serves it. */
export function startSwap(core: Core, { pages, backing = memoryBacking() }: SwapOptions): Swap {
  const status = core.engine.swap.on(pages);
  if (status < 0) throw new MemoryError(status, "createMachine", { reason: "its swap area" });
  return new Swap(core, backing);
}

/** Checks what a caller passed. */
export function swapOptionsOf(options: SwapOptions | undefined): SwapOptions | undefined {
  take.options(options, "swap");
  if (options === undefined) return undefined;
  const pages = take.natural(options.pages, "swap.pages");
  if (pages < 1 || pages > SWAP_PAGES_MAX) {
    throw new RangeError(`swap.pages: ${pages} is not from 1 to ${SWAP_PAGES_MAX}`);
  }
  const backing: Partial<Backing> | undefined = take.options(options.backing, "swap.backing");
  for (const name of ["read", "write"] as const) {
    if (backing === undefined || typeof backing[name] === "function") continue;
    throw take.typeError(`swap.backing.${name}`, "a function", backing[name]);
  }
  return options;
}

function judge(call: Call, failure: Failure | null): void {
  if (failure !== null) throw unread(call, failure);
}

/** A page is whole, or it was not read. */
function shortOf(slot: number, answer: unknown): Failure | null {
  if (answer === PAGE_SIZE) return null;
  return { cause: new RangeError(`slot ${slot}: of a page, ${wordsOf(answer)} bytes`) };
}

function unread(call: Call, { cause }: Failure): MemoryError {
  const reason = `its page could not be read from swap: ${wordsOf(cause)}`;
  return call.error(Status.EIO, { reason, cause });
}
