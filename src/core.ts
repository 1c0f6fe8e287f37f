// What the objects of one machine share. It is not public: users hold Machine, Mm, File and Page.
//
// Invariants
//   C1  `quiet` is true exactly when nobody is queued and no trace is kept: then a call may go to
//       the engine directly.
//   C2  `brackets` holds every open ticket, `spaces` every address space that still takes calls or
//       has left records behind, `members` every subscriber whose id is in use.

import type { BackedFile } from "./backed-file.ts";
import type { Call } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engine/engine.ts";
import type { AbsentPageRecord } from "./engine/records.ts";
import type { File } from "./file.ts";
import type { FileState } from "./file-state.ts";
import { Gate } from "./gate.ts";
import type { Machine } from "./machine.ts";
import type { Mm } from "./mm.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { Member } from "./notifier/member.ts";
import { relieve, relieveSync } from "./reclaim.ts";
import { Space } from "./space.ts";
import { type Swap, type SwapOptions, startSwap } from "./swap.ts";
import { Trace } from "./trace.ts";
import { Written } from "./written.ts";

/** Hears of failures that have no caller: what `end` throws, a refusal at exit. */
export type Reporter = (error: unknown, where: string) => void;

/** How the public objects are made; given by `machine.ts`, so that nothing imports in a circle. */
export interface ObjectMaker {
  machine(context: Bracket | null): Machine;
  mm(space: Space, context: Bracket | null): Mm;
  file(state: FileState, context: Bracket | null): File;
}

export interface CoreSettings {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly deadline: number;
  readonly parallel: boolean;
  readonly debug: boolean;
  readonly traceCapacity: number;
  readonly report: Reporter;
  readonly swap: SwapOptions | undefined;
  readonly reclaims: boolean;
}

export class Core {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Milliseconds that a callback, and a call, may take. */
  readonly deadline: number;
  readonly parallel: boolean;
  readonly gate: Gate;
  readonly trace: Trace;
  readonly brackets = new Map<number, Bracket>();
  readonly spaces = new Map<number, Space>();
  /** Spaces that have exited and left records behind. */
  readonly buried = new Set<Space>();
  readonly members = new Map<number, Member>();
  readonly files = new Map<number, FileState>();
  readonly sharedMemory = new Map<number, FileState>();
  readonly objects: ObjectMaker;
  /** Files whose bytes a backing has, by their handles: until nothing of them has to be written. */
  readonly backed = new Map<number, BackedFile>();
  /** Tells who lacks memory that a page was written. */
  readonly written = new Written();
  /** Null where there is no swap area. */
  swap: Swap | null;
  quiet = true;
  /** Calls in flight that a callback made: without one, no wait can close a cycle. */
  nestedCalls = 0;
  readonly #report: Reporter;
  readonly #debug: boolean;
  #brackets = 0;

  constructor(settings: CoreSettings, makeObjects: (core: Core) => ObjectMaker) {
    this.engine = settings.engine;
    this.clock = settings.clock;
    this.deadline = settings.deadline;
    this.parallel = settings.parallel;
    this.#debug = settings.debug;
    this.#report = settings.report;
    this.gate = new Gate(() => this.#hush());
    this.trace = new Trace(settings.clock, settings.traceCapacity, () => this.#hush());
    this.objects = makeObjects(this);
    this.swap =
      settings.swap === undefined ? null : startSwap(this, settings.swap, "createMachine");
    this.engine.reclaim.enable(settings.reclaims);
    if (settings.reclaims) this.engine.reclaim.reserve(true);
  }

  /** Has the page moved that a call needs; a promise only where that has to be waited for. */
  bringIn(call: Call, page: AbsentPageRecord): void | Promise<void> {
    if (page.mapping === 0) return this.swap?.bringIn(call, page);
    return this.backed.get(page.mapping)?.bringIn(call, page.index);
  }

  /** Gets a call the memory that it lacks (`reclaim.ts`), or makes its next attempt its last. */
  relieve(call: Call): void | Promise<void> {
    return relieve(call);
  }

  relieveSync(call: Call): void {
    relieveSync(call);
  }

  nextBracketId(): number {
    this.#brackets++;
    return this.#brackets;
  }

  addSpace(handle: number): Space {
    const space = new Space(this, handle, this.objects.mm);
    this.spaces.set(handle, space);
    return space;
  }

  /** The object that stands for a space: always the same one, but for calls out of a callback. */
  mmOf(space: Space, context: Bracket | null): Mm {
    return context === null ? space.mm : this.objects.mm(space, context);
  }

  /** Tells the owner of the machine of a failure that no caller hears of. */
  report(error: unknown, where: string): void {
    this.trace.mark(`report ${where}`, "notify");
    try {
      this.#report(error, where);
    } catch {
      // A reporter that fails has nobody left to tell.
    }
  }

  /** In debug: every invariant of the engine holds, or the machine is poisoned. */
  verify(): void {
    if (!this.#debug) return;
    const broken = this.engine.check();
    if (broken !== 0) throw this.engine.poison(new Error(`invariant ${broken} is broken`));
  }

  #hush(): void {
    this.quiet = this.gate.isEmpty && !this.trace.isOn;
  }
}
