// What a subscriber gets from `register`: how it exports pages, lets go of them, and leaves.
//
// Invariants
//   S8  Letting go is always allowed and counts at once.

import { PAGE_SIZE, Rights, Status } from "../../assembly/abi.ts";
import * as take from "../arguments.ts";
import { type CallOptions, limitsOf } from "../call.ts";
import type { Core } from "../core.ts";
import { MemoryError } from "../errors.ts";
import { sweep, sweepAtLast } from "../grave.ts";
import type { Mm } from "../mm.ts";
import type { Page } from "../page.ts";
import { pageDown, pageUp } from "../plan.ts";
import { CONTEXT, type Space, spaceOf } from "../space.ts";
import { observe } from "./delivery.ts";
import {
  type ExportRequest,
  exportPage,
  exportPageSync,
  exportSeries,
  exportSeriesSync,
} from "./export.ts";
import { givePage, lowerPages, revokePages } from "./held-pages.ts";
import type { Member } from "./member.ts";

/** Key of a subscriber's internal half. */
export const MEMBER: unique symbol = Symbol("member");

/** How pages are exported. */
export interface ExportOptions extends CallOptions {
  /** With write access. Default false. */
  readonly write?: boolean;
  /** Fault in pages that are not there. Default true; false: `exportRange` leaves them out. */
  readonly fault?: boolean;
}

/** One page that a subscriber holds. */
export interface ExportedPage {
  /** Null when the address space is gone and the frame is quarantined. */
  readonly mm: Mm | null;
  readonly address: number;
  readonly pfn: number;
  readonly write: boolean;
}

export class Subscriber {
  readonly [MEMBER]: Member;
  readonly #core: Core;

  constructor(core: Core, member: Member) {
    this.#core = core;
    this[MEMBER] = member;
  }

  get name(): string {
    return this[MEMBER].name;
  }

  /** "active", "leaving" (unregistered, still draining), or "gone". */
  get state() {
    return this[MEMBER].state;
  }

  /** Whether a callback missed its deadline and has not settled. */
  get isOwing(): boolean {
    return this[MEMBER].owing.size > 0;
  }

  /** Pages that it holds, in all address spaces, quarantined ones too. */
  get exportedCount(): number {
    if (this[MEMBER].state === "gone") return 0;
    return this.#core.engine.countExports(this[MEMBER].id);
  }

  /**
   * Exports the page at `address` (SetPageExported), faulting it in first. SIGSEGV, SIGBUS as a
   * fault; EAGAIN while a callback of this subscriber runs and the page is frozen; ENOSPC at the
   * limit of records; ESTALE when it is unregistered or fenced.
   */
  async export(mm: Mm, address: number, options?: ExportOptions): Promise<Page> {
    const [request, made] = this.#single(mm, options);
    const at = pageOf(address, "address");
    const limits = limitsOf(options);
    await exportPage(request, at, limits);
    // Taken away again before this promise was looked at: then there is nothing to hold yet.
    while (made.page === null || made.page.isRevoked) await exportPage(request, at, limits);
    return made.page;
  }

  exportSync(mm: Mm, address: number, options?: ExportOptions): Page {
    const [request, made] = this.#single(mm, options);
    const at = pageOf(address, "address");
    exportPageSync(request, at);
    if (made.page !== null) return made.page;
    throw new MemoryError(Status.EAGAIN, "export", { address: at });
  }

  /** Exports a series of pages. How many; an error carries how many bytes were `done`. */
  async exportRange(mm: Mm, start: number, end: number, options?: ExportOptions): Promise<number> {
    const request = this.#request("exportRange", mm, options);
    const [from, to] = [pageOf(start, "start"), take.word(end, "end")];
    return exportSeries(request, from, to, limitsOf(options));
  }

  exportRangeSync(mm: Mm, start: number, end: number, options?: ExportOptions): number {
    const request = this.#request("exportRange", mm, options);
    const [from, to] = [pageOf(start, "start"), take.word(end, "end")];
    return exportSeriesSync(request, from, to);
  }

  /** Lets go of the page at `address` (ClearPageExported). Whether it held it. */
  unexport(mm: Mm, address: number): boolean {
    const at = pageOf(address, "address");
    return this.unexportRange(mm, at, at + PAGE_SIZE) > 0;
  }

  /** Lets go of the pages that [start, end) touches. How many. */
  unexportRange(mm: Mm, start: number, end: number): number {
    const member = this[MEMBER];
    const space = spaceOf(this.#core, mm);
    const [from, to] = pagesOf(start, end);
    if (member.state === "gone" || from >= to) return 0;
    const count = this.#core.engine.removeExports(member.id, space.id, from, to);
    if (count > 0) this.#letGo(space, from, to);
    return Math.max(count, 0);
  }

  /**
   * Gives up write access to the pages that [start, end) touches, keeps read access. How many
   * pages it had with it.
   */
  lower(mm: Mm, start: number, end: number): number {
    const member = this[MEMBER];
    const space = spaceOf(this.#core, mm);
    const [from, to] = pagesOf(start, end);
    if (member.state === "gone" || from >= to) return 0;
    const count = this.#core.engine.lowerExports(member.id, space.id, from, to);
    if (count > 0) lowerPages(member, space, from, to);
    return Math.max(count, 0);
  }

  /** Says that the page was written from outside, so that it is not lost as clean. ESTALE. */
  setDirty(mm: Mm, address: number): void {
    const space = spaceOf(this.#core, mm);
    if (this[MEMBER].state === "gone") throw this.#stale("setDirty");
    const status = this.#core.engine.setDirty(space.id, take.word(address, "address"));
    if (status < 0) throw new MemoryError(status, "setDirty", { address });
  }

  /**
   * Says that it has used its pages that [start, end) touches: reclaim takes others first. For
   * subscribers that are not asked (`determineReferences`), because they are not declared sync.
   * How many pages.
   */
  markAccessed(mm: Mm, start: number, end: number): number {
    const member = this[MEMBER];
    const space = spaceOf(this.#core, mm);
    const [from, to] = pagesOf(start, end);
    if (member.state === "gone" || from >= to) return 0;
    return Math.max(this.#core.engine.reclaim.markAccessed(member.id, space.id, from, to), 0);
  }

  /** Lets go of everything (export_notifier_release); it stays registered. How many pages. */
  release(): number {
    const member = this[MEMBER];
    if (member.state === "gone") return 0;
    const count = Math.max(this.#core.engine.removeAllExports(member.id), 0);
    revokePages(member);
    if (count > 0) this.#idle();
    if (count > 0) sweep(this.#core);
    return count;
  }

  /**
   * Asks to be told of every range operation of `mm`, exported or not (MMF_EXPORTED), and of each
   * page of it that is evicted.
   */
  watch(mm: Mm): void {
    const member = this.#active("watch");
    const space = spaceOf(this.#core, mm);
    if (space.handle === 0) throw new MemoryError(Status.ESRCH, "watch");
    if (space.watchers.has(member)) return;
    const status = this.#core.engine.watch(space.handle, 1);
    if (status < 0) throw new MemoryError(status, "watch");
    space.watchers.add(member);
    member.watching.add(space);
  }

  unwatch(mm: Mm): void {
    const space = spaceOf(this.#core, mm);
    if (!space.watchers.delete(this[MEMBER])) return;
    this[MEMBER].watching.delete(space);
    this.#core.engine.watch(space.id, -1);
  }

  /** Calls `listener` whenever the last page is let go; returns how to stop listening. */
  onIdle(listener: () => void): () => void {
    if (typeof listener !== "function") throw take.typeError("listener", "a function", listener);
    this[MEMBER].idleListeners.add(listener);
    return () => this[MEMBER].idleListeners.delete(listener);
  }

  /** Every page that it holds when the first is asked for, let go meanwhile or not. */
  *exported(): Generator<ExportedPage, void, void> {
    const { engine, spaces } = this.#core;
    const { id, state } = this[MEMBER];
    if (state === "gone") return;
    for (const { mm, address, pfn, rights } of engine.allExports(id)) {
      const space = spaces.get(mm);
      const write = (rights & Rights.Write) !== 0;
      yield { mm: space?.mm ?? null, address, pfn, write };
    }
  }

  #request(op: string, mm: Mm, options: ExportOptions | undefined): ExportRequest {
    const member = this.#active(op);
    const space = spaceOf(this.#core, mm);
    take.options(options, "options");
    const write = take.flag(options?.write, "write");
    const fault = options?.fault === undefined || take.flag(options.fault, "fault");
    return { op, core: this.#core, member, space, context: mm[CONTEXT], write, fault };
  }

  /** A request for one page, and where the page is put when its record is made. */
  #single(mm: Mm, options: ExportOptions | undefined): [ExportRequest, { page: Page | null }] {
    take.options(options, "options");
    const request = this.#request("export", mm, { ...options, fault: true });
    const { space, write } = request;
    const found: { page: Page | null } = { page: null };
    const made = (address: number, pfn: number) => {
      found.page = givePage(this.#core, this[MEMBER], { mm: space.mm, address }, pfn, write);
    };
    return [{ ...request, made }, found];
  }

  #letGo(space: Space, start: number, end: number): void {
    revokePages(this[MEMBER], space, start, end);
    this.#idle();
    if (space.handle === 0) sweepAtLast(this.#core);
  }

  #idle(): void {
    const member = this[MEMBER];
    if (member.idleListeners.size === 0 || this.exportedCount > 0) return;
    for (const listener of [...member.idleListeners]) {
      observe(this.#core, member, "onIdle", listener);
    }
  }

  #active(op: string): Member {
    const member = this[MEMBER];
    if (member.state === "active") return member;
    throw this.#stale(op);
  }

  #stale(op: string): MemoryError {
    const member = this[MEMBER];
    const fate = member.fenced ? "is fenced" : "has unregistered";
    const reason = `subscriber "${member.name}" ${fate}`;
    return new MemoryError(Status.ESTALE, op, { reason, holder: member.name });
  }
}

/** The pages that a range touches, as a range of bytes. */
function pagesOf(start: number, end: number): [number, number] {
  const [from, to] = [take.word(start, "start"), take.word(end, "end")];
  return from < to ? [pageDown(from), pageUp(to)] : [0, 0];
}

function pageOf(address: number, name: string): number {
  return pageDown(take.word(address, name));
}
