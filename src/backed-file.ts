// A file whose bytes a backing has: what is being read and written of it, and what is known of what
// is stored. The engine says which pages; the backing moves their bytes.
//
//   call ──▶ NEED_IO ──▶ backing.read ──▶ mapping_filled ──▶ the call again
//   writeback ──▶ copies ──▶ backing.write ──▶ mapping_written
//
// Invariants
//   B8  A page is in one write at a time, of a copy, and that is answered to the engine exactly
//       once.
//   B9  Nothing is stored beyond where stored bytes end while stale ones may lie there: those are
//       cut off first.
//   B10 A page that could not be written, or not made durable, is dirty again; the error is kept
//       until one sync has had it.
//   B11 One that had left memory by then, taken by reclaim, is read back and written again by the
//       next sync: until that has been durable it is `unsure`.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import type { Failure } from "./ask-backing.ts";
import type { Backing } from "./backing/backing.ts";
import type { Call } from "./call.ts";
import type { Core } from "./core.ts";
import type { Engine } from "./engine/engine.ts";
import type { DiskRecord, WritebackPageRecord } from "./engine/records.ts";
import { wordsOf } from "./errors.ts";
import { FileReads } from "./file-reads.ts";
import { Lane } from "./lane.ts";
import { Pending } from "./pending.ts";

/** Pages of a hole that are stored with one call. */
const ZERO_PAGES = 64;

/** Pages side by side, and a copy of their bytes. */
interface Run {
  readonly first: number;
  readonly sizes: readonly number[];
  readonly bytes: Uint8Array;
  readonly pending: Pending;
}

/** What is known of the backing's own size: bytes, or null after a failure. */
type Stored = number | null;

export class BackedFile {
  readonly core: Core;
  readonly mapping: number;
  readonly backing: Backing;
  readonly lane: Lane;
  readonly reads = new FileReads(this);
  /** Its owner has given it up: it goes once nothing has to be written and nobody shows it. */
  isReleased = false;
  /** Pages that could not be written, ever. */
  failures = 0;
  readonly #writes = new Map<number, Pending>();
  /** Pages that are written and not yet durable. */
  readonly #volatile = new Set<number>();
  /** Pages that are not in memory, after a sync that failed. */
  readonly #unsure = new Set<number>();
  #zeroing: Pending | null = null;
  #failure: Failure | null = null;
  #stored: Stored;

  constructor(core: Core, mapping: number, backing: Backing, size: number) {
    this.core = core;
    this.mapping = mapping;
    this.backing = backing;
    this.lane = new Lane(core);
    this.#stored = size;
  }

  get engine(): Engine {
    return this.core.engine;
  }

  /** Bytes of the file, whatever the backing has. */
  get size(): number {
    return this.engine.files.size(this.mapping);
  }

  /** What the backing has, as far as the engine knows. */
  get disk(): DiskRecord {
    return this.engine.writeback.disk(this.mapping);
  }

  /** Whether the backing has everything, though perhaps not durably. */
  get isClean(): boolean {
    const { dirty } = this.disk;
    if (this.#unsure.size > 0) return false;
    return dirty === 0 && this.lane.isIdle && this.#hole(0) === null && this.isTrim;
  }

  /** Whether the backing is as long as the file, and has nothing stale in it. */
  get isTrim(): boolean {
    const { end, staleEnd } = this.disk;
    return staleEnd <= end && this.#stored === this.size;
  }

  /**
   * Has page `index` read, or waits for what is under way on it. EIO, or what the plan says, when
   * it could not be read; ENOMEM; EAGAIN where the call cannot wait: the read goes on without it. A
   * call that lacks frames for it says so (`call.lack`): nothing is read then.
   */
  bringIn(call: Call, index: number): void | Promise<void> {
    const writing = this.#writes.get(index);
    if (writing !== undefined) return writing.wait(call, "a page that is being written");
    const reading = this.reads.reading(call, index);
    if (reading === null) return;
    const wait = reading.wait(call, "a page that is being read");
    if (wait === undefined) return judge(call, reading.failure);
    return wait.then(() => judge(call, reading.failure));
  }

  /** Writes the pages that the engine has just made clean: copied now, stored in their turn. */
  writeOut(pages: readonly WritebackPageRecord[]): void {
    const sorted = [...pages].sort((one, other) => one.index - other.index);
    for (const run of runsOf(sorted)) this.#write(this.#copy(run));
  }

  /** Pages that are being written. */
  get writing(): number {
    return this.#writes.size;
  }

  /** The writes of pages [first, end) that are under way. */
  writesIn(first: number, end: number): Pending[] {
    const within = [...this.#writes].filter(([index]) => index >= first && index < end);
    return [...new Set(within.map(([, pending]) => pending))];
  }

  /** Stores zeros in a hole that reaches into pages [first, end): null where there is none. */
  storeHole(first: number, end: number): Pending | null {
    if (this.#zeroing !== null) return this.#zeroing;
    const hole = this.#hole(first, end);
    if (hole === null) return null;
    const [from, to] = [hole.start, Math.min(hole.end, hole.start + ZERO_PAGES)];
    const pending = new Pending();
    this.#zeroing = pending;
    const ended = (failure: Failure | null) => {
      this.#zeroing = null;
      if (failure === null) this.engine.writeback.holeStored(this.mapping, from, to);
      else this.#fail(failure);
      pending.end(failure);
    };
    this.lane.share(() => this.#storeZeros(from * PAGE_SIZE, to * PAGE_SIZE), ended);
    return pending;
  }

  /** Cuts stale bytes off, or makes the backing as long as the file: whichever comes first. */
  trim(): Pending {
    const pending = new Pending();
    this.#cut(
      () => this.size,
      (failure) => pending.end(failure),
    );
    return pending;
  }

  /** Has everything that was written made durable. */
  sync(): Pending {
    const pending = new Pending();
    const pages = [...this.#volatile];
    const ended = (failure: Failure | null) => {
      if (failure === null) for (const index of pages) this.#volatile.delete(index);
      else this.#loseSync(pages, failure);
      pending.end(failure);
    };
    this.lane.share(() => this.backing.sync(), ended);
    return pending;
  }

  /** Those of pages [first, end) that have to be read back, and written again. */
  unsureIn(first: number, end: number): number[] {
    const within = [...this.#unsure].filter((index) => index >= first && index < end);
    for (const index of within) this.#unsure.delete(index);
    this.#redirty(within);
    return within.filter((index) => this.#unsure.has(index));
  }

  /** Page `index` was read back, and is dirty. */
  recalled(index: number): void {
    this.#unsure.delete(index);
  }

  /** What could not be written since somebody was told; he is told by this. */
  takeFailure(): Failure | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  /**
   * Lets the file go once it was given up, nobody shows it, and nothing of it has to be written.
   */
  settle(): void {
    if (!this.isReleased || !this.core.backed.has(this.mapping)) return;
    if (this.disk.refs > 1 || !this.isClean) return;
    this.core.backed.delete(this.mapping);
    this.engine.files.release(this.mapping);
  }

  #hole(first: number, end = Number.MAX_SAFE_INTEGER) {
    return this.engine.writeback.nextHole(this.mapping, first, end);
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
  }

  #copy(run: readonly WritebackPageRecord[]): Run {
    const sizes = run.map(({ bytes }) => bytes);
    const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const page of run) {
      this.engine.load(page.pfn, 0, bytes, at, page.bytes);
      at += page.bytes;
    }
    const first = run[0]?.index ?? 0;
    const pending = new Pending();
    for (const { index } of run) this.#writes.set(index, pending);
    return { first, sizes, bytes, pending };
  }

  #write(run: Run): void {
    const position = run.first * PAGE_SIZE;
    const end = position + run.bytes.byteLength;
    const disk = this.disk;
    if (disk.staleEnd > disk.end && end > disk.end) {
      // B9: only then may it be stored; the cut ends before anything else is under way.
      this.#cut(
        () => this.disk.end,
        (failure) => (failure === null ? this.#write(run) : this.#written(run, failure)),
      );
      return;
    }
    this.lane.share(
      () => this.backing.write(position, run.bytes),
      (failure) => {
        this.#grew(end, failure);
        this.#written(run, failure);
      },
    );
  }

  #written(run: Run, failure: Failure | null): void {
    if (failure !== null) {
      this.failures += run.sizes.length;
      this.#fail(failure);
    }
    for (const [at, bytes] of run.sizes.entries()) {
      const index = run.first + at;
      this.#writes.delete(index);
      this.engine.writeback.written(this.mapping, index, bytes, failure !== null);
      if (failure === null) this.#volatile.add(index);
    }
    run.pending.end(failure);
    this.core.written.tell();
  }

  #grew(end: number, failure: Failure | null): void {
    if (failure !== null) this.#stored = null;
    else if (this.#stored !== null) this.#stored = Math.max(this.#stored, end);
  }

  #storeZeros(from: number, to: number): unknown {
    const end = Math.min(to, this.disk.end);
    if (end <= from) return undefined;
    return this.backing.write(from, new Uint8Array(end - from));
  }

  /**
   * Makes the backing `to()` bytes long, but first as long as what counts where stale bytes are.
   */
  #cut(to: () => number, ended: (failure: Failure | null) => void): void {
    let at = 0;
    const ask = () => {
      const { end, staleEnd } = this.disk;
      at = staleEnd > end ? end : to();
      return this.backing.truncate(at);
    };
    this.lane.exclude(ask, (failure) => {
      this.#stored = failure === null ? at : null;
      if (failure === null) this.engine.writeback.trimmed(this.mapping, at);
      else this.#fail(failure);
      ended(failure);
    });
  }

  /** Nobody knows what is stored now: what is still in memory is written again. */
  #loseSync(pages: readonly number[], failure: Failure): void {
    this.#fail(failure);
    this.#stored = null;
    this.#redirty(pages);
  }

  /** What has been cut off since, or punched, need not be stored. */
  #redirty(pages: readonly number[]): void {
    for (const index of pages) {
      if (this.engine.writeback.redirty(this.mapping, index)) this.#unsure.add(index);
    }
  }
}

/** Pages that follow each other, whole but for the last. */
function runsOf(pages: readonly WritebackPageRecord[]): WritebackPageRecord[][] {
  const runs: WritebackPageRecord[][] = [];
  for (const page of pages) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const follows = before?.index === page.index - 1 && before.bytes === PAGE_SIZE;
    if (run !== undefined && follows) run.push(page);
    else runs.push([page]);
  }
  return runs;
}

function judge(call: Call, failure: Failure | null): void {
  if (failure === null) return;
  const { cause } = failure;
  const reason = `its page could not be read: ${wordsOf(cause)}`;
  throw call.error(call.plan.unread ?? Status.EIO, { reason, cause });
}
