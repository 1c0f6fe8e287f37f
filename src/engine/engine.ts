// The engine as an object: with the groups of calls beside it (…-calls.ts) the only caller of its
// exports, and the only reader of its memory.
//
// Invariants
//   N1  Every call of an export stands in a `try`: what it throws poisons the machine, and every
//       call after that throws the same EngineFault.
//   N2  What the engine leaves in its result block or window is copied out before anything else
//       can call into it.
//   N3  Hot calls (`mmap` to `fault`) allocate nothing.

import { FRAMES_MAX, FRAMES_MIN, PAGE_SIZE, Status, type Vmstat } from "../../assembly/abi.ts";
import { EngineFault } from "../errors.ts";
import { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import { copy } from "./copy.ts";
import { DeviceCalls } from "./device-calls.ts";
import type { EngineExports, EngineFunctions } from "./exports.ts";
import { FileCalls } from "./file-calls.ts";
import { Heap } from "./heap.ts";
import { HugeCalls } from "./huge-calls.ts";
import { ImportCalls } from "./import-calls.ts";
import { KsmCalls } from "./ksm-calls.ts";
import { PageCalls } from "./page-calls.ts";
import { PlaceCalls } from "./place-calls.ts";
import { poisoned } from "./poisoned.ts";
import { ReclaimCalls } from "./reclaim-calls.ts";
import type * as R from "./records.ts";
import { SwapCalls } from "./swap-calls.ts";
import { WritebackCalls } from "./writeback-calls.ts";

export class Engine {
  readonly files: FileCalls;
  readonly huge: HugeCalls;
  readonly swap: SwapCalls;
  readonly place: PlaceCalls;
  readonly import: ImportCalls;
  readonly pages: PageCalls;
  readonly devices: DeviceCalls;
  readonly merges: KsmCalls;
  readonly writeback: WritebackCalls;
  readonly reclaim: ReclaimCalls;
  #wasm: EngineFunctions;
  readonly #heap: Heap;
  readonly #answers: Answers;
  #frames = 0;
  #vmstat = 0;
  #fault: EngineFault | null = null;

  constructor(exports: EngineExports) {
    this.#wasm = exports;
    this.#heap = new Heap(exports.memory);
    this.#answers = new Answers(this.#heap);
    const ask: Ask = (call) => this.#ask(call);
    this.files = new FileCalls(ask);
    this.huge = new HugeCalls(ask);
    this.swap = new SwapCalls(ask, this.#answers);
    this.import = new ImportCalls(ask);
    this.pages = new PageCalls(ask, this.#answers);
    this.devices = new DeviceCalls(ask, this.#answers);
    this.place = new PlaceCalls(ask, this.#answers);
    this.merges = new KsmCalls(ask, this.#answers);
    this.writeback = new WritebackCalls(ask, this.#answers);
    this.reclaim = new ReclaimCalls(ask, this.#answers);
  }

  /** Makes the machine. `Status.ENOMEM` when the host gives no memory. */
  start(frames: number): number {
    if (frames < FRAMES_MIN || frames > FRAMES_MAX) return Status.EINVAL;
    return this.#ask((wasm) => {
      const status = wasm.machine_init(frames);
      if (status < 0) return status;
      this.#answers.locate(wasm.result_pointer() >>> 0, wasm.window_pointer() >>> 0);
      this.#frames = wasm.frames_pointer() >>> 0;
      this.#vmstat = wasm.vmstat_pointer() >>> 0;
      return status;
    });
  }

  // Operations: 0 done, above 0 a ticket, below 0 a status.

  mmap(
    mm: number,
    at: number,
    size: number,
    prot: number,
    flags: number,
    map: number,
    pos: number,
  ) {
    try {
      return this.#wasm.mm_mmap(mm, at, size, prot, flags, map, pos);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  munmap(mm: number, address: number, bytes: number): number {
    try {
      return this.#wasm.mm_munmap(mm, address, bytes);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  mprotect(mm: number, address: number, bytes: number, prot: number): number {
    try {
      return this.#wasm.mm_mprotect(mm, address, bytes, prot);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  madvise(mm: number, address: number, bytes: number, advice: number): number {
    try {
      return this.#wasm.mm_madvise(mm, address, bytes, advice);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  brk(mm: number, address: number): number {
    try {
      return this.#wasm.mm_brk(mm, address);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  fault(mm: number, address: number, access: number): number {
    try {
      return this.#wasm.mm_fault(mm, address, access);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  mremap(mm: number, at: number, old: number, bytes: number, flags: number, to: number): number {
    return this.#ask((wasm) => wasm.mm_mremap(mm, at, old, bytes, flags, to));
  }

  mlock(mm: number, address: number, bytes: number, flags: number): number {
    return this.#ask((wasm) => wasm.mm_mlock(mm, address, bytes, flags));
  }

  munlock(mm: number, address: number, bytes: number): number {
    return this.#ask((wasm) => wasm.mm_munlock(mm, address, bytes));
  }

  mlockall(mm: number, flags: number): number {
    return this.#ask((wasm) => wasm.mm_mlockall(mm, flags));
  }

  munlockall(mm: number): number {
    return this.#ask((wasm) => wasm.mm_munlockall(mm));
  }

  populate(mm: number, start: number, end: number, mode: number): number {
    return this.#ask((wasm) => wasm.mm_populate(mm, start, end, mode));
  }

  fork(mm: number): number {
    return this.#ask((wasm) => wasm.mm_fork(mm));
  }

  exit(mm: number): number {
    return this.#ask((wasm) => wasm.mm_exit(mm));
  }

  migrate(pfn: number): number {
    return this.#ask((wasm) => wasm.page_migrate(pfn));
  }

  /** Pages of the largest promise of private writable memory; 0: as many as there are frames. */
  overcommit(pages: number): void {
    this.#ask((wasm) => wasm.machine_overcommit(pages));
  }

  createMm(mmapBase: number, brkStart: number): number {
    return this.#ask((wasm) => wasm.mm_create(mmapBase, brkStart));
  }

  mincore(mm: number, address: number, bytes: number): number {
    return this.#ask((wasm) => wasm.mm_mincore(mm, address, bytes));
  }

  /** From address `from` on; 1 where what `answer.syncRange` says is to be synced first. */
  msync(mm: number, at: number, bytes: number, flags: number, from: number, hole: boolean): number {
    return this.#ask((wasm) => wasm.mm_msync(mm, at, bytes, flags, from, hole ? 1 : 0));
  }

  // Tickets.

  commit(ticket: number): number {
    return this.#ask((wasm) => wasm.ticket_commit(ticket));
  }

  abort(ticket: number): void {
    this.#ask((wasm) => wasm.ticket_abort(ticket));
  }

  end(ticket: number): void {
    this.#ask((wasm) => wasm.ticket_end(ticket));
  }

  /**
   * The notices of an open ticket, in the order that Linux announces them; the hits of a mapping
   * range are in its record.
   */
  notices(ticket: number): R.NoticeRecord[] {
    return this.#ask((wasm) => {
      const list: R.NoticeRecord[] = [];
      let notice = wasm.ticket_notices(ticket) >>> 0;
      while (notice !== 0) {
        const { record, last } = this.#notice(wasm, notice);
        list.push(record);
        notice = this.#answers.nextNotice(last);
      }
      return list;
    });
  }

  // Records.

  addExport(subscriber: number, mm: number, address: number, rights: number): number {
    return this.#ask((wasm) => wasm.export_add(subscriber, mm, address, rights));
  }

  removeExports(subscriber: number, mm: number, start: number, end: number): number {
    return this.#ask((wasm) => wasm.export_remove_range(subscriber, mm, start, end));
  }

  removeAllExports(subscriber: number): number {
    return this.#ask((wasm) => wasm.export_remove_all(subscriber));
  }

  lowerExports(subscriber: number, mm: number, start: number, end: number): number {
    return this.#ask((wasm) => wasm.export_lower_range(subscriber, mm, start, end));
  }

  countExports(subscriber: number): number {
    return this.#ask((wasm) => wasm.export_count(subscriber)) >>> 0;
  }

  /** All records of one subscriber, window by window, with nothing in between. */
  allExports(subscriber: number): R.ExportRecord[] {
    return this.#ask((wasm) => {
      const list = (skip: number) =>
        this.#answers.exports(wasm.export_list(subscriber, skip) >>> 0);
      const all = list(0);
      for (let more = all; more.length > 0; all.push(...more)) more = list(all.length);
      return all;
    });
  }

  watch(mm: number, delta: number): number {
    return this.#ask((wasm) => wasm.mm_watch(mm, delta));
  }

  setDirty(mm: number, address: number): number {
    return this.#ask((wasm) => wasm.page_set_dirty(mm, address));
  }

  quarantined(): number {
    return this.#ask((wasm) => wasm.quarantine_count()) >>> 0;
  }

  /** What the last call left in the result block and the window. */
  get answer(): Answers {
    return this.#answers;
  }

  // Inspection.

  layout(mm: number): R.LayoutRecord | null {
    return this.#ask((wasm) => wasm.mm_layout(mm)) < 0 ? null : this.#answers.layout;
  }

  /** The first area that ends above `address`, or null. */
  areaAfter(mm: number, address: number): R.AreaRecord | null {
    return this.#ask((wasm) => wasm.area_next(mm, address)) === 1 ? this.#answers.area : null;
  }

  /** The entry of the page at `address`, or null where there is none. */
  page(mm: number, address: number): R.PageRecord | null {
    return this.#ask((wasm) => wasm.page_query(mm, address)) === 1 ? this.#answers.page : null;
  }

  /** Entries from `start` on, as many as one window holds, and where to go on. */
  listPages(mm: number, start: number, end: number): { list: R.PageListRecord[]; next: number } {
    const count = Math.max(
      this.#ask((wasm) => wasm.page_list(mm, start, end)),
      0,
    );
    return { list: this.#answers.pages(count), next: count === 0 ? end : this.#answers.value };
  }

  counter(index: Vmstat): number {
    return this.#heap.double(this.#vmstat + index * Float64Array.BYTES_PER_ELEMENT);
  }

  /** The bytes of frames from `pfn` on; a window on the machine, not a copy. */
  frame(pfn: number, pages = 1): Uint8Array {
    const at = this.#frames + pfn * PAGE_SIZE;
    return this.#heap.bytes.subarray(at, at + pages * PAGE_SIZE);
  }

  /** Copies `bytes` out of a frame. */
  load(pfn: number, from: number, into: Uint8Array, at: number, bytes: number): void {
    copy(this.#heap.bytes, this.#frames + pfn * PAGE_SIZE + from, into, at, bytes);
  }

  /** Copies `bytes` of `data` into a frame. */
  store(pfn: number, to: number, data: Uint8Array, at: number, bytes: number): void {
    copy(data, at, this.#heap.bytes, this.#frames + pfn * PAGE_SIZE + to, bytes);
  }

  get framesTotal(): number {
    return this.#ask((wasm) => wasm.frames_total()) >>> 0;
  }

  get framesFree(): number {
    return this.#ask((wasm) => wasm.frames_free()) >>> 0;
  }

  get memoryBytes(): number {
    return this.#heap.size;
  }

  /** The number of the first broken invariant, 0 when all hold. */
  check(): number {
    return this.#ask((wasm) => wasm.machine_check()) >>> 0;
  }

  /** Makes every later call throw; returns what they throw. */
  poison(cause: unknown): EngineFault {
    if (this.#fault === null) {
      const fault = new EngineFault(cause);
      this.#fault = fault;
      this.#wasm = poisoned(fault);
    }
    return this.#fault;
  }

  #ask<T>(call: (wasm: EngineFunctions) => T): T {
    try {
      return call(this.#wasm);
    } catch (cause) {
      throw this.poison(cause);
    }
  }

  /** A notice with the hits behind it, and the last notice that is in it. */
  #notice(wasm: EngineFunctions, notice: number): { record: R.NoticeRecord; last: number } {
    const reach = this.#reach(wasm, notice);
    const places = this.pages.noticePlaces(wasm, notice);
    const hits: R.HitRecord[] = [];
    let last = notice;
    for (let hit = this.#answers.nextHit(last); hit !== 0; hit = this.#answers.nextHit(hit)) {
      hits.push(this.#answers.hit(hit, this.#reach(wasm, hit)));
      last = hit;
    }
    return { record: this.#answers.notice(notice, reach, places, hits), last };
  }

  #reach(wasm: EngineFunctions, notice: number): number[] {
    return wasm.notice_reach(notice) === 0 ? [] : this.#answers.subscribers();
  }
}
