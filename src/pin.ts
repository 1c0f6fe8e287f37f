// Pages that a device goes on reading or writing, whatever becomes of their mapping (FOLL_PIN).
//
//   pinned ── its mapping goes, its owner forks or exits ──▶ still there ── unpin ──▶ given back
//
// Invariants
//   J3  A pin is whole or not at all: where one page fails, those before it are let go.
//   J4  Each page is let go once, however often `unpin` is called.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import { type Asker, takenAway } from "./access.ts";
import * as take from "./arguments.ts";
import { Call, type CallOptions, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import { runEach, runEachSync } from "./pipeline.ts";
import { type Plan, pageDown, pageUp, span } from "./plan.ts";

/** How often a page may be taken away again before it is pinned. */
const ROUNDS_MAX = 64;

export interface PinOptions {
  /** The device writes; else it only reads. Default false. */
  readonly write?: boolean;
}

/** A range, in bytes, whose pages are pinned. */
export class Pin {
  readonly address: number;
  readonly length: number;
  readonly write: boolean;
  /** The frames, in order of address. */
  readonly pfns: readonly number[];
  readonly #core: Core;
  readonly #handle: number;
  #isHeld = true;

  constructor(core: Core, handle: number, range: PinRange, pfns: readonly number[]) {
    this.#core = core;
    this.#handle = handle;
    this.address = range.address;
    this.length = range.length;
    this.write = range.write;
    this.pfns = pfns;
  }

  /** Whether the pages are still held. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** What the device sees: a copy of `length` bytes, `offset` bytes into the range. ESTALE. */
  read(offset = 0, length: number = this.length - offset): Uint8Array {
    this.#expectWithin(offset, length);
    const into = new Uint8Array(length);
    this.#each(offset, length, (pfn, inPage, at, count) => {
      this.#core.engine.load(pfn, inPage, into, at, count);
    });
    return into;
  }

  /** What the device does: bytes into the pages. EACCES where it only reads; ESTALE. */
  store(data: Uint8Array, offset = 0): void {
    const bytes = take.bytes(data, "data");
    if (!this.write) throw new MemoryError(Status.EACCES, "pin", { address: this.address });
    this.#expectWithin(offset, bytes.byteLength);
    this.#each(offset, bytes.byteLength, (pfn, inPage, at, count) => {
      this.#core.engine.store(pfn, inPage, bytes, at, count);
    });
  }

  /** Lets go. `dirty`: the device has written; pages of files are then marked. Default: `write`. */
  unpin({ dirty = this.write }: { readonly dirty?: boolean } = {}): void {
    const isDirty = take.flag(dirty, "dirty");
    if (!this.#isHeld) return;
    this.#isHeld = false;
    for (const pfn of this.pfns) this.#core.engine.pages.unpin(this.#handle, pfn, isDirty);
    this.#core.verify();
  }

  [Symbol.dispose](): void {
    this.unpin();
  }

  /** Checked before any memory is taken for the bytes. */
  #expectWithin(offset: number, length: number): void {
    if (!this.#isHeld) {
      throw new MemoryError(Status.ESTALE, "pin", { address: this.address, reason: "unpinned" });
    }
    if (take.natural(offset, "offset") + take.natural(length, "length") > this.length) {
      throw new RangeError(`${length} bytes from ${offset} on are not in what is pinned`);
    }
  }

  #each(
    offset: number,
    length: number,
    use: (pfn: number, inPage: number, at: number, count: number) => void,
  ): void {
    const first = (this.address % PAGE_SIZE) + offset;
    for (let at = 0; at < length; ) {
      const inPage = (first + at) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, length - at);
      use(this.pfns[Math.floor((first + at) / PAGE_SIZE)] ?? 0, inPage, at, count);
      at += count;
    }
  }
}

interface PinRange {
  readonly address: number;
  readonly length: number;
  readonly write: boolean;
}

/** Pins what [address, address + length) touches, waiting where it must. */
export function pin(asker: Asker, range: PinRange, options: CallOptions): Promise<Pin> {
  return runEach(pinning(asker, range, options));
}

export function pinSync(asker: Asker, range: PinRange): Pin {
  return runEachSync(pinning(asker, range, null));
}

/** A range that can be pinned: EINVAL for none, EFAULT for one that no user has. */
export function pinRange(address: number, length: number, options: PinOptions = {}): PinRange {
  take.options(options, "options");
  const at = take.word(address, "address");
  const bytes = take.word(length, "length");
  if (bytes === 0) throw new MemoryError(Status.EINVAL, "pin", { address: at });
  const [pages] = span(at, bytes);
  if (pages?.start !== pageDown(at) || pages.end !== pageUp(at + bytes)) {
    throw new MemoryError(Status.EFAULT, "pin", { address: at });
  }
  return { address: at, length: bytes, write: take.flag(options.write, "write") };
}

/** One body, two drivers: yields each call that has to be run before it can go on. */
function* pinning(
  asker: Asker,
  range: PinRange,
  options: CallOptions | null,
): Generator<Call, Pin, void> {
  const { core, space } = asker;
  const { handle } = space;
  const pfns: number[] = [];
  try {
    const end = pageUp(range.address + range.length);
    for (let at = pageDown(range.address); at < end; at += PAGE_SIZE) {
      yield* rounds(asker, range, at, pfns, options);
    }
    return new Pin(core, handle, range, pfns);
  } catch (error) {
    for (const pfn of pfns) core.engine.pages.unpin(handle, pfn, false);
    throw error;
  }
}

function* rounds(
  { core, space, context }: Asker,
  { write }: PinRange,
  address: number,
  pfns: number[],
  options: CallOptions | null,
): Generator<Call, void, void> {
  const attempt = () => {
    const status = core.engine.pages.pin(space.handle, address, write);
    if (status === 0) pfns.push(core.engine.answer.pfn);
    return status;
  };
  const plan: Plan = { op: "pin", space, ranges: span(address, PAGE_SIZE), address, attempt };
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const status = core.quiet ? attempt() : UNTRIED;
    if (status === 0) return;
    const call = new Call(core, plan, context, options, status);
    yield call;
    // A call that told somebody has made the page this space's own, and not pinned it.
    if (!call.wasTold) return;
  }
  throw takenAway("pin", address, 0);
}
