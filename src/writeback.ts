// Writing dirty pages back: fsync, msync, and in the background. What a range has that is dirty
// goes, batch by batch, through a plan of its own; what a backing has to store is waited for.
//
//   holes ──▶ plan → notify → commit ──▶ copies to the backing ──▶ …the next batch
//         ──▶ all of them stored ──▶ the size ──▶ backing.sync
//
// Invariants
//   W3  One body, two drivers. What has been begun goes on when a call gives up: nothing is lost.
//   W4  A sync that resolves has stored, durably, every byte that was in the range when it was
//       asked for; one that fails says why, once.

import {
  FilePage,
  PAGE_SIZE,
  Status,
  WRITEBACK_PAGES_MAX,
  WritebackMode,
} from "../assembly/abi.ts";
import type { Failure } from "./ask-backing.ts";
import type { BackedFile } from "./backed-file.ts";
import { Call, type CallOptions, limitsOf } from "./call.ts";
import type { Core } from "./core.ts";
import { drive, driveSync } from "./drive.ts";
import type { WritebackRecord } from "./engine/records.ts";
import { MemoryError, wordsOf } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { Pending } from "./pending.ts";
import { run, runSync } from "./pipeline.ts";
import type { Plan } from "./plan.ts";

/** Pages of a file: half open. */
export interface FilePages {
  readonly mapping: number;
  readonly first: number;
  readonly end: number;
}

/** Beyond every page of every file. */
export const PAGES_END = 2 ** 51;

/** Pages whose copies may wait to be stored, of one file. */
const COPIES_MAX = 256;

/** How often a batch is begun again that an exit has called off. */
const RETRIES_MAX = 64;

/** What a body waits for: a call of a batch, or something under way. */
type Step = Call | Pending;

/** A piece of work in several steps, which answers with a T. */
export type Work<T> = Generator<Step, T, void>;

/** Runs work that may wait; only as long as something makes it wait. */
export async function perform<T>(
  core: Core,
  op: string,
  context: Bracket | null,
  options: CallOptions | undefined,
  work: (whole: Call) => Work<T>,
  isReclaim = false,
): Promise<T> {
  const limits = limitsOf(options);
  const whole = new Call(core, nothing(op, isReclaim), context, limits);
  try {
    return await drive(work(whole), (step) => act(whole, step));
  } finally {
    whole.finish();
  }
}

/** The same where nobody may wait: EAGAIN; what has been begun goes on. */
export function performSync<T>(
  core: Core,
  op: string,
  context: Bracket | null,
  work: (whole: Call) => Work<T>,
  isReclaim = false,
): T {
  const whole = new Call(core, nothing(op, isReclaim), context, null);
  try {
    return driveSync(work(whole), (step) => act(whole, step));
  } finally {
    whole.finish();
  }
}

function act(whole: Call, step: Step): unknown {
  if (!(step instanceof Call)) return step.wait(whole, "a page that is being written");
  return whole.canWait ? run(step) : runSync(step);
}

/** Stands for the whole of it: who waits, until when. It is never attempted. */
function nothing(op: string, isReclaim: boolean): Plan {
  const file = { mapping: 0, start: 0, end: 0 };
  return { op, space: null, file, ranges: [], isReclaim, attempt: () => 0 };
}

/**
 * Begins to write the dirty pages of a range, at most `most`: how many. The commits are done when
 * it ends; that all of them are stored is for the caller to wait for.
 */
export function* writeRange(
  whole: Call,
  { mapping, first, end }: FilePages,
  most: number,
  mode: WritebackMode,
): Work<number> {
  const file = whole.core.backed.get(mapping) ?? null;
  if (file !== null) yield* storeHoles(file, first, end);
  let count = 0;
  for (let at = first, tries = 0; at < end && count < most; ) {
    const size = Math.min(most - count, WRITEBACK_PAGES_MAX);
    let done: WritebackRecord = { pages: [], next: end };
    const began = (record: WritebackRecord) => {
      done = record;
      file?.writeOut(record.pages);
    };
    try {
      yield batch(whole, { mapping, first: at, end }, size, mode, began);
      tries = 0;
      at = done.next;
      count += done.pages.length;
    } catch (error) {
      tries++;
      if (!isCalledOff(whole, error) || tries > RETRIES_MAX) throw error;
    }
    if (file !== null) yield* fewCopies(file);
  }
  return count;
}

/** Somebody's exit has called the batch off: nothing has changed, and it is begun again. */
function isCalledOff(whole: Call, error: unknown): boolean {
  return whole.canWait && error instanceof MemoryError && error.code === "EAGAIN";
}

function batch(
  whole: Call,
  { mapping, first, end }: FilePages,
  size: number,
  mode: WritebackMode,
  began: (record: WritebackRecord) => void,
): Call {
  const { core } = whole;
  const plan: Plan = {
    op: whole.plan.op,
    space: null,
    file: { mapping, start: first * PAGE_SIZE, end: end * PAGE_SIZE },
    ranges: [],
    isReclaim: whole.plan.isReclaim === true,
    attempt: (engine) => engine.writeback.begin(mapping, first, end, size, mode),
    settled: () => began(core.engine.answer.writeback),
  };
  return new Call(core, plan, whole.parent, whole.limitsLeft());
}

function* storeHoles(file: BackedFile, first: number, end: number): Work<void> {
  for (let hole = file.storeHole(first, end); hole !== null; hole = file.storeHole(first, end)) {
    yield hole;
    if (hole.failure !== null) return;
  }
}

/** Waits until not too many copies are on their way. */
function* fewCopies(file: BackedFile): Work<void> {
  const under = file.writesIn(0, PAGES_END);
  if (file.writing > COPIES_MAX && under[0] !== undefined) yield under[0];
}

/** fsync(2) of a range of pages: everything written, the size too, and durable. */
export function* syncRange(whole: Call, pages: FilePages): Work<void> {
  const file = whole.core.backed.get(pages.mapping);
  if (file !== undefined) yield* recall(whole, file, pages);
  yield* writeRange(whole, pages, Number.POSITIVE_INFINITY, WritebackMode.Integrity);
  if (file === undefined) return;
  for (const write of file.writesIn(pages.first, pages.end)) yield write;
  // Once to cut stale bytes off, once to be as long as the file.
  for (let i = 0; i < 2 && !file.isTrim; i++) yield file.trim();
  expectStored(whole, file);
  yield file.sync();
  expectStored(whole, file);
  file.settle();
}

/**
 * Reads back what had left memory when a sync failed, and makes it dirty: as much as memory lacks
 * of it goes out again meanwhile.
 */
function* recall(whole: Call, file: BackedFile, { mapping, first, end }: FilePages): Work<void> {
  for (const index of file.unsureIn(first, end)) {
    const start = index * PAGE_SIZE;
    const plan: Plan = {
      op: whole.plan.op,
      space: null,
      file: { mapping, start, end: start + PAGE_SIZE },
      ranges: [],
      attempt: (engine) => engine.files.page(mapping, index, FilePage.Write),
    };
    yield new Call(whole.core, plan, whole.parent, whole.limitsLeft());
    file.recalled(index);
  }
}

/** An error of the backing is said once, to who syncs next. */
function expectStored(whole: Call, file: BackedFile): void {
  const failure = file.takeFailure();
  if (failure !== null) throw unstored(whole, failure);
}

function unstored(whole: Call, { cause }: Failure): MemoryError {
  const reason = `it could not be stored: ${wordsOf(cause)}`;
  return whole.error(codeOf(cause) === "ENOSPC" ? Status.ENOSPC : Status.EIO, { reason, cause });
}

function codeOf(cause: unknown): unknown {
  try {
    return (cause as { code?: unknown } | null | undefined)?.code;
  } catch {
    return undefined;
  }
}

/** sync(2): every file, oldest dirty ones first. The first error is thrown when all are done. */
export function* syncAll(whole: Call): Work<void> {
  const { core } = whole;
  const files = new Set([...core.engine.writeback.dirtyFiles(), ...core.backed.keys()]);
  let first: unknown = null;
  for (const mapping of files) {
    try {
      yield* syncFile(whole, mapping);
    } catch (error) {
      first ??= error;
    }
  }
  if (first !== null) throw first;
}

/** Writes up to `most` dirty pages, those of the files first that have been dirty for longest. */
export function* writeOldest(whole: Call, most: number): Work<number> {
  const { core } = whole;
  let count = 0;
  for (const mapping of core.engine.writeback.dirtyFiles()) {
    if (count >= most) break;
    const pages = { mapping, first: 0, end: PAGES_END };
    count += (yield* held(core, mapping, writeStored(whole, pages, most - count))) ?? 0;
  }
  return count;
}

/**
 * Writes dirty pages of a range, at most `most`, and waits until they are stored: then they are
 * clean, unless they were written again. For who wants their frames. How many could be written;
 * what could not is dirty again, and the next sync says why.
 */
export function* writeStored(whole: Call, pages: FilePages, most: number): Work<number> {
  const file = whole.core.backed.get(pages.mapping);
  const before = file?.failures ?? 0;
  const count = yield* writeRange(whole, pages, most, WritebackMode.Background);
  if (file === undefined) return count;
  for (const write of file.writesIn(pages.first, pages.end)) yield write;
  file.settle();
  return Math.max(count - (file.failures - before), 0);
}

/** fsync(2): all of a file. */
export function* syncFile(whole: Call, mapping: number): Work<void> {
  yield* held(whole.core, mapping, syncRange(whole, { mapping, first: 0, end: PAGES_END }));
}

/** Keeps the file while something waits that has only its handle; null where it is gone already. */
export function* held<T>(core: Core, mapping: number, work: Work<T>): Work<T | null> {
  if (core.engine.writeback.hold(mapping) < 0) return null;
  try {
    return yield* work;
  } finally {
    core.engine.files.release(mapping);
    core.backed.get(mapping)?.settle();
  }
}

/** msync(2) from an address on: each shared area of a file on a disk in turn. */
export function* msync(
  whole: Call,
  mm: () => number,
  address: number,
  length: number,
  flags: number,
): Work<void> {
  const { core } = whole;
  for (let from = address, hole = false; ; ) {
    const status = core.engine.msync(mm(), address, length, flags, from, hole);
    if (status < 0) throw whole.error(status, { address: from });
    if (status === 0) return;
    const { mapping, start, end, next, hole: passed } = core.engine.answer.syncRange;
    const pages = { mapping, first: start / PAGE_SIZE, end: Math.ceil(end / PAGE_SIZE) };
    yield* held(core, mapping, syncRange(whole, pages));
    from = next;
    hole = passed;
  }
}
