// Swap, the part that may wait: the engine says which pages, the backing has their bytes.
//
//   call ──▶ NEED_IO ──▶ backing.read ──▶ swap_filled ──▶ the call again
//                  └───▶ backing.read, of each of its neighbours ──▶ swap_filled
//   pageout ──▶ swap_next ──▶ backing.write ──▶ swap_written ──▶ the frame is free
//
// Invariants
//   B1  A slot is read once at a time: who wants it meanwhile waits for that read.
//   B2  Each read and each write is answered to the engine exactly once, however it ends.
//   B3  The backing gets copies: no view of linear memory leaves through it.
//   B4  A page that could not be read can be read again; one that could not be written stays.

import { ORDER_MAX, PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { askBacking, type Ended, type Failure } from "./ask-backing.ts";
import type { Backing } from "./backing/backing.ts";
import { memoryBacking } from "./backing/memory.ts";
import type { Call } from "./call.ts";
import type { Core } from "./core.ts";
import type { SwapPageRecord } from "./engine/records.ts";
import { MemoryError, wordsOf } from "./errors.ts";
import { Pending } from "./pending.ts";
import { RunBuffers, runsOf, type SwapRun } from "./swap-run.ts";

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
const WRITES_MAX = 256;

export class Swap {
  readonly #core: Core;
  readonly #backing: SwapBacking;
  readonly #reads = new Map<number, Pending>();
  readonly #writes = new Map<number, Pending>();
  readonly #buffers = new RunBuffers();
  #isWriting = false;
  /** Everything in it is being brought back, so that it can go. */
  isClosing = false;

  constructor(core: Core, backing: SwapBacking) {
    this.#core = core;
    this.#backing = backing;
  }

  /**
   * Brings in the page that a call needs; a promise only where it has to be waited for. EIO when
   * the backing failed; EAGAIN where the call cannot wait: the read goes on without it.
   */
  bringIn(call: Call, page: SwapPageRecord): void | Promise<void> {
    if (page.pfn === 0) return this.#outlast(call);
    const reading = this.#reads.get(page.slot) ?? this.#readWith(page);
    const pending = reading.wait(call, "the read of its page from swap");
    if (pending === undefined) return judge(call, reading.failure);
    return pending.then(() => judge(call, reading.failure));
  }

  /** Waits until one of the pages that the backing works on is done with, well or not. */
  #outlast(call: Call): void | Promise<void> {
    const what = "a page on its way to swap, or back";
    this.writeOut();
    this.#readRest();
    const [work] = [...this.#reads.values(), ...this.#writes.values()];
    if (work === undefined) throw call.error(Status.EAGAIN, { reason: what });
    return work.wait(call, what);
  }

  /** Whether some page is being written. */
  get isWriting(): boolean {
    return this.#writes.size > 0;
  }

  /** Writes what waits to be written: at once, or as the backing gets on with it. */
  writeOut(): void {
    if (this.#isWriting || this.#writes.size > WRITES_MAX / 2) return;
    this.#isWriting = true;
    try {
      for (let pages = this.#waiting(); pages.length > 0; pages = this.#waiting()) {
        for (const run of runsOf(pages)) this.#write(run);
      }
    } finally {
      this.#isWriting = false;
    }
  }

  /** Pages that wait to be written, as many as may be written at once. */
  #waiting(): SwapPageRecord[] {
    const { swap } = this.#core.engine;
    const room = WRITES_MAX - this.#writes.size;
    const pages: SwapPageRecord[] = [];
    for (let page = swap.next(1); page !== null && pages.length < room; ) {
      if (!this.#writes.has(page.slot)) pages.push(page);
      page = swap.next(page.pfn + 1);
    }
    return pages;
  }

  /** Begins to read a page that is wanted, and those that the engine reads ahead with it. */
  #readWith(wanted: SwapPageRecord): Pending {
    const reading = this.#read(wanted, true);
    this.#readRest();
    return reading;
  }

  /** Begins to read what waits for it: also a page whose call has given up before. */
  #readRest(): void {
    const { swap } = this.#core.engine;
    for (let page = swap.nextRead(1); page !== null; page = swap.nextRead(page.pfn + 1)) {
      if (!this.#reads.has(page.slot)) this.#read(page, false);
    }
  }

  /** Where it fails and nobody hears of it, that is reported: a mere guess is made again. */
  #read({ slot, pfn }: SwapPageRecord, isWanted: boolean): Pending {
    const { engine } = this.#core;
    const bytes = this.#buffers.take(PAGE_SIZE);
    const work = new Pending();
    let isAtOnce = true;
    this.#reads.set(slot, work);
    const ask = () => this.#backing.read(slot * PAGE_SIZE, bytes);
    this.#perform(bytes, ask, (failed, answer) => {
      const failure = failed ?? shortOf(slot, answer);
      if (failure === null) engine.store(pfn, 0, bytes, 0, PAGE_SIZE);
      engine.swap.filled(slot, failure !== null);
      const isHeard = isAtOnce || work.isAwaited;
      if (failure !== null && isWanted && !isHeard) this.#core.report(failure.cause, "swap.read");
      this.#reads.delete(slot);
      this.#end(work, failure);
    });
    isAtOnce = false;
    return work;
  }

  /** What fails together is written page by page, so that one bad slot is one page's. */
  #write(run: SwapRun): void {
    const bytes = this.#gather(run);
    const work = new Pending();
    for (const { slot } of run) this.#writes.set(slot, work);
    const position = (run[0] as SwapPageRecord).slot * PAGE_SIZE;
    const ask = () => this.#backing.write(position, bytes);
    this.#perform(bytes, ask, (failure) => {
      if (failure !== null && run.length > 1) {
        for (const page of run) this.#write([page]);
      } else {
        for (const { slot } of run) this.#written(slot, failure);
      }
      this.#end(work, failure);
      this.writeOut();
    });
  }

  #gather(run: SwapRun): Uint8Array {
    const bytes = this.#buffers.take(run.length * PAGE_SIZE);
    let at = 0;
    for (const { pfn } of run) {
      this.#core.engine.load(pfn, 0, bytes, at, PAGE_SIZE);
      at += PAGE_SIZE;
    }
    return bytes;
  }

  #written(slot: number, failure: Failure | null): void {
    this.#writes.delete(slot);
    this.#core.engine.swap.written(slot, failure !== null);
    if (failure !== null) this.#core.report(failure.cause, "swap.write");
  }

  #end(work: Pending, failure: Failure | null): void {
    work.end(failure);
    this.#core.written.tell();
  }

  /** Asks the backing; `ended` runs at once, unless it answers with a promise. */
  #perform(bytes: Uint8Array, ask: () => unknown, ended: Ended): void {
    if (askBacking(this.#core, "swap", ask, ended)) this.#buffers.giveBack(bytes);
  }
}

/** Makes the engine's swap area, and what serves it. */
export function startSwap(core: Core, options: SwapOptions, op: string): Swap {
  const { pages, backing = memoryBacking() } = options;
  const status = core.engine.swap.on(pages);
  if (status < 0) throw new MemoryError(status, op, { reason: "its swap area" });
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
