// A file: its page cache is its contents, or, where a backing has those, what of them is in use.
//
// Invariants
//   I1  `size` changes only by `write` and `truncate`, and never past what the engine takes.
//   I2  A byte that was never written, or was cut off or punched since, is zero; reading makes no
//       page.

import { FileKind, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { type CallOptions, limitsOf, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import type { Engine } from "./engine/engine.ts";
import { MemoryError } from "./errors.ts";
import { type Transfer, transfer, transferSync } from "./file-access.ts";
import { FILE, FileState, type FileStore, forgetFile } from "./file-state.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { perform, performSync } from "./operation.ts";
import type { Plan } from "./plan.ts";
import * as plans from "./plans.ts";
import { made } from "./reclaim.ts";
import { CONTEXT } from "./space.ts";
import * as writeback from "./writeback.ts";

export interface FileOptions {
  /** Bytes. Default 0. */
  readonly size?: number;
  readonly kind?: FileStore;
  /** As `maps` shows it. */
  readonly name?: string;
}

const KIND: Record<FileStore, FileKind> = { memory: FileKind.Memory, disk: FileKind.Disk };

/** The first position that no file has, in bytes: Linux's loff_t ends before it. */
const POSITION_END = 2 ** 63;

export class File {
  readonly [FILE]: FileState;
  readonly [CONTEXT]: Bracket | null;

  constructor(state: FileState, context: Bracket | null) {
    this[FILE] = state;
    this[CONTEXT] = context;
  }

  get name(): string {
    return this[FILE].name;
  }

  get kind(): FileStore {
    return this[FILE].kind;
  }

  /** Bytes. */
  get size(): number {
    return this.#engine("size").files.size(this[FILE].mapping);
  }

  /**
   * Reads up to `into`'s length at `position`; the bytes that there were, as `read(2)` says. Waits
   * for a change of the file that is under way where it reads. Not atomic over pages.
   */
  async read(position: number, into: number | Uint8Array, options?: CallOptions) {
    const work = this.#reading(position, into);
    await transfer(work, limitsOf(options));
    return work.bytes.subarray(0, work.done);
  }

  readSync(position: number, into: number | Uint8Array): Uint8Array {
    const work = this.#reading(position, into);
    transferSync(work);
    return work.bytes.subarray(0, work.done);
  }

  /** Writes all of `data` at `position`, growing the file; bytes written. Waits as `read` does. */
  async write(position: number, data: Uint8Array, options?: CallOptions): Promise<number> {
    const work = this.#work("write", position, take.bytes(data, "data"));
    await transfer(work, limitsOf(options));
    return work.done;
  }

  writeSync(position: number, data: Uint8Array): number {
    const work = this.#work("write", position, take.bytes(data, "data"));
    transferSync(work);
    return work.done;
  }

  /**
   * Makes the file `size` bytes long, as ftruncate(2) (Linux mm/truncate.c). What is cut off goes
   * from every address space, private copies too; whoever holds a page of it is told first. EINVAL
   * for a size that no file has; else as the operations of `Mm`.
   */
  async truncate(size: number, options?: CallOptions): Promise<void> {
    await this.#run(this.#truncation(size), options);
  }

  truncateSync(size: number): void {
    this.#runSync(this.#truncation(size));
  }

  /**
   * Makes `length` bytes from `start` on zero, as fallocate(2) with FALLOC_FL_PUNCH_HOLE (Linux
   * mm/shmem.c). Whole pages leave the file and every address space that shows them; private
   * copies stay. EINVAL for a range that no file has; else as `truncate`.
   */
  async punch(start: number, length: number, options?: CallOptions): Promise<void> {
    await this.#run(this.#hole(start, length), options);
  }

  punchSync(start: number, length: number): void {
    this.#runSync(this.#hole(start, length));
  }

  /**
   * Writes what is dirty back and waits until it is durable, as fsync(2); a file in memory has
   * nowhere to go. Who may write a page from outside is told before, and has to be read-only then.
   * EIO, ENOSPC where the backing failed, once; nothing that was dirty is
   * lost: it is written again by the next one, read back where reclaim had taken it meanwhile.
   */
  async sync(options?: CallOptions): Promise<void> {
    const { core, mapping } = this.#syncing();
    await writeback.perform(core, "fsync", this[CONTEXT], options, (whole) =>
      writeback.syncFile(whole, mapping),
    );
  }

  /** The same; EAGAIN where something has to be waited for, and what has been begun goes on. */
  syncSync(): void {
    const { core, mapping } = this.#syncing();
    writeback.performSync(core, "fsync", this[CONTEXT], (whole) =>
      writeback.syncFile(whole, mapping),
    );
  }

  /**
   * Gives the file up: it lives on while it is mapped, and takes no more calls. As close(2), it
   * writes nothing: what a backing has yet to store stays in memory until `machine.sync()` or
   * `machine.writeback()` has stored it.
   */
  release(): void {
    const state = this[FILE];
    if (state.isReleased) return;
    state.isReleased = true;
    const { core, mapping } = state;
    core.engine.files.release(mapping);
    const backed = core.backed.get(mapping);
    if (backed === undefined) return;
    backed.isReleased = true;
    backed.settle();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #syncing(): FileState {
    this.#engine("fsync");
    return this[FILE];
  }

  #truncation(size: number): Plan {
    this.#engine("ftruncate");
    return plans.truncate(this[FILE], take.word(size, "size"));
  }

  #hole(start: number, length: number): Plan {
    this.#engine("fallocate");
    const [from, bytes] = [take.word(start, "start"), take.word(length, "length")];
    if (from + bytes < POSITION_END) return plans.punch(this[FILE], from, bytes);
    throw tooFar("fallocate");
  }

  async #run(plan: Plan, options: CallOptions | undefined): Promise<void> {
    await perform(this[FILE].core, plan, this[CONTEXT], options);
  }

  #runSync(plan: Plan): void {
    performSync(this[FILE].core, plan, this[CONTEXT], UNTRIED);
  }

  /** A read ends where the file does: new bytes are no more than there are. */
  #reading(position: number, into: number | Uint8Array): Transfer {
    if (typeof into !== "number") return this.#work("read", position, take.bytes(into, "into"));
    const from = take.natural(position, "position");
    const left = Math.max(this.size - from, 0);
    const bytes = new Uint8Array(Math.min(take.natural(into, "length"), left));
    return this.#work("read", from, bytes);
  }

  #work(op: "read" | "write", position: number, bytes: Uint8Array): Transfer {
    this.#engine(op);
    const from = take.natural(position, "position");
    if (bytes.byteLength > 0 && from + bytes.byteLength > Number.MAX_SAFE_INTEGER) throw tooFar(op);
    const [state, context] = [this[FILE], this[CONTEXT]];
    return { state, context, position: from, bytes, isWrite: op === "write", done: 0 };
  }

  #engine(op: string): Engine {
    const state = this[FILE];
    if (!state.isReleased) return state.core.engine;
    throw new MemoryError(Status.EBADF, op, { reason: "the file was released" });
  }
}

function tooFar(op: string): MemoryError {
  return new MemoryError(Status.EINVAL, op, { reason: "no file reaches so far" });
}

/** A new file. */
export function createFile(core: Core, options: FileOptions, context: Bracket | null): File {
  const kind = options.kind ?? "memory";
  if (KIND[kind] === undefined) throw take.typeError("kind", '"memory" or "disk"', kind);
  const size = take.natural(options.size ?? 0, "size");
  const given = options.name === undefined ? null : take.text(options.name, "name");
  const mapping = made(core, context, () => core.engine.files.create(KIND[kind], size));
  if (mapping < 0) throw new MemoryError(mapping, "createFile");
  forgetFile(core, mapping);
  const state = new FileState(core, mapping, given ?? `file${mapping}`, kind);
  core.files.set(mapping, state);
  return state.fileFor(context);
}
