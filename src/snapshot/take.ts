// Taking a diff: what has changed is read and forgotten in one step, so that nothing is in between.
//
//   swapped pages come in ──▶ clear soft-dirty: plan ─▶ holders let go ─▶ look ─▶ commit ─▶ copy
//                                  ▲                                        │
//                                  └──── one was swapped out again ─────────┘
//
// Private pages are told by soft-dirty; copying is of what was written alone. What a file or shared
// memory shows may be written by others, and by file: these pages are told by a hash of their
// bytes. Those whose bytes are in the file's backing are read first, as pages from swap are.

import {
  Access,
  FilePage,
  PAGE_IS_FILE,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_SWAPPED,
  PAGE_SIZE,
  Status,
  TASK_SIZE,
} from "../../assembly/abi.ts";
import { type Asker, faultPlan } from "../access.ts";
import { Call, type CallOptions } from "../call.ts";
import type { Core } from "../core.ts";
import type { AreaRecord, ScanRangeRecord } from "../engine/records.ts";
import { MemoryError } from "../errors.ts";
import { type Area, areas } from "../inspect.ts";
import { pagemapScan } from "../pagemap.ts";
import { runEach, runEachSync } from "../pipeline.ts";
import { type AddressRange, type Plan, whole } from "../plan.ts";
import type { Space, Tracking } from "../space.ts";
import { type DiffArea, FORMAT, ID_DIGITS, type MmDiff } from "./diff.ts";
import { joined } from "./ranges.ts";

/** How often pages may be swapped out again while a diff is taken. */
const ROUNDS_MAX = 64;
/** In place of a hash: the page was a private copy. */
const PRIVATE = -1;

/** Takes everything (`since` null), or what has changed since; waiting where it must. */
export function take(asker: Asker, since: MmDiff | null, options: CallOptions): Promise<MmDiff> {
  return runEach(taking(asker, since, options));
}

export function takeSync(asker: Asker, since: MmDiff | null): MmDiff {
  return runEachSync(taking(asker, since, null));
}

/** What a diff goes on from. ESTALE where it was not the last to clear soft-dirty. */
function trackingOf(space: Space, since: MmDiff | null): Tracking | null {
  if (since === null || space.handle === 0) return null;
  const { tracking } = space;
  if (tracking !== null && tracking.id === since.id) return tracking;
  const reason = "soft-dirty was cleared, or another diff taken, since";
  throw new MemoryError(Status.ESTALE, "changes", { reason });
}

function* taking(
  { core, space, context }: Asker,
  since: MmDiff | null,
  options: CallOptions | null,
): Generator<Call, MmDiff, void> {
  const op = since === null ? "snapshot" : "changes";
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const look = new Look(core, space, trackingOf(space, since));
    if (space.handle !== 0) look.again();
    for (const address of look.absent) {
      const request = { op, access: Access.Read, address };
      yield new Call(core, faultPlan(space, request), context, options);
    }
    try {
      const call = new Call(core, clearing(space, op, look), context, options);
      yield call;
      if (look.diff !== null) return look.diff;
    } catch (error) {
      if (look.absent.length === 0) throw error;
    }
  }
  throw new MemoryError(Status.EAGAIN, op, { reason: "its pages are swapped out again and again" });
}

function clearing(space: Space, op: string, look: Look): Plan {
  return {
    op,
    space,
    ranges: whole(),
    attempt(engine) {
      look.again();
      // No plan is in the way that could be waited for.
      if (look.absent.length > 0) return Status.EBUSY;
      return engine.pages.forgetSoftDirty(space.handle);
    },
    committing() {
      look.again();
      if (look.absent.length > 0) throw new MemoryError(Status.EBUSY, op);
    },
    settled() {
      space.tracking = look.finish();
    },
  };
}

/** A page that has changed, and its frame; 0 for zeros. */
interface ChangedPage {
  readonly address: number;
  readonly pfn: number;
}

/** What there is at one moment. */
class Look {
  /** Set when it is over. */
  diff: MmDiff | null = null;
  /** Pages whose bytes must come in first, from swap or a file's backing. */
  absent: number[] = [];
  readonly #core: Core;
  readonly #space: Space;
  readonly #before: Tracking | null;
  #areas: Area[] = [];
  #content: AddressRange[] = [];
  #changed: ChangedPage[] = [];
  #files = new Map<number, number>();

  constructor(core: Core, space: Space, before: Tracking | null) {
    this.#core = core;
    this.#space = space;
    this.#before = before;
  }

  /** Looks at everything, copies nothing. */
  again(): void {
    this.#areas = areas(this.#core, this.#space);
    this.#files = new Map();
    this.#changed = [];
    this.absent = [];
    const ranges = this.#privatePages();
    for (const range of ranges) if (this.#isChanged(range)) this.#addPrivate(range);
    const ofFiles = this.#filePages(ranges);
    this.#content = joined([...ranges, ...ofFiles].sort((a, b) => a.start - b.start));
    this.#changed.sort((a, b) => a.address - b.address);
  }

  /** Copies the bytes of what has changed; nothing ran since it looked. */
  finish(): Tracking {
    const { engine } = this.#core;
    const bytes = new Uint8Array(this.#changed.length * PAGE_SIZE);
    const name = new Name(this.#before?.id ?? "");
    this.#changed.forEach(({ address, pfn }, index) => {
      if (pfn !== 0) engine.load(pfn, 0, bytes, index * PAGE_SIZE, PAGE_SIZE);
      name.add(address);
      name.add(pfn === 0 ? 0 : engine.pages.hash(pfn));
    });
    const list = this.#areas.map(toDiffArea);
    for (const { start, end, prot } of list) for (const part of [start, end, prot]) name.add(part);
    const content = Float64Array.from(this.#content.flatMap(({ start, end }) => [start, end]));
    for (const address of content) name.add(address);
    this.diff = {
      format: FORMAT,
      id: name.text,
      base: this.#before?.id ?? null,
      areas: list,
      content,
      addresses: Float64Array.from(this.#changed, ({ address }) => address),
      bytes,
    };
    return { id: name.text, files: this.#files };
  }

  /** Ranges of private pages with contents, those that were written apart from the others. */
  #privatePages(): readonly ScanRangeRecord[] {
    return pagemapScan(this.#core, this.#space, {
      categoryMask: PAGE_IS_FILE | PAGE_IS_PFNZERO,
      categoryInverted: PAGE_IS_FILE | PAGE_IS_PFNZERO,
      categoryAnyOf: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
      returnMask: PAGE_IS_SOFT_DIRTY,
    }).ranges;
  }

  #isChanged({ categories }: ScanRangeRecord): boolean {
    return this.#before === null || (categories & PAGE_IS_SOFT_DIRTY) !== 0;
  }

  #addPrivate({ start, end }: AddressRange): void {
    for (let at = start; at < end; ) {
      const { list, next } = this.#core.engine.listPages(this.#space.handle, at, end);
      for (const { address, pfn, categories } of list) {
        if ((categories & PAGE_IS_SWAPPED) !== 0) this.absent.push(address);
        this.#changed.push({ address, pfn });
      }
      at = next;
    }
  }

  /** Looks at the pages that files and shared memory show; those with contents, as ranges. */
  #filePages(privately: readonly AddressRange[]): AddressRange[] {
    const found: AddressRange[] = [];
    const handle = this.#space.handle;
    let area = this.#core.engine.areaAfter(handle, 0);
    while (area !== null) {
      if (area.mapping !== 0) this.#fileArea(area, privately, found);
      area = area.end >= TASK_SIZE ? null : this.#core.engine.areaAfter(handle, area.end);
    }
    return joined(found);
  }

  #fileArea(area: AreaRecord, privately: readonly AddressRange[], found: AddressRange[]): void {
    let next = 0;
    for (let address = area.start; address < area.end; address += PAGE_SIZE) {
      while ((privately[next]?.end ?? Number.POSITIVE_INFINITY) <= address) next++;
      if ((privately[next]?.start ?? Number.POSITIVE_INFINITY) <= address) {
        this.#files.set(address, PRIVATE);
        continue;
      }
      const pfn = this.#cached(area, address);
      const hash = pfn === 0 ? 0 : this.#core.engine.pages.hash(pfn);
      this.#files.set(address, hash);
      if (hash !== 0) found.push({ start: address, end: address + PAGE_SIZE });
      if (hash !== (this.#before?.files.get(address) ?? 0)) this.#changed.push({ address, pfn });
    }
  }

  /** The frame of a page in the cache of its file, 0 where there is none: it reads as zeros. */
  #cached({ mapping, offset, start }: AreaRecord, address: number): number {
    const { engine } = this.#core;
    const index = (offset + address - start) / PAGE_SIZE;
    const status = engine.files.page(mapping, index, FilePage.Look);
    if (status === Status.EAGAIN) {
      const reason = "a file that it shows is being changed";
      throw new MemoryError(status, "snapshot", { address, reason });
    }
    // Its bytes are in the file's backing: it comes in as one from swap does.
    if (status === Status.NEED_IO) this.absent.push(address);
    return status === 0 ? engine.answer.pfn : 0;
  }
}

function toDiffArea({ start, end, read, write, execute, shared }: Area): DiffArea {
  return { start, end, prot: (read ? 1 : 0) | (write ? 2 : 0) | (execute ? 4 : 0), shared };
}

/** The name of a state: it follows from what leads to it. */
class Name {
  #high = 0x9e3779b9;
  #low = 0x85ebca6b;

  constructor(base: string) {
    for (const letter of base) this.add(letter.charCodeAt(0));
  }

  /** A whole number below 2 ** 53. */
  add(value: number): void {
    for (const word of [value % 2 ** 32, Math.floor(value / 2 ** 32)]) {
      this.#high = Math.imul(this.#high ^ word, 0x2c1b3c6d);
      this.#high ^= this.#high >>> 15;
      this.#low = Math.imul(this.#low ^ word ^ this.#high, 0x297a2d39);
      this.#low ^= this.#low >>> 13;
    }
  }

  get text(): string {
    const half = (word: number) => (word >>> 0).toString(16).padStart(ID_DIGITS / 2, "0");
    return half(this.#high) + half(this.#low);
  }
}
