// Mapping what a device owns: the shell's half of remap_pfn_range and apply_to_page_range.
//
// Invariants
//   Y3  A visitor sees a batch of entries, and what it wants installed of them is installed at once
//       or not at all; in between nothing but the visitor runs.

import { PTE_P, PTE_SPECIAL, PTE_W, Status, TASK_SIZE } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Engine } from "./engine/engine.ts";
import type { PfnRecord, PteRecord } from "./engine/records.ts";
import { MemoryError } from "./errors.ts";
import { type Plan, span } from "./plan.ts";
import type { Space } from "./space.ts";

/** One page table entry, as `applyToPageRange` shows it to its visitor. */
export interface PageEntry {
  /** Bytes, a multiple of the page size. */
  readonly address: number;
  readonly present: boolean;
  /** Frame of a present one, else 0. */
  readonly pfn: number;
  readonly writable: boolean;
  /** A device's page, or the zero page. */
  readonly special: boolean;
}

/** What a visitor wants in the place of an entry: a page of a device. */
export interface DevicePage {
  readonly pfn: number;
  /** May be written at once, where the area is shared and allows it. Default false. */
  readonly write?: boolean;
}

/** Looks at one entry; leaves it, or says what is to be there. */
export type PageVisitor = (entry: PageEntry) => DevicePage | undefined;

export function remapPfnRange(
  space: Space,
  address: number,
  pfn: number,
  length: number,
  prot: number,
): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  const [frame, bits] = [take.natural(pfn, "pfn"), take.strictFlags(prot, "prot")];
  return {
    op: "remapPfnRange",
    space,
    ranges: span(at, size),
    attempt: (engine) => engine.devices.remap(space.handle, at, frame, size, bits),
  };
}

/** The plans of one walk, batch by batch: each goes on where the one before it stopped. */
export function* applyToPageRange(
  space: Space,
  address: number,
  length: number,
  visit: PageVisitor,
): Generator<Plan, void, void> {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  if (typeof visit !== "function") throw take.typeError("visit", "a function", visit);
  const end = at + size;
  let start = at;
  do {
    const batch: Batch = { space, start, end, next: end };
    yield {
      op: "applyToPageRange",
      space,
      ranges: span(start, size - (start - at)),
      attempt: (engine) => visitBatch(engine, batch, visit),
    };
    start = batch.next;
  } while (start < end);
}

interface Batch {
  readonly space: Space;
  readonly start: number;
  readonly end: number;
  /** Where the batch after it begins. */
  next: number;
}

function visitBatch(engine: Engine, batch: Batch, visit: PageVisitor): number {
  const { space, start, end } = batch;
  if (end > TASK_SIZE) return Status.EINVAL;
  const list = engine.devices.list(space.handle, start, end);
  if (typeof list === "number") return list;
  const last = list.at(-1);
  if (last === undefined) return Status.EINVAL;
  const stop = last.next;
  const wanted: PfnRecord[] = [];
  for (const [page, record] of list.entries()) {
    const device = visit(toEntry(record));
    if (device !== undefined) wanted.push(toRecord(engine, page, device));
  }
  const status = wanted.length === 0 ? 0 : install(engine, batch, stop, wanted);
  if (status === 0) batch.next = stop;
  return status;
}

function install(engine: Engine, batch: Batch, stop: number, wanted: PfnRecord[]): number {
  const { space, start } = batch;
  const status = engine.devices.install(space.handle, start, stop, wanted);
  if (status !== Status.EBUSY) return status;
  const reason = "a page there is exported: whoever holds it must be told first";
  throw new MemoryError(status, "applyToPageRange", { address: start, reason });
}

function toEntry({ address, pteLo, pfn }: PteRecord): PageEntry {
  const present = (pteLo & PTE_P) !== 0;
  return {
    address,
    present,
    pfn: present ? pfn : 0,
    writable: present && (pteLo & PTE_W) !== 0,
    special: present && (pteLo & PTE_SPECIAL) !== 0,
  };
}

/** A frame number past the last is none. */
function toRecord(engine: Engine, page: number, device: DevicePage): PfnRecord {
  take.options(device, "page");
  const pfn = take.natural(device.pfn, "pfn");
  const write = take.flag(device.write, "write");
  return { page, pfn: pfn < engine.framesTotal ? pfn : 0, write };
}
