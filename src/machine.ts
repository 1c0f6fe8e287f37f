// The machine: physical memory, address spaces and files in it, and who is told before they change.

import { BRK_START_DEFAULT, MMAP_BASE_DEFAULT, Vmstat } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { type CallOptions, limitsOf, UNTRIED } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Core, Reporter } from "./core.ts";
import { createDevice, type Device } from "./device.ts";
import { MemoryError } from "./errors.ts";
import { createFile, type File, type FileOptions } from "./file.ts";
import { FILE, stateOf } from "./file-state.ts";
import { type Group, groupIdOf } from "./group.ts";
import {
  type MergeOptions,
  type MergeResult,
  type MergeState,
  mergePages,
  mergePagesSync,
  mergeState,
} from "./merge.ts";
import type { Mm } from "./mm.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { ExportNotifiers } from "./notifier/registry.ts";
import { type OpenFileOptions, opening, openOptionsOf } from "./open-file.ts";
import { perform, performSync } from "./operation.ts";
import { runEach, runEachSync } from "./pipeline.ts";
import { type FramePlace, placesOf } from "./places.ts";
import { migrate } from "./plans.ts";
import { made } from "./reclaim.ts";
import { ReclaimingMachine } from "./reclaiming-machine.ts";
import { apply, applySync } from "./snapshot/apply.ts";
import type { MmDiff } from "./snapshot/diff.ts";
import { spaceOf } from "./space.ts";
import { type SwapOptions, startSwap, swapOptionsOf } from "./swap.ts";
import { swapOff } from "./swap-off.ts";
import type { Trace } from "./trace.ts";
import { type VmstatCounters, vmstat } from "./vmstat.ts";
import * as writeback from "./writeback.ts";

/** Milliseconds that a callback, and a call, may take when nobody says. */
export const DEADLINE_DEFAULT = 10_000;

export interface MachineOptions {
  /** Bytes of physical memory: from 1 MiB to what one arena holds; whole pages of it are used. */
  readonly memory: number;
  /** Bytes of the largest promise of private writable memory; beyond is ENOMEM. Default: memory. */
  readonly overcommit?: number;
  /**
   * Huge pages of 2 MiB that are set aside of `memory` for MAP_HUGETLB, as vm.nr_hugepages. ENOMEM
   * where memory has not so many. Default 0.
   */
  readonly hugePages?: number;
  /** Where MADV_PAGEOUT puts pages. Default: nowhere, they stay. */
  readonly swap?: SwapOptions;
  /**
   * What lacks memory takes it from pages that are not used: to swap, or to the backings of files.
   * Default: whether there is swap.
   */
  readonly reclaim?: boolean;
  /** How subscribers are told. */
  readonly exportNotifiers?: {
    /** All at once instead of in order of registration. Default false. */
    readonly parallel?: boolean;
  };
  /** Milliseconds that a callback, and a call, may take. Default 10,000. */
  readonly deadline?: number;
  /** The source of time. Default: the host's. */
  readonly clock?: Clock;
  /** Check every invariant of the engine after each bracket: slow. Default false. */
  readonly debug?: boolean;
  /** Keep a trace from the beginning; a number is how many events. Default false. */
  readonly trace?: boolean | number;
  /** Hears of failures that have no caller. Default: `console.error`. */
  readonly report?: Reporter;
}

export interface WritebackOptions extends CallOptions {
  /** How many pages to write at most. Default: all that are dirty. */
  readonly pages?: number;
}

export interface MmOptions {
  /** Where placement begins, growing down. */
  readonly mmapBase?: number;
  /** Where the heap begins. */
  readonly brkStart?: number;
  /** Who pays for its pages; children of a fork are in the same group. Default: nobody. */
  readonly group?: Group;
}

export class Machine extends ReclaimingMachine {
  readonly exportNotifiers: ExportNotifiers;
  readonly #core: Core;
  readonly #context: Bracket | null;

  constructor(core: Core, context: Bracket | null, notifiers: ExportNotifiers) {
    super(core, context);
    this.#core = core;
    this.#context = context;
    this.exportNotifiers = notifiers;
  }

  /** A new, empty address space. ENOMEM, ENFILE; EINVAL for a base that is no user address. */
  createMm(options: MmOptions = {}): Mm {
    take.options(options, "options");
    const base = take.word(options.mmapBase ?? MMAP_BASE_DEFAULT, "mmapBase");
    const brk = take.word(options.brkStart ?? BRK_START_DEFAULT, "brkStart");
    const group = groupIdOf(this.#core, "createMm", options.group);
    const handle = made(this.#core, this.#context, () => this.#core.engine.createMm(base, brk));
    if (handle < 0) throw new MemoryError(handle, "createMm");
    this.#core.engine.reclaim.enterGroup(group, handle);
    return this.#core.mmOf(this.#core.addSpace(handle), this.#context);
  }

  /** A new file in memory. ENOMEM, ENFILE; EINVAL for a size that no file has. */
  createFile(options: FileOptions = {}): File {
    take.options(options, "options");
    return createFile(this.#core, options, this.#context);
  }

  /**
   * Opens a file whose bytes a backing has: pages come in when they are used, and go back when they
   * are written and synced. EIO where its size is not known, EBUSY for a backing that is open.
   */
  async openFile(options: OpenFileOptions, limits?: CallOptions): Promise<File> {
    const asked = openOptionsOf(options);
    return writeback.perform(this.#core, "openFile", this.#context, limits, (whole) =>
      opening(whole, asked, this.#context),
    );
  }

  openFileSync(options: OpenFileOptions): File {
    const asked = openOptionsOf(options);
    return writeback.performSync(this.#core, "openFile", this.#context, (whole) =>
      opening(whole, asked, this.#context),
    );
  }

  /** Syncs every file, as sync(2): released ones too. The first error, after all were tried. */
  sync(options?: CallOptions): Promise<void> {
    return writeback.perform(this.#core, "sync", this.#context, options, writeback.syncAll);
  }

  syncSync(): void {
    writeback.performSync(this.#core, "sync", this.#context, writeback.syncAll);
  }

  /**
   * Writes dirty pages of files on a disk back, those first that have been dirty for longest, and
   * waits until they are stored, which is less than durable. How many.
   */
  async writeback(options: WritebackOptions = {}): Promise<number> {
    const pages = writebackPagesOf(options);
    return writeback.perform(this.#core, "writeback", this.#context, options, (whole) =>
      writeback.writeOldest(whole, pages),
    );
  }

  writebackSync(options: Pick<WritebackOptions, "pages"> = {}): number {
    const pages = writebackPagesOf(options);
    return writeback.performSync(this.#core, "writeback", this.#context, (whole) =>
      writeback.writeOldest(whole, pages),
    );
  }

  /** The address spaces that take calls, oldest first. */
  get mms(): Mm[] {
    return [...this.#core.spaces.values()].filter(({ handle }) => handle !== 0).map(({ mm }) => mm);
  }

  /** The same address space or file, its calls carrying what this machine does (`why.machine`). */
  within(object: Mm): Mm;
  within(object: File): File;
  within(object: Mm | File): Mm | File {
    const core = this.#core;
    if (isFile(object)) return stateOf(core, object).fileFor(this.#context);
    return core.mmOf(spaceOf(core, object), this.#context);
  }

  /** Copies an address space, as `mm.fork()`. */
  async fork(mm: Mm, options?: CallOptions): Promise<Mm> {
    return this.within(mm).fork(options);
  }

  forkSync(mm: Mm): Mm {
    return this.within(mm).forkSync();
  }

  /** Moves a page to another frame, everywhere it is mapped. The frame's new number. */
  async migrate(pfn: number, options?: CallOptions): Promise<number> {
    const plan = migrate(take.natural(pfn, "pfn"));
    return (await perform(this.#core, plan, this.#context, options)).pfn;
  }

  migrateSync(pfn: number): number {
    const plan = migrate(take.natural(pfn, "pfn"));
    return performSync(this.#core, plan, this.#context, UNTRIED).pfn;
  }

  /**
   * Where frames are mapped, as the reverse map has it: every (mm, address), a frame's together, in
   * the order asked for. Frames that nobody maps, and the zero page, have none. It is one look:
   * nothing changes between the first place and the last.
   */
  places(pfns: number | Iterable<number>): readonly FramePlace[] {
    return placesOf(this.#core, pfns);
  }

  /**
   * Looks for equal pages in areas with MADV_MERGEABLE, of all address spaces, and makes each two
   * of them one (Linux mm/ksm.c, which has a thread for it). A page is compared with merged ones
   * at once, with others from the second pass on that finds it unchanged. Whoever holds one of two
   * pages is told and awaited; where it refuses, they stay two.
   *
   * It goes on where the last walk stopped, to the end of the pass, or for `pages` pages, or until
   * the deadline. Fails only when the caller gives up.
   */
  mergePages(options?: MergeOptions): Promise<MergeResult> {
    return mergePages(this.#core, this.#context, options);
  }

  mergePagesSync(options?: Pick<MergeOptions, "pages">): MergeResult {
    return mergePagesSync(this.#core, this.#context, options);
  }

  /** What merging has done, by the names of /sys/kernel/mm/ksm. */
  get merging(): MergeState {
    return mergeState(this.#core);
  }

  /**
   * Memory that a device owns, for drivers to map: `pages` zeroed frames that lie together. EINVAL
   * for none or more than 1024; ENOMEM. It is there until `device.release()`.
   */
  allocateDevice(pages: number): Device {
    return createDevice(this.#core, pages);
  }

  /**
   * Makes a swap area, where there is none: pages go out again. EBUSY, ENOMEM; RangeError for a
   * number of pages that none can have.
   */
  swapOn(options: SwapOptions): void {
    const area = swapOptionsOf(options);
    if (area === undefined) throw take.typeError("swap", "an object", options);
    this.#core.swap = startSwap(this.#core, area, "swapOn");
    this.#core.verify();
  }

  /**
   * Brings back every page that is swapped out, and gives the swap area up; its backing is the
   * caller's again. ENOMEM, EIO, EAGAIN: pages that came back stay, and the area goes on. EINVAL
   * without one, EBUSY while another call does it.
   */
  async swapOff(options?: CallOptions): Promise<void> {
    await runEach(swapOff(this.#core, this.#context, limitsOf(options)));
  }

  swapOffSync(): void {
    runEachSync(swapOff(this.#core, this.#context, null));
  }

  /**
   * Makes an address space what that was which a diff was taken of, here or on another machine.
   * EINVAL for what is no diff, ESTALE where it goes on from another state: nothing has changed.
   * Any other error leaves it half done; a whole image can then be applied again.
   */
  async apply(diff: MmDiff, mm: Mm): Promise<void> {
    await apply(diff, this.within(mm), spaceOf(this.#core, mm));
  }

  applySync(diff: MmDiff, mm: Mm): void {
    applySync(diff, this.within(mm), spaceOf(this.#core, mm));
  }

  /** What happened, when it is kept: `trace.start()`. */
  get trace(): Trace {
    return this.#core.trace;
  }

  /** Counters by Linux's names, and those of the notifier. */
  vmstat(): VmstatCounters {
    return vmstat(this.#core.engine);
  }

  /** Huge pages in all, free, and of the free ones promised (HugePages_Total, _Free, _Rsvd). */
  get hugePages(): { readonly total: number; readonly free: number; readonly reserved: number } {
    const { engine } = this.#core;
    return {
      total: engine.counter(Vmstat.hugepages_total),
      free: engine.counter(Vmstat.hugepages_free),
      reserved: engine.counter(Vmstat.hugepages_rsvd),
    };
  }

  /** Frames that holders keep of address spaces that are gone. */
  get quarantined(): number {
    return this.#core.engine.quarantined();
  }

  /** Brackets that are open, and calls that wait. */
  get load(): { readonly brackets: number; readonly waiting: number } {
    return { brackets: this.#core.brackets.size, waiting: this.#core.gate.length };
  }

  /** Bytes of the one linear memory: what it was at creation. */
  get memoryBytes(): number {
    return this.#core.engine.memoryBytes;
  }

  /** Checks every invariant of the engine: 0, or the number of the first that is broken. */
  check(): number {
    return this.#core.engine.check();
  }
}

function writebackPagesOf(options: WritebackOptions): number {
  const given = take.options(options, "options")?.pages;
  return given === undefined ? Number.POSITIVE_INFINITY : take.natural(given, "pages");
}

function isFile(object: Mm | File): object is File {
  return (object as Partial<File> | null | undefined)?.[FILE] !== undefined;
}
