// An address space (mm_struct): every operation, as Linux has it, waiting or not.
//
// Each operation has two forms. The asynchronous one may wait for subscribers and for plans in its
// way; it has committed when it returns its promise if it did not have to. The `…Sync` one fails
// with EAGAIN, nothing changed, where the other would wait.
//
// Errors, of all: MemoryError with Linux's errno and the state that Linux leaves; EBUSY (a
// subscriber refused, or holds a page still), ETIMEDOUT, EDEADLK, EAGAIN, ESRCH after exit, with
// nothing changed. A wrong type is a TypeError. Addresses and lengths are bytes.

import { Access } from "../assembly/abi.ts";
import { type Asker, eachPage, faultPlan, loadSync, reachSync, storeSync } from "./access.ts";
import * as take from "./arguments.ts";
import { type Call, type CallOptions, limitsOf, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import * as direct from "./direct.ts";
import type { Outcome } from "./engine/records.ts";
import { type ExitResult, exitMm, exitMmSync } from "./exit.ts";
import type { File } from "./file.ts";
import { MmPages } from "./mm-pages.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { perform, performSync } from "./operation.ts";
import type { Plan } from "./plan.ts";
import * as plans from "./plans.ts";
import { CONTEXT, SPACE, type Space } from "./space.ts";
import * as writeback from "./writeback.ts";

/** What `fault` does to the page: read it, unless one of these is true. */
export interface FaultOptions extends CallOptions {
  readonly write?: boolean;
  readonly execute?: boolean;
}

export class Mm extends MmPages {
  readonly #core: Core;
  readonly #asker: Asker;

  constructor(core: Core, space: Space, context: Bracket | null) {
    super(core, space, context);
    this.#core = core;
    this.#asker = { core, space, context };
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
   * As msync(2): with MS_SYNC the shared files on a disk in the range are written back, as
   * `File.sync` does. At a hole it is ENOMEM, after the rest; EBUSY for MS_INVALIDATE of what is
   * locked.
   */
  async msync(address: number, length: number, flags: number, options?: CallOptions) {
    const work = this.#syncing(address, length, flags);
    await writeback.perform(this.#core, "msync", this[CONTEXT], options, work);
  }

  /** The same; EAGAIN where something has to be waited for, and what has been begun goes on. */
  msyncSync(address: number, length: number, flags: number): void {
    const work = this.#syncing(address, length, flags);
    writeback.performSync(this.#core, "msync", this[CONTEXT], work);
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

  #syncing(address: number, length: number, flags: number) {
    const [at, size] = [take.word(address, "address"), take.word(length, "length")];
    const bits = take.int(flags, "flags");
    const space = this[SPACE];
    return (whole: Call) => writeback.msync(whole, () => space.handle, at, size, bits);
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
