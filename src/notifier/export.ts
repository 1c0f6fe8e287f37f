// Making an export record: fault the page in, and record who holds it, with nothing in between.
//
// Invariants
//   S7  A record is made only of a page that is present and in no open bracket. What is in the way
//       is waited for, unless a callback of this subscriber runs: then it is EAGAIN, and
//       `why.ended` says when to try again.

import { Access, PAGE_SIZE, Rights, Status, TASK_SIZE } from "../../assembly/abi.ts";
import { takenAway } from "../access.ts";
import { Call, type CallOptions, UNTRIED } from "../call.ts";
import type { Core } from "../core.ts";
import { MemoryError } from "../errors.ts";
import { runEach, runEachSync } from "../pipeline.ts";
import { type Plan, span } from "../plan.ts";
import type { Space } from "../space.ts";
import type { Bracket } from "./bracket.ts";
import type { Member } from "./member.ts";

/** How often a page may be told of again before its record is made. */
const ROUNDS_MAX = 64;

export interface ExportRequest {
  readonly op: string;
  readonly core: Core;
  readonly member: Member;
  readonly space: Space;
  readonly context: Bracket | null;
  readonly write: boolean;
  /** Fault in what is absent; else it is left out. */
  readonly fault: boolean;
  /** Runs at once when a record is made, before anything can take it away again. */
  readonly made?: (address: number, pfn: number) => void;
}

/** Exports one page, waiting where it must. False where it is absent and may not be faulted in. */
export function exportPage(
  request: ExportRequest,
  address: number,
  options: CallOptions,
): Promise<boolean> {
  return runEach(rounds(request, address, 0, options));
}

export function exportPageSync(request: ExportRequest, address: number): boolean {
  return runEachSync(rounds(request, address, 0, null));
}

/** Exports the pages of [start, end), waiting where it must. How many. */
export function exportSeries(
  request: ExportRequest,
  start: number,
  end: number,
  options: CallOptions,
): Promise<number> {
  return runEach(series(request, start, end, options));
}

export function exportSeriesSync(request: ExportRequest, start: number, end: number): number {
  return runEachSync(series(request, start, end, null));
}

/** One body, two drivers: yields each call that has to be run before it can go on. */
function* series(
  request: ExportRequest,
  start: number,
  end: number,
  options: CallOptions | null,
): Generator<Call, number, void> {
  let count = 0;
  for (const at of request.fault ? pagesIn(start, end) : entriesIn(request, start, end)) {
    if (yield* rounds(request, at, at - start, options)) count++;
  }
  return count;
}

function* rounds(
  request: ExportRequest,
  address: number,
  done: number,
  options: CallOptions | null,
): Generator<Call, boolean, void> {
  const { core, context } = request;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const status = exportNow(request, address);
    if (status === 0) return true;
    if (isLeftOut(request, status)) return false;
    const limits = mustNotWait(request) ? null : options;
    const call = new Call(core, plan(request, address, done), context, limits, status);
    yield call;
    if (!call.wasTold) return true;
  }
  throw takenAway(request.op, address, done);
}

function* pagesIn(start: number, end: number): Generator<number, void, void> {
  for (let at = start; at < end; at += PAGE_SIZE) yield at;
}

/** The pages of [start, end) that have an entry, as far apart as they may be. */
function* entriesIn({ core, space }: ExportRequest, start: number, end: number) {
  const stop = Math.min(end, TASK_SIZE);
  for (let at = start; at < stop; ) {
    const { list, next } = core.engine.listPages(space.handle, at, stop);
    for (const { address } of list) yield address;
    if (next <= at) return;
    at = next;
  }
}

/** The engine's answer, or `UNTRIED` where a queued plan may stand before it. */
function exportNow(request: ExportRequest, address: number): number {
  return request.core.quiet ? attempt(request, address) : UNTRIED;
}

function attempt(request: ExportRequest, address: number): number {
  const { core, member, space, write, fault } = request;
  if (member.state !== "active") return Status.ESTALE;
  const status = record(request, address);
  if (status === Status.EINVAL && fault && address < TASK_SIZE) throw noPage(request, address);
  if (status !== Status.EFAULT || !fault) return status;
  const access = write ? Access.Write : Access.Read;
  const faulted = core.engine.fault(space.handle, address, access);
  return faulted === 0 ? record(request, address) : faulted;
}

function record({ core, member, space, write, made }: ExportRequest, address: number): number {
  const rights = write ? Rights.Read | Rights.Write : Rights.Read;
  const status = core.engine.addExport(member.id, space.handle, address, rights);
  if (status === 0) made?.(address, core.engine.answer.pfn);
  return status;
}

function plan(request: ExportRequest, address: number, done: number): Plan {
  return {
    op: request.op,
    space: request.space,
    ranges: span(address, PAGE_SIZE),
    address,
    done,
    attempt: () => attempt(request, address),
  };
}

/** A call that carries a bracket, or comes while a callback of the subscriber runs. */
function mustNotWait({ context, member }: ExportRequest): boolean {
  return (context !== null && !context.closed) || member.working.length > 0;
}

function isLeftOut({ fault }: ExportRequest, status: number): boolean {
  return (status === Status.EFAULT || status === Status.EINVAL) && !fault;
}

function noPage({ op }: ExportRequest, address: number): MemoryError {
  const reason = "a device's memory has no page that could be held";
  return new MemoryError(Status.EINVAL, op, { address, reason });
}
