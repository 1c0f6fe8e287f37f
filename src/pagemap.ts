// Looking at pages: /proc/PID/pagemap, entry by entry, and by what they are (PAGEMAP_SCAN).
//
// Invariants
//   V2  What is returned is a copy: nothing changes under the reader, nothing it does reaches back.

import {
  PAGE_IS_FILE,
  PAGE_IS_SOFT_DIRTY,
  PAGE_IS_SWAPPED,
  PAGE_SIZE,
  PTE_A,
  PTE_D,
  PTE_EXPORTED,
  PTE_H,
  PTE_NX_HI,
  PTE_P,
  PTE_W,
  Status,
  TASK_SIZE,
} from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { PageListRecord, ScanAsk, ScanRangeRecord } from "./engine/records.ts";
import { MemoryError } from "./errors.ts";
import type { AddressRange } from "./plan.ts";
import type { Space } from "./space.ts";

/** One page table entry: what /proc/PID/pagemap says of it, and the rights. */
export interface PageInfo {
  /** Bytes, a multiple of the page size. */
  readonly address: number;
  readonly present: boolean;
  /** Of a page that is present, else 0; 0 is the zero page as well. */
  readonly pfn: number;
  readonly swapped: boolean;
  /** Where the bytes are of a page that is swapped out, else 0. */
  readonly swapSlot: number;
  /** A page of a file or of shared memory, not a private one. */
  readonly file: boolean;
  /** Present, and mapped by this entry alone. */
  readonly exclusive: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
  /** Written since `clearSoftDirty`, or mapped anew. */
  readonly softDirty: boolean;
  readonly exported: boolean;
  /** A huge page, or a part of one: one entry maps all of its 2 MiB. */
  readonly huge: boolean;
  /** How many entries map the frame. */
  readonly mapCount: number;
}

/** A page table entry and the frame behind it. */
export interface PageState extends PageInfo {
  readonly refCount: number;
  /** Export records on the frame, of all subscribers. */
  readonly exports: number;
  /** Page flags of the frame, a bit each (`PG` of the contract). */
  readonly frameFlags: number;
}

/** Which pages a scan is for; masks are PAGE_IS_… bits, their default is none. */
export interface PagemapScanOptions {
  /** Bytes, multiples of the page size. Default: everything. */
  readonly start?: number;
  readonly end?: number;
  /** Categories that are looked at the other way round: the page must not have them. */
  readonly categoryInverted?: number;
  /** All of these a page must have. */
  readonly categoryMask?: number;
  /** One of these it must have, where there is any. */
  readonly categoryAnyOf?: number;
  /** What of a page's categories is returned, and tells ranges apart. Default: all. */
  readonly returnMask?: number;
  /** Most pages that are returned. Default: no limit. */
  readonly maxPages?: number;
}

/** Pages side by side that are the same. Bytes, half open. */
export interface PagemapRange extends AddressRange {
  /** PAGE_IS_… bits, of those that were asked for. */
  readonly categories: number;
}

export interface PagemapScan {
  readonly ranges: readonly PagemapRange[];
  /** Where the scan ended: `end`, or the address after the last of `maxPages`. */
  readonly walkEnd: number;
}

/** The pages with an entry in [start, end); each look goes on where the last one stopped. */
export function* pagemap(
  core: Core,
  space: Space,
  start: number,
  end: number,
): Generator<PageInfo, void, void> {
  const stop = Math.min(end, TASK_SIZE);
  let at = start - (start % PAGE_SIZE);
  while (at < stop) {
    const { list, next } = core.engine.listPages(space.id, at, stop);
    for (const entry of list) yield toInfo(entry);
    if (next <= at) return;
    at = next;
  }
}

export function page(core: Core, space: Space, address: number): PageState | null {
  const at = address - (address % PAGE_SIZE);
  const entry = core.engine.page(space.id, at);
  if (entry === null) return null;
  const { refCount, exports, frameFlags } = entry;
  return { ...toInfo({ ...entry, address: at }), refCount, exports, frameFlags };
}

function toInfo(entry: PageListRecord): PageInfo {
  const { address, pteLo, pteHi, pfn, mapCount, categories, slot } = entry;
  const present = (pteLo & PTE_P) !== 0;
  return {
    address,
    present,
    pfn,
    swapped: (categories & PAGE_IS_SWAPPED) !== 0,
    swapSlot: slot,
    file: (categories & PAGE_IS_FILE) !== 0,
    exclusive: present && mapCount === 1,
    writable: present && (pteLo & PTE_W) !== 0,
    executable: present && (pteHi & PTE_NX_HI) === 0,
    accessed: present && (pteLo & PTE_A) !== 0,
    dirty: present && (pteLo & PTE_D) !== 0,
    softDirty: (categories & PAGE_IS_SOFT_DIRTY) !== 0,
    exported: present && (pteLo & PTE_EXPORTED) !== 0,
    huge: present && (pteLo & PTE_H) !== 0,
    mapCount,
  };
}

const ALL_CATEGORIES = 0x1ff;

/** As ioctl PAGEMAP_SCAN: EINVAL for an odd range or a category that there is not. */
export function pagemapScan(core: Core, space: Space, options: PagemapScanOptions): PagemapScan {
  const ask = askOf(options);
  const ranges: ScanRangeRecord[] = [];
  let [at, pages] = [ask.start, ask.pages];
  while (at < ask.end && pages > 0) {
    const found = core.engine.pages.scan(space.handle, { ...ask, start: at, pages });
    if (found === null) throw new MemoryError(Status.ESRCH, "pagemapScan");
    for (const range of found.list) pages -= (range.end - range.start) / PAGE_SIZE;
    append(ranges, found.list);
    at = found.next;
  }
  return { ranges, walkEnd: at };
}

/** What one window ended with may go on in the next. */
function append(ranges: ScanRangeRecord[], more: readonly ScanRangeRecord[]): void {
  for (const range of more) {
    const last = ranges.at(-1);
    const goesOn = last?.end === range.start && last.categories === range.categories;
    if (goesOn) ranges[ranges.length - 1] = { ...last, end: range.end };
    else ranges.push(range);
  }
}

function askOf(options: PagemapScanOptions): ScanAsk {
  take.options(options, "options");
  const start = take.natural(options.start ?? 0, "start");
  const end = Math.min(take.duration(options.end ?? TASK_SIZE, "end"), TASK_SIZE);
  const pages = take.duration(options.maxPages ?? Number.POSITIVE_INFINITY, "maxPages");
  const inverted = take.natural(options.categoryInverted ?? 0, "categoryInverted");
  const mask = take.natural(options.categoryMask ?? 0, "categoryMask");
  const anyOf = take.natural(options.categoryAnyOf ?? 0, "categoryAnyOf");
  const returned = take.natural(options.returnMask ?? ALL_CATEGORIES, "returnMask");
  const isOdd = start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0 || start > end;
  const isUnknown = [inverted, mask, anyOf, returned].some((bits) => bits > ALL_CATEGORIES);
  if (isOdd || isUnknown) throw new MemoryError(Status.EINVAL, "pagemapScan", { address: start });
  return { start, end, inverted, mask, anyOf, returned, pages: Math.floor(pages) };
}
