// What has changed in an address space: the areas that there are, the pages that were written.
//
//   snapshot ──▶ diff, base null ──apply──▶ an address space with the same bytes
//   changes  ──▶ diff, base = the name of the state before ──apply──▶ the same again
//
// A diff is data: it can be cloned to another thread, kept, or sent as bytes (bytes.ts).
//
// Invariants
//   U1  Areas and content are in order and do not overlap; each page lies in an area.

import { PAGE_SIZE, Status, TASK_SIZE } from "../../assembly/abi.ts";
import { MemoryError } from "../errors.ts";
import type { AddressRange } from "../plan.ts";

/** An area as it is applied: its range, its rights, and whether others see what is written. */
export interface DiffArea extends AddressRange {
  /** PROT_ bits. */
  readonly prot: number;
  readonly shared: boolean;
}

export interface MmDiff {
  readonly format: "pagebell-diff/1";
  /** Names the state that it leads to. */
  readonly id: string;
  /** Names the state that it goes on from; null: it is the whole of it. */
  readonly base: string | null;
  /** All areas, lowest first. */
  readonly areas: readonly DiffArea[];
  /** Where pages have contents, start and end in turn; elsewhere memory reads as zeros. */
  readonly content: Float64Array;
  /** The pages that follow, lowest first. */
  readonly addresses: Float64Array;
  /** A page of bytes for each address. */
  readonly bytes: Uint8Array;
}

export const FORMAT = "pagebell-diff/1";
/** Digits of a name, hexadecimal. */
export const ID_DIGITS = 16;
export const PROT_ALL = 7;

export function malformed(reason: string): MemoryError {
  return new MemoryError(Status.EINVAL, "diff", { reason });
}

/** Refuses what is no diff: EINVAL, with the reason; TypeError for what is no object. */
export function expectDiff(diff: MmDiff): void {
  if (typeof diff !== "object" || diff === null) throw new TypeError("diff: expected an MmDiff");
  if (diff.format !== FORMAT) throw malformed("another format");
  if (!isName(diff.id) || (diff.base !== null && !isName(diff.base))) throw malformed("no name");
  if (!Array.isArray(diff.areas)) throw malformed("no areas");
  const isTyped = diff.content instanceof Float64Array && diff.addresses instanceof Float64Array;
  if (!isTyped || !(diff.bytes instanceof Uint8Array)) throw malformed("no pages");
  if (diff.bytes.byteLength !== diff.addresses.length * PAGE_SIZE) {
    throw malformed("as many bytes as pages have are not there");
  }
  expectAreas(diff.areas);
  expectContent(diff.content);
  expectPages(diff);
}

function isName(id: unknown): boolean {
  return typeof id === "string" && /^[0-9a-f]{16}$/.test(id);
}

function isPage(address: unknown): address is number {
  if (typeof address !== "number" || !Number.isSafeInteger(address)) return false;
  return address >= 0 && address <= TASK_SIZE && address % PAGE_SIZE === 0;
}

function expectAreas(areas: readonly DiffArea[]): void {
  let end = 0;
  for (const area of areas) {
    const isRange = isPage(area?.start) && isPage(area.end) && area.start < area.end;
    if (!isRange || area.start < end) throw malformed("areas that are none, or out of order");
    const isProt = Number.isInteger(area.prot) && area.prot >= 0 && area.prot <= PROT_ALL;
    if (!isProt || typeof area.shared !== "boolean") throw malformed("an area without rights");
    end = area.end;
  }
}

function expectContent(content: Float64Array): void {
  if (content.length % 2 !== 0) throw malformed("half a range of contents");
  let last = -1;
  content.forEach((address, index) => {
    const isInOrder = index % 2 === 0 ? address >= last : address > last;
    if (!isPage(address) || !isInOrder) throw malformed("contents out of order");
    last = address;
  });
}

function expectPages({ areas, addresses }: MmDiff): void {
  let area = 0;
  let last = -1;
  for (const address of addresses) {
    if (!isPage(address) || address <= last) throw malformed("pages out of order");
    while ((areas[area]?.end ?? Number.POSITIVE_INFINITY) <= address) area++;
    if ((areas[area]?.start ?? Number.POSITIVE_INFINITY) > address) {
      throw malformed("a page in no area");
    }
    last = address;
  }
}
