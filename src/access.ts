// Getting at a page: the fault that makes it accessible, and what to do when that has to wait.
//
// Invariants
//   F1  A frame number is used at once: nothing runs between the fault that gave it and the copy.
//   F2  An access to a page that is present, with the rights it needs, never waits for a plan that
//       is only queued.

import { Access, PAGE_SIZE, PTE_P, PTE_W, Status } from "../assembly/abi.ts";
import { Call, type CallOptions, UNTRIED } from "./call.ts";
import type { Core } from "./core.ts";
import type { Engine } from "./engine/engine.ts";
import { MemoryError } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { run, runSync } from "./pipeline.ts";
import { type Plan, span } from "./plan.ts";
import type { Space } from "./space.ts";

/** How often a page may be taken away again between its fault and its use. */
const RETRIES_MAX = 64;

/** Who accesses what, and how an error names it. */
export interface AccessRequest {
  readonly op: string;
  readonly access: Access;
  readonly address: number;
  /** Bytes of the same request that are done. */
  readonly done?: number;
}

/** The frame behind an address, at once. EAGAIN where somebody would have to be waited for. */
export function reachSync(
  { core, space, context }: Asker,
  op: string,
  access: Access,
  address: number,
  done: number,
): number {
  const { engine } = core;
  for (let tries = 0; tries < RETRIES_MAX; tries++) {
    const status = core.quiet ? engine.fault(space.handle, address, access) : UNTRIED;
    if (status === 0) return engine.answer.pfn;
    if (isFinal(status)) throw new MemoryError(status, op, { address, done });
    const plan = faultPlan(space, { op, access, address, done });
    const call = new Call(core, plan, context, null, status);
    const outcome = runSync(call);
    if (!call.wasTold) return outcome.pfn;
  }
  throw takenAway(op, address, done);
}

/** What the pipeline waits for, reads in or reclaims for. */
const GOES_ON: ReadonlySet<number> = new Set([Status.EAGAIN, Status.NEED_IO, Status.NEED_MEMORY]);

/** Whether the engine has refused for good: there is nothing to wait for, or to be read in. */
function isFinal(status: number): boolean {
  return status < 0 && status !== UNTRIED && !GOES_ON.has(status);
}

/** Who asks: the shell's objects behind an Mm. */
export interface Asker {
  readonly core: Core;
  readonly space: Space;
  readonly context: Bracket | null;
}

/** What is done with one page: frame, offset in it, offset in the whole, bytes. */
export type UsePage = (pfn: number, inPage: number, at: number, count: number) => void;

/** Uses each page of a range, waiting where it must: `use` gets the frame and copies at once. */
export async function eachPage(
  { core, space, context }: Asker,
  request: AccessRequest,
  bytes: number,
  options: CallOptions,
  use: UsePage,
): Promise<void> {
  for (let at = 0, tries = 0; at < bytes; ) {
    const page = { ...request, address: request.address + at, done: at };
    const status = tryNow(core, space, page);
    if (status === 0) {
      const inPage = page.address % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, bytes - at);
      use(core.engine.answer.pfn, inPage, at, count);
      at += count;
      tries = 0;
      continue;
    }
    tries++;
    if (tries > RETRIES_MAX) throw takenAway(page.op, page.address, page.done);
    const pending = run(new Call(core, faultPlan(space, page), context, options, status));
    if (pending instanceof Promise) await pending;
  }
}

/** Copies memory out, at once. */
export function loadSync(asker: Asker, address: number, target: Uint8Array): void {
  const { engine } = asker.core;
  for (let at = 0; at < target.byteLength; ) {
    const inPage = (address + at) % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - inPage, target.byteLength - at);
    const pfn = reachSync(asker, "read", Access.Read, address + at, at);
    engine.load(pfn, inPage, target, at, count);
    at += count;
  }
}

/** Copies memory in, at once. */
export function storeSync(asker: Asker, address: number, source: Uint8Array): void {
  const { engine } = asker.core;
  for (let at = 0; at < source.byteLength; ) {
    const inPage = (address + at) % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - inPage, source.byteLength - at);
    const pfn = reachSync(asker, "write", Access.Write, address + at, at);
    engine.store(pfn, inPage, source, at, count);
    at += count;
  }
}

/** The engine's answer; `UNTRIED` where a queued plan may stand before it. */
function tryNow(core: Core, space: Space, page: AccessRequest): number {
  const { engine } = core;
  if (!core.quiet && !isAccessible(engine, space, page.address, page.access)) return UNTRIED;
  return engine.fault(space.handle, page.address, page.access);
}

export function faultPlan(space: Space, request: AccessRequest): Plan {
  const { op, access, address, done } = request;
  return {
    op,
    space,
    ranges: span(address, 1),
    address,
    ...(done === undefined ? {} : { done }),
    unread: Status.BUS_ADRERR,
    attempt: (engine) => engine.fault(space.handle, address, access),
    passes: (engine) => isAccessible(engine, space, address, access),
  };
}

function isAccessible(engine: Engine, space: Space, address: number, access: Access): boolean {
  const entry = engine.page(space.handle, address - (address % PAGE_SIZE));
  if (entry === null || (entry.pteLo & PTE_P) === 0) return false;
  return access !== Access.Write || (entry.pteLo & PTE_W) !== 0;
}

/** The error for a page that was lost to others as often as anybody should try. */
export function takenAway(op: string, address: number, done: number | undefined): MemoryError {
  const reason = "the page was taken away again each time it was there";
  return new MemoryError(Status.EAGAIN, op, { address, done, reason });
}
