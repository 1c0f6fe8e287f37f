// The holder outside: exports every page that it can reach, keeps its own reverse map, lets go
// when it is told, and watches that it is never left behind.
//
// Invariants
//   R6  An entry of its map stands for an export record of the engine, and the other way round.
//   R7  Whenever no operation runs, an entry's frame is the one that the page table has there: a
//       read through the entry reads what the process reads. What breaks this is a violation.
//   R8  It takes hold only of what is present, between operations; it faults nothing in.
//   R9  What is present and cannot be exported (PROT_NONE, no memory) it knows without a record:
//       it watches the address space, and so is told of these pages too.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import { MemoryError } from "../errors.ts";
import type { Machine } from "../machine.ts";
import type { Mm } from "../mm.ts";
import type { Why } from "../notifier/ops.ts";
import type { ExportNotifiers } from "../notifier/registry.ts";
import type { ExportOptions, Subscriber } from "../notifier/subscriber.ts";
import type { PageInfo } from "../pagemap.ts";
import { HeldPages } from "./held.ts";
import type { NoticeLog } from "./notice-log.ts";

/** The zero page's frame, whose mappings nobody counts. */
const ZERO_PAGE = 0;

/** The end of everything. */
const END = Number.MAX_SAFE_INTEGER;

interface MmRange {
  readonly mm: Mm;
  readonly start: number;
  readonly end: number;
}

export interface ExporterOptions {
  /** Answers a turn later, as one that must ask somebody far away. Default: at once. */
  readonly answersLater?: boolean;
}

export class Exporter {
  /** Entries that outlived their page: always 0 when the machine keeps its word. */
  violations = 0;
  /** Most entries held at once. */
  peak = 0;
  readonly #notifiers: ExportNotifiers;
  readonly #subscriber: Subscriber;
  readonly #log: NoticeLog;
  readonly #held = new HeldPages();
  readonly #forbidden = new HeldPages();
  readonly #followed = new Set<number>();
  /** Ranges that it was told of, and lets go of: to be taken hold of again when it is over. */
  #told: MmRange[] = [];

  constructor(machine: Machine, log: NoticeLog, { answersLater = false }: ExporterOptions = {}) {
    this.#log = log;
    const answer = answersLater
      ? async (work: () => void) => {
          await null;
          work();
        }
      : (work: () => void) => work();
    this.#notifiers = machine.exportNotifiers;
    this.#subscriber = machine.exportNotifiers.register({
      name: "exporter",
      sync: !answersLater,
      invalidateProcessRange: (mm, start, end) => {
        this.#note(mm, start, end);
        return answer(() => this.#drop(mm, start, end));
      },
      invalidatePage: (_page, why) => {
        for (const { mm, address } of why.places) this.#note(mm, address, address + PAGE_SIZE);
        return answer(() => this.#dropPlaces(why));
      },
      invalidateMappingRange: (_file, _start, _end, { ranges }) => {
        for (const { mm, start, end } of ranges) this.#note(mm, start, end);
        return answer(() => {
          for (const { mm, start, end } of ranges) this.#drop(mm, start, end);
        });
      },
      release: (mm) => {
        log.releases++;
        this.#followed.delete(mm.id);
        return answer(() => this.#drop(mm, 0, END));
      },
    });
  }

  get size(): number {
    return this.#held.size;
  }

  isFollowing(mm: Mm): boolean {
    return this.#followed.has(mm.id);
  }

  /** Begins to follow a new address space, with everything that is present in it. */
  async adopt(mm: Mm): Promise<void> {
    this.#subscriber.watch(mm);
    this.#followed.add(mm.id);
    await this.hold(mm, 0, END);
  }

  /** Takes hold again of what it let go of while it was told, as far as it is still there. */
  async resume(): Promise<void> {
    const told = this.#told;
    this.#told = [];
    for (const { mm, start, end } of told) await this.hold(mm, start, end);
  }

  /** Takes hold of what is present in a range, and looks at what it holds there. New entries. */
  async hold(mm: Mm, start: number, end: number): Promise<number> {
    if (!mm.isAlive || !this.#followed.has(mm.id)) return 0;
    const entries = [...mm.pagemap(start, end)].filter(({ present }) => present);
    this.#audit(mm, start, end, entries);
    let count = 0;
    for (const entry of entries) {
      if (entry.exported) continue;
      if (await this.#export(mm, entry)) count++;
      else this.#forbidden.add(mm, entry.address, entry.pfn);
    }
    this.peak = Math.max(this.peak, this.#held.size);
    return count;
  }

  /** Looks at everything: R6 and R7 for each entry and each record. Counts what is broken. */
  audit(mms: Iterable<Mm>): number {
    const before = this.violations;
    for (const mm of mms) {
      const present = [...mm.pagemap()].filter((entry) => entry.present);
      this.#audit(mm, 0, END, present);
    }
    let records = 0;
    for (const { mm, address, pfn } of this.#subscriber.exported()) {
      records++;
      if (mm === null || this.#held.pfn(mm, address) !== pfn) this.violations++;
    }
    this.violations += Math.abs(records - this.#held.size);
    return this.violations - before;
  }

  /** Lets go of everything and leaves. */
  async close(): Promise<void> {
    await this.#notifiers.unregister(this.#subscriber);
  }

  async #export(mm: Mm, { address, writable, pfn }: PageInfo): Promise<boolean> {
    const end = address + PAGE_SIZE;
    const options = { write: writable, fault: false };
    if (!(await this.#exportPage(mm, address, options))) return false;
    this.#held.add(mm, address, pfn);
    this.#forbidden.remove(mm, address, end);
    return true;
  }

  /** Whether it has a record of the page: not where nobody may touch it, nor without memory. */
  async #exportPage(mm: Mm, address: number, options: ExportOptions): Promise<boolean> {
    try {
      return (await this.#subscriber.exportRange(mm, address, address + PAGE_SIZE, options)) > 0;
    } catch (error) {
      if (!(error instanceof MemoryError) || error.code !== "ENOMEM") throw error;
      return false;
    }
  }

  #note(mm: Mm, start: number, end: number): void {
    this.#log.told++;
    for (const known of [this.#held, this.#forbidden]) {
      for (const address of known.addresses(mm, start, end)) this.#log.add(mm, address);
    }
    this.#told.push({ mm, start, end });
  }

  #drop(mm: Mm, start: number, end: number): void {
    this.#held.remove(mm, start, end);
    this.#forbidden.remove(mm, start, end);
    this.#subscriber.unexportRange(mm, start, end);
  }

  #dropPlaces({ places }: Why): void {
    for (const { mm, address } of places) this.#drop(mm, address, address + PAGE_SIZE);
  }

  /** Each entry in the range against the page table, as it is now. */
  #audit(mm: Mm, start: number, end: number, present: readonly PageInfo[]): void {
    const entries = new Map(present.map((entry) => [entry.address, entry]));
    for (const address of this.#held.addresses(mm, start, end)) {
      const entry = entries.get(address);
      const pfn = this.#held.pfn(mm, address) ?? ZERO_PAGE;
      if (entry?.pfn !== pfn) this.violations++;
      else if (pfn !== ZERO_PAGE && this.#held.entries(pfn) > entry.mapCount) this.violations++;
    }
  }
}
