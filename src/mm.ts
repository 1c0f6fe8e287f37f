// An address space (mm_struct): every operation, as Linux has it, waiting or not.
//
// Each operation has two forms. The asynchronous one may wait for subscribers and for plans in its
// way; it has committed when it returns its promise if it did not have to. The `…Sync` one fails
// with EAGAIN, nothing changed, where the other would wait.
//
// Errors, of all: MemoryError with Linux's errno and the state that Linux leaves; EBUSY (a
// subscriber refused, or holds a page still), ETIMEDOUT, EDEADLK, EAGAIN, ESRCH after exit, with
// nothing changed. A wrong type is a TypeError. Addresses and lengths are bytes.

import { Access, ClearRefs } from "../assembly/abi.ts";
import { type Asker, eachPage, faultPlan, loadSync, reachSync, storeSync } from "./access.ts";
import * as take from "./arguments.ts";
import { type CallOptions, limitsOf, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import * as direct from "./direct.ts";
import type { Outcome } from "./engine/records.ts";
import { MemoryError } from "./errors.ts";
import { type ExitResult, exitMm, exitMmSync } from "./exit.ts";
import type { File } from "./file.ts";
import { MmView } from "./mm-view.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { perform, performSync } from "./operation.ts";
import { applyToPageRange, type PageVisitor, remapPfnRange } from "./pfn-range.ts";
import { type Pin, type PinOptions, pin, pinRange, pinSync } from "./pin.ts";
import type { Plan } from "./plan.ts";
import * as plans from "./plans.ts";
import { expectDiff, type MmDiff } from "./snapshot/diff.ts";
import { take as takeDiff, takeSync as takeDiffSync } from "./snapshot/take.ts";
import { CONTEXT, SPACE, type Space } from "./space.ts";

/** What `fault` does to the page: read it, unless one of these is true. */
export interface FaultOptions extends CallOptions {
  readonly write?: boolean;
  readonly execute?: boolean;
}

/** Whose references are forgotten: of all areas, of anonymous ones, or of those of files. */
export type References = "all" | "anonymous" | "mapped";

const REFERENCES: Readonly<Record<References, ClearRefs>> = {
  all: ClearRefs.All,
  anonymous: ClearRefs.Anonymous,
  mapped: ClearRefs.Mapped,
};

export class Mm extends MmView {
  readonly [CONTEXT]: Bracket | null;
  readonly #core: Core;
  readonly #asker: Asker;

  constructor(core: Core, space: Space, context: Bracket | null) {
    super(core, space);
    this.#core = core;
    this.#asker = { core, space, context };
    this[CONTEXT] = context;
  }

  /** Maps memory, as mmap(2). Without MAP_ANONYMOUS `file` is needed, else EBADF. The address. */
  async mmap(
    address: number,
    length: number,
    prot: number,
    flags: number,
    file?: File | null,
    offset = 0,
    options?: CallOptions,
  ): Promise<number> {
    const ask = { address, length, prot, flags, file, offset };
    return (await this.#run(plans.mmap(this.#core, this[SPACE], ask), options)).value;
  }

  mmapSync(
    address: number,
    length: number,
    prot: number,
    flags: number,
    file?: File | null,
    offset = 0,
  ): number {
    const core = this.#core;
    const space = this[SPACE];
    const status = direct.mmap(core, space, address, length, prot, flags, file, offset);
    if (direct.isDone(core, status)) return core.engine.answer.value;
    const ask = { address, length, prot, flags, file, offset };
    return this.#runSync(plans.mmap(core, space, ask), status).value;
  }

  /** Unmaps [address, address + length), as munmap(2). */
  async munmap(address: number, length: number, options?: CallOptions): Promise<void> {
    await this.#run(plans.munmap(this[SPACE], address, length), options);
  }

  munmapSync(address: number, length: number): void {
    const status = direct.munmap(this.#core, this[SPACE], address, length);
    if (status !== 0) this.#runSync(plans.munmap(this[SPACE], address, length), status);
  }

  /** Changes protection, as mprotect(2): over a hole, the prefix is done and it is ENOMEM. */
  async mprotect(address: number, length: number, prot: number, options?: CallOptions) {
    await this.#run(plans.mprotect(this[SPACE], address, length, prot), options);
  }

  mprotectSync(address: number, length: number, prot: number): void {
    const status = direct.mprotect(this.#core, this[SPACE], address, length, prot);
    if (direct.isDone(this.#core, status)) return;
    this.#runSync(plans.mprotect(this[SPACE], address, length, prot), status);
  }

  /** Grows, shrinks or moves, as mremap(2). The new address. */
  async mremap(
    address: number,
    oldLength: number,
    newLength: number,
    flags = 0,
    newAddress = 0,
    options?: CallOptions,
  ): Promise<number> {
    const ask = { address, oldLength, newLength, flags, newAddress };
    return (await this.#run(plans.mremap(this[SPACE], ask), options)).value;
  }

  mremapSync(address: number, oldLength: number, newLength: number, flags = 0, newAddress = 0) {
    const ask = { address, oldLength, newLength, flags, newAddress };
    return this.#runSync(plans.mremap(this[SPACE], ask)).value;
  }

  /** Gives advice, as madvise(2): over a hole, the rest is done and it is ENOMEM. */
  async madvise(address: number, length: number, advice: number, options?: CallOptions) {
    await this.#run(plans.madvise(this[SPACE], address, length, advice), options);
  }

  madviseSync(address: number, length: number, advice: number): void {
    const status = direct.madvise(this.#core, this[SPACE], address, length, advice);
    if (direct.isDone(this.#core, status)) return;
    this.#runSync(plans.madvise(this[SPACE], address, length, advice), status);
  }

  /** Moves the break, as the system call: the break as it then is, changed or not. */
  async brk(address: number, options?: CallOptions): Promise<number> {
    return (await this.#run(plans.brk(this.#core, this[SPACE], address), options)).value;
  }

  brkSync(address: number): number {
    const status = direct.brk(this.#core, this[SPACE], address);
    if (direct.isDone(this.#core, status)) return this.#core.engine.answer.value;
    return this.#runSync(plans.brk(this.#core, this[SPACE], address), status).value;
  }

  /** Locks a range and faults it in, as mlock2(2). */
  async mlock(address: number, length: number, flags = 0, options?: CallOptions): Promise<void> {
    await this.#run(plans.mlock(this[SPACE], address, length, flags), options);
  }

  mlockSync(address: number, length: number, flags = 0): void {
    this.#runSync(plans.mlock(this[SPACE], address, length, flags));
  }

  async munlock(address: number, length: number, options?: CallOptions): Promise<void> {
    await this.#run(plans.munlock(this[SPACE], address, length), options);
  }

  munlockSync(address: number, length: number): void {
    this.#runSync(plans.munlock(this[SPACE], address, length));
  }

  async mlockall(flags: number, options?: CallOptions): Promise<void> {
    await this.#run(plans.mlockall(this[SPACE], flags), options);
  }

  mlockallSync(flags: number): void {
    this.#runSync(plans.mlockall(this[SPACE], flags));
  }

  async munlockall(options?: CallOptions): Promise<void> {
    await this.#run(plans.munlockall(this[SPACE]), options);
  }

  munlockallSync(): void {
    this.#runSync(plans.munlockall(this[SPACE]));
  }

  /**
   * Forgets which pages were written, as 4 in /proc/PID/clear_refs: from now on `softDirty` says
   * what was written since. Every page loses the right to write until its next write faults, so
   * who holds one for writing must let go first.
   */
  async clearSoftDirty(options?: CallOptions): Promise<void> {
    await this.#run(plans.clearSoftDirty(this[SPACE]), options);
  }

  clearSoftDirtySync(): void {
    this.#runSync(plans.clearSoftDirty(this[SPACE]));
  }

  /**
   * Forgets which pages were used, as 1 in /proc/PID/clear_refs, or 2 or 3 for anonymous or mapped
   * areas only: from now on `accessed` says what was used since.
   */
  clearReferencedSync(which: References = "all"): void {
    const what = take.oneOf(which, "which", REFERENCES);
    const status = this.#core.engine.pages.forgetReferences(this[SPACE].handle, what);
    if (status < 0) throw new MemoryError(status, "clear_refs");
  }

  async clearReferenced(which: References = "all"): Promise<void> {
    this.clearReferencedSync(which);
  }

  /**
   * All that there is, as data: areas, and pages with their bytes. Clears soft-dirty in the same
   * step, telling who may write: `changes(since)` is then what was written after it.
   */
  async snapshot(options?: CallOptions): Promise<MmDiff> {
    return takeDiff(this.#asker, null, limitsOf(options));
  }

  snapshotSync(): MmDiff {
    return takeDiffSync(this.#asker, null);
  }

  /**
   * What has changed since a snapshot, or since the changes that were taken last. ESTALE where it
   * is not the last, or soft-dirty was cleared in between.
   */
  async changes(since: MmDiff, options?: CallOptions): Promise<MmDiff> {
    expectDiff(since);
    return takeDiff(this.#asker, since, limitsOf(options));
  }

  changesSync(since: MmDiff): MmDiff {
    expectDiff(since);
    return takeDiffSync(this.#asker, since);
  }

  /**
   * Pins the pages that a range touches, for a device that reads them, or writes as well: they stay
   * in their frames until `unpin`, and what is private is this address space's alone. All or
   * nothing. EFAULT where they can not be accessed so, EINVAL for no bytes.
   */
  async pin(
    address: number,
    length: number,
    options?: PinOptions,
    limits?: CallOptions,
  ): Promise<Pin> {
    return pin(this.#asker, pinRange(address, length, options), limitsOf(limits));
  }

  pinSync(address: number, length: number, options?: PinOptions): Pin {
    return pinSync(this.#asker, pinRange(address, length, options));
  }

  /** As msync(2). */
  msyncSync(address: number, length: number, flags: number): void {
    const [at, size] = [take.word(address, "address"), take.word(length, "length")];
    const status = this.#core.engine.msync(this[SPACE].handle, at, size, take.int(flags, "flags"));
    if (status < 0) throw new MemoryError(status, "msync", { address: at });
  }

  async msync(address: number, length: number, flags: number): Promise<void> {
    this.msyncSync(address, length, flags);
  }

  /** Accesses the page at `address`, as a program would. Its frame number. SIGSEGV, SIGBUS. */
  async fault(address: number, options?: FaultOptions): Promise<number> {
    const at = take.word(address, "address");
    const request = { op: "fault", access: accessOf(options), address: at };
    return (await this.#run(faultPlan(this[SPACE], request), options)).pfn;
  }

  faultSync(address: number, options?: FaultOptions): number {
    const at = take.word(address, "address");
    return reachSync(this.#asker, "fault", accessOf(options), at, 0);
  }

  /**
   * Reads memory: into the bytes given, or into new ones of a length. Not atomic over pages: an
   * error carries how many bytes were `done`. SIGSEGV, SIGBUS with `siCode`.
   */
  async read(address: number, into: number | Uint8Array, options?: CallOptions) {
    const at = take.word(address, "address");
    const target = take.target(into, "into");
    const { engine } = this.#core;
    const request = { op: "read", access: Access.Read, address: at };
    const bytes = target.byteLength;
    await eachPage(this.#asker, request, bytes, limitsOf(options), (pfn, inPage, from, count) =>
      engine.load(pfn, inPage, target, from, count),
    );
    return target;
  }

  readSync(address: number, into: number | Uint8Array): Uint8Array {
    const at = take.word(address, "address");
    const target = take.target(into, "into");
    loadSync(this.#asker, at, target);
    return target;
  }

  /** Writes memory; else as `read`. A page that is about to be write-protected makes it wait. */
  async write(address: number, data: Uint8Array, options?: CallOptions): Promise<void> {
    const at = take.word(address, "address");
    const source = take.bytes(data, "data");
    const { engine } = this.#core;
    const request = { op: "write", access: Access.Write, address: at };
    const bytes = source.byteLength;
    await eachPage(this.#asker, request, bytes, limitsOf(options), (pfn, inPage, from, count) =>
      engine.store(pfn, inPage, source, from, count),
    );
  }

  writeSync(address: number, data: Uint8Array): void {
    const at = take.word(address, "address");
    storeSync(this.#asker, at, take.bytes(data, "data"));
  }

  /** Copies the address space, as fork(2). Subscribers and their records are not inherited. */
  async fork(options?: CallOptions): Promise<Mm> {
    const child = plans.newborn(this.#core);
    await this.#run(plans.fork(this[SPACE], child.born), options);
    return this.#core.mmOf(child.space(), this[CONTEXT]);
  }

  forkSync(): Mm {
    const child = plans.newborn(this.#core);
    this.#runSync(plans.fork(this[SPACE], child.born));
    return this.#core.mmOf(child.space(), this[CONTEXT]);
  }

  /**
   * Shows a device's frames from `pfn` on in [address, address + length), as remap_pfn_range of a
   * driver (Linux mm/memory.c). One area must have the range, all of it where it is private and
   * may be written; it becomes VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP. `prot`: what the
   * entries allow at once, at most what the area does. Whoever holds a page that was there is told
   * and awaited; where nothing was, nobody is. What it shows can not be exported.
   *
   * EINVAL for a range, frames or a `prot` that it cannot be.
   */
  async remapPfnRange(
    address: number,
    pfn: number,
    length: number,
    prot: number,
    options?: CallOptions,
  ): Promise<void> {
    await this.#run(remapPfnRange(this[SPACE], address, pfn, length, prot), options);
  }

  remapPfnRangeSync(address: number, pfn: number, length: number, prot: number): void {
    this.#runSync(remapPfnRange(this[SPACE], address, pfn, length, prot));
  }

  /**
   * Calls `visit` with each entry of [address, address + length), absent ones too, and installs
   * the device's pages that it answers with, as apply_to_page_range (Linux mm/memory.c); some
   * thousands of entries at once, each of those batches whole or not at all. It tells nobody: a
   * page of a device goes only where nothing is, or a device. Where a page is to give way to it,
   * whoever asks tells its holders first: with MADV_DONTNEED, or by `remapPfnRange`.
   *
   * EBUSY where a page to be replaced is exported; EINVAL where it is there and no device's, for
   * a frame that is none, and in private memory that may be written.
   */
  async applyToPageRange(
    address: number,
    length: number,
    visit: PageVisitor,
    options?: CallOptions,
  ): Promise<void> {
    for (const plan of applyToPageRange(this[SPACE], address, length, visit)) {
      await this.#run(plan, options);
    }
  }

  applyToPageRangeSync(address: number, length: number, visit: PageVisitor): void {
    for (const plan of applyToPageRange(this[SPACE], address, length, visit)) this.#runSync(plan);
  }

  /** Ends the address space. Cannot be refused; frames that somebody keeps are quarantined. */
  exit(): Promise<ExitResult> {
    return exitMm(this.#core, this[SPACE], this[CONTEXT]);
  }

  exitSync(): ExitResult {
    return exitMmSync(this.#core, this[SPACE], this[CONTEXT]);
  }

  [Symbol.dispose](): void {
    if (this.isAlive) this.exitSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) await this.exit();
  }

  #run(plan: Plan, options: CallOptions | undefined): Promise<Outcome> {
    return perform(this.#core, plan, this[CONTEXT], options);
  }

  /** `status` is the engine's answer to a first attempt, if there was one. */
  #runSync(plan: Plan, status: number = UNTRIED): Outcome {
    return performSync(this.#core, plan, this[CONTEXT], status);
  }
}

function accessOf(options: FaultOptions | undefined): Access {
  take.options(options, "options");
  const [write, execute] = [
    take.flag(options?.write, "write"),
    take.flag(options?.execute, "execute"),
  ];
  if (write) return Access.Write;
  return execute ? Access.Execute : Access.Read;
}
