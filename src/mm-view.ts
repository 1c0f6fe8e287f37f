// Looking at an address space: what /proc/PID shows, without changing anything.

import { FRAMES_MAX, PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { LayoutRecord } from "./engine/records.ts";
import { MemoryError } from "./errors.ts";
import * as inspect from "./inspect.ts";
import * as pagemap from "./pagemap.ts";
import * as smaps from "./smaps.ts";
import { SPACE, type Space } from "./space.ts";
import { translateMany, translateRange } from "./translate.ts";

/** Most pages that the engine answers `mincore` for in one call. */
const MINCORE_PAGES = 65_536;

/** The half of an `Mm` that only looks. ESRCH after exit. */
export class MmView {
  readonly [SPACE]: Space;
  readonly #core: Core;

  constructor(core: Core, space: Space) {
    this.#core = core;
    this[SPACE] = space;
  }

  /** A number that names this address space in listings; never zero. */
  get id(): number {
    return this[SPACE].id;
  }

  /** Whether it takes calls: exit has not begun. */
  get isAlive(): boolean {
    return this[SPACE].handle !== 0;
  }

  /** The text of /proc/PID/maps. */
  maps(): string {
    return inspect.mapsText(this.#core, this.#live("maps"));
  }

  /** The areas, lowest first. */
  areas(): inspect.Area[] {
    return inspect.areas(this.#core, this.#live("areas"));
  }

  /**
   * The pages with an entry in [start, end), lowest first, as /proc/PID/pagemap. A huge page has
   * one entry: it is listed once, at its first address, though that may lie below `start`.
   */
  pagemap(start = 0, end = Number.POSITIVE_INFINITY): Iterable<pagemap.PageInfo> {
    take.duration(start, "start");
    take.duration(end, "end");
    return pagemap.pagemap(this.#core, this.#live("pagemap"), start, end);
  }

  /**
   * The pages of a kind, as ranges: ioctl PAGEMAP_SCAN. Pages of an area that have no entry count:
   * they are soft-dirty where the area is new. EINVAL as there.
   */
  pagemapScan(options: pagemap.PagemapScanOptions = {}): pagemap.PagemapScan {
    return pagemap.pagemapScan(this.#core, this.#live("pagemapScan"), options);
  }

  /** The text of /proc/PID/smaps. */
  smaps(): string {
    return smaps.smapsText(this.#core, this.#live("smaps"));
  }

  /** The same as numbers: each area with what its pages amount to, lowest first. */
  smapsAreas(): smaps.AreaSums[] {
    return smaps.smapsAreas(this.#core, this.#live("smapsAreas"));
  }

  /** The text of /proc/PID/smaps_rollup. */
  smapsRollup(): string {
    return smaps.smapsRollupText(this.#core, this.#live("smapsRollup"));
  }

  /** What all areas amount to together. */
  smapsTotal(): smaps.MemorySums {
    return smaps.smapsRollup(this.#core, this.#live("smapsTotal"));
  }

  /** The page at `address`, or null where there is no entry. */
  page(address: number): pagemap.PageState | null {
    return pagemap.page(this.#core, this.#live("page"), take.word(address, "address"));
  }

  /**
   * The frame of each page of [start, start + length), a number each: `NO_FRAME` where none is
   * present, 0 for the zero page. Into `out` where it is given, else into a new array. Faults
   * nothing in, marks nothing as used. EINVAL for an unaligned start, EFAULT beyond user space.
   */
  translateRange(start: number, length: number, out?: Uint32Array): Uint32Array {
    return translateRange(this.#core, this.#live("translateRange"), start, length, out);
  }

  /** The same of addresses in any order. EFAULT, which says where, for one of no user. */
  translateMany(addresses: Float64Array, out?: Uint32Array): Uint32Array {
    return translateMany(this.#core, this.#live("translateMany"), addresses, out);
  }

  /**
   * Where the area at `address` maps a frame, or null: one look, without a walk over other places
   * (Linux: page_mapped_in_vma).
   */
  mappedIn(address: number, pfn: number): number | null {
    const at = take.word(address, "address");
    const frame = take.natural(pfn, "pfn");
    const { handle } = this.#live("mappedIn");
    return frame < FRAMES_MAX ? this.#core.engine.pages.mappedIn(handle, at, frame) : null;
  }

  /** Where the heap and the mappings begin, and the break. */
  layout(): LayoutRecord {
    const layout = this.#core.engine.layout(this.#live("layout").handle);
    if (layout === null) throw new MemoryError(Status.ESRCH, "layout");
    return layout;
  }

  /** One byte a page, 1 where it is resident, as mincore(2). */
  mincoreSync(address: number, length: number): Uint8Array {
    const at = take.word(address, "address");
    const size = take.word(length, "length");
    const { engine } = this.#core;
    const parts: Uint8Array[] = [];
    const step = MINCORE_PAGES * PAGE_SIZE;
    for (let done = 0; done === 0 || done < size; done += step) {
      const status = engine.mincore(this[SPACE].handle, at + done, Math.min(size - done, step));
      if (status < 0) throw new MemoryError(status, "mincore", { address: at + done });
      parts.push(engine.answer.windowBytes(engine.answer.count));
    }
    return join(parts);
  }

  async mincore(address: number, length: number): Promise<Uint8Array> {
    return this.mincoreSync(address, length);
  }

  #live(op: string): Space {
    if (this.isAlive) return this[SPACE];
    throw new MemoryError(Status.ESRCH, op, { reason: "the address space has exited" });
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
