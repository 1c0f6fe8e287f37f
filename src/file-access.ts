// Reading and writing a file, page by page: what is done with each, and where it has to wait.
//
// Invariants
//   I3  A frame number is used at once: nothing runs between the page's lookup and the copy.
//   I4  Where a page is frozen the transfer stops before it, with `done` bytes behind it, and asks
//       again when it may; each time it sees the file as it then is.

import { FilePage, PAGE_SIZE, Status } from "../assembly/abi.ts";
import { Call, type CallOptions, UNTRIED } from "./call.ts";
import type { Engine } from "./engine/engine.ts";
import { MemoryError } from "./errors.ts";
import type { FileState } from "./file-state.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { runEach, runEachSync } from "./pipeline.ts";
import type { Plan } from "./plan.ts";

/** How often a page may be frozen again between its turn and its use. */
const RETRIES_MAX = 64;

/** One read or write under way. */
export interface Transfer {
  readonly state: FileState;
  readonly context: Bracket | null;
  /** Where in the file it begins, in bytes. */
  readonly position: number;
  /** What is read into, or written from. */
  readonly bytes: Uint8Array;
  readonly isWrite: boolean;
  /** Bytes behind it. */
  done: number;
}

/** The part of a transfer that lies in one page. */
interface Part {
  readonly index: number;
  readonly inPage: number;
  readonly count: number;
}

/** Does it, waiting where it must. */
export function transfer(work: Transfer, options: CallOptions): Promise<void> {
  return runEach(steps(work, options));
}

/** Does it at once: EAGAIN where it would have to wait. */
export function transferSync(work: Transfer): void {
  runEachSync(steps(work, null));
}

/**
 * One body, two drivers: yields what has to be asked again, as a call that can wait. Ends early
 * where a read meets the end of the file.
 */
function* steps(work: Transfer, options: CallOptions | null): Generator<Call, void, void> {
  const { core } = work.state;
  let tries = 0;
  for (let part = partOf(work); part !== null; part = partOf(work)) {
    const plan = planOf(work, part);
    const status = core.gate.isEmpty || plan.passes?.(core.engine) ? reach(work, part) : UNTRIED;
    if (status === Status.Ok || status === Status.ENOENT) {
      copy(work, part, status);
      work.done += part.count;
      tries = 0;
      continue;
    }
    tries++;
    if (tries > RETRIES_MAX) throw frozenAgain(plan);
    yield new Call(core, plan, work.context, options, status);
  }
}

function partOf({ state, position, bytes, isWrite, done }: Transfer): Part | null {
  const at = position + done;
  const end = position + bytes.byteLength;
  const limit = isWrite ? end : Math.min(end, state.core.engine.files.size(state.mapping));
  if (at >= limit) return null;
  const inPage = at % PAGE_SIZE;
  const count = Math.min(PAGE_SIZE - inPage, limit - at);
  return { index: (at - inPage) / PAGE_SIZE, inPage, count };
}

/** Looks the page up, or makes it; a write beyond the end grows the file by its part. */
function reach({ state, isWrite }: Transfer, { index, inPage, count }: Part): number {
  const { core, mapping } = state;
  if (state.isReleased) return Status.EBADF;
  if (!isWrite) return core.engine.files.page(mapping, index, FilePage.Look);
  const start = index * PAGE_SIZE + inPage;
  const end = start + count;
  const size = core.engine.files.size(mapping);
  const how = count === PAGE_SIZE ? FilePage.Overwrite : FilePage.Write;
  if (end > size) {
    // The page that the file ends in is there before it grows: a read that fails changes nothing.
    const isLast = how === FilePage.Write && index * PAGE_SIZE < size;
    const last = isLast ? core.engine.files.page(mapping, index, FilePage.Look) : Status.Ok;
    if (last === Status.NEED_IO) return last;
    const status = core.engine.files.grow(mapping, end, start);
    if (status < 0) return status;
  }
  return core.engine.files.page(mapping, index, how);
}

function copy(work: Transfer, { inPage, count }: Part, status: number): void {
  const { engine } = work.state.core;
  const { bytes, done, isWrite } = work;
  if (status === Status.ENOENT) bytes.fill(0, done, done + count);
  else if (isWrite) engine.store(engine.answer.pfn, inPage, bytes, done, count);
  else engine.load(engine.answer.pfn, inPage, bytes, done, count);
}

function planOf(work: Transfer, part: Part): Plan {
  const { state, isWrite, done } = work;
  const start = part.index * PAGE_SIZE;
  return {
    op: isWrite ? "write" : "read",
    space: null,
    file: { mapping: state.mapping, start, end: start + PAGE_SIZE },
    ranges: [],
    done,
    attempt: () => settledStatus(reach(work, part), isWrite),
    passes: (engine) => !isWrite || isCached(engine, state.mapping, part.index),
  };
}

/** A read that finds no page, or no longer so much of a file, has nothing left to wait for. */
function settledStatus(status: number, isWrite: boolean): number {
  const isNothing = status === Status.ENOENT || status === Status.EINVAL;
  return !isWrite && isNothing ? Status.Ok : status;
}

function isCached(engine: Engine, mapping: number, index: number): boolean {
  return engine.files.page(mapping, index, FilePage.Look) === Status.Ok;
}

function frozenAgain({ op, done }: Plan): MemoryError {
  const reason = "the page was frozen again each time it was to be used";
  return new MemoryError(Status.EAGAIN, op, { done, reason });
}
