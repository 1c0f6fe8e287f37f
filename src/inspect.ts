// Looking at an address space without changing it: areas, their text, pages.
//
// Invariants
//   V1  What is returned is a copy: nothing changes under the reader, nothing it does reaches back.

import {
  AreaName,
  PAGE_SIZE,
  PTE_A,
  PTE_D,
  PTE_EXPORTED,
  PTE_NX_HI,
  PTE_P,
  PTE_SOFT_DIRTY,
  PTE_W,
  TASK_SIZE,
  VM_EXEC,
  VM_MAYSHARE,
  VM_READ,
  VM_WRITE,
} from "../assembly/abi.ts";
import type { Core } from "./core.ts";
import type { AreaRecord } from "./engine/records.ts";
import type { Space } from "./space.ts";

/** Column at which /proc/PID/maps puts the name. */
const NAME_COLUMN = 73;

/** A mapped area (vm_area_struct). Addresses and offset in bytes, half open. */
export interface Area {
  readonly start: number;
  readonly end: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly shared: boolean;
  /** Of the file, or 0. */
  readonly offset: number;
  /** VM_* flags, Linux's numbers. */
  readonly flags: number;
  /** As `maps` shows it: a file's name, "[heap]", or "". */
  readonly name: string;
  /** Number of the mapping behind it, 0 for private anonymous memory. */
  readonly mapping: number;
}

/** One page table entry. */
export interface PageInfo {
  /** Bytes, a multiple of the page size. */
  readonly address: number;
  readonly present: boolean;
  readonly pfn: number;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
  readonly softDirty: boolean;
  readonly exported: boolean;
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

const SPECIAL: Record<AreaName, string> = {
  [AreaName.None]: "",
  [AreaName.Heap]: "[heap]",
  [AreaName.Stack]: "[stack]",
  [AreaName.Vdso]: "[vdso]",
  [AreaName.Vvar]: "[vvar]",
  [AreaName.VvarVclock]: "[vvar_vclock]",
};

export function areas(core: Core, space: Space): Area[] {
  const list: Area[] = [];
  let record = core.engine.areaAfter(space.id, 0);
  while (record !== null) {
    list.push(toArea(core, record));
    record = core.engine.areaAfter(space.id, record.end);
  }
  return list;
}

export function mapsText(core: Core, space: Space): string {
  return areas(core, space).map(mapsLine(core)).join("");
}

function toArea(core: Core, record: AreaRecord): Area {
  const { start, end, offset, vmFlags, mapping } = record;
  const special = SPECIAL[record.name] ?? "";
  const file = mapping === 0 ? "" : (core.files.get(mapping)?.name ?? "/dev/zero (deleted)");
  return {
    start,
    end,
    read: (vmFlags & VM_READ) !== 0,
    write: (vmFlags & VM_WRITE) !== 0,
    execute: (vmFlags & VM_EXEC) !== 0,
    shared: (vmFlags & VM_MAYSHARE) !== 0,
    offset: mapping === 0 ? 0 : offset,
    flags: vmFlags,
    name: special === "" ? file : special,
    mapping,
  };
}

function mapsLine(core: Core): (area: Area) => string {
  return (area) => {
    const range = `${hex(area.start)}-${hex(area.end)}`;
    const device = deviceOf(core, area.mapping);
    const head = `${range} ${rights(area)} ${hex(area.offset)} ${device} ${area.mapping} `;
    return `${area.name === "" ? head : head.padEnd(NAME_COLUMN) + area.name}\n`;
  };
}

function rights({ read, write, execute, shared }: Area): string {
  const bits = `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}`;
  return `${bits}${shared ? "s" : "p"}`;
}

function deviceOf(core: Core, mapping: number): string {
  if (mapping === 0) return "00:00";
  return core.files.get(mapping)?.kind === "disk" ? "08:01" : "00:01";
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
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
    for (const entry of list) {
      yield { ...toInfo(entry.address, entry.pteLo, entry.pteHi, entry.pfn, entry.mapCount) };
    }
    if (next <= at) return;
    at = next;
  }
}

export function page(core: Core, space: Space, address: number): PageState | null {
  const at = address - (address % PAGE_SIZE);
  const entry = core.engine.page(space.id, at);
  if (entry === null) return null;
  const { refCount, exports, frameFlags } = entry;
  const info = toInfo(at, entry.pteLo, entry.pteHi, entry.pfn, entry.mapCount);
  return { ...info, refCount, exports, frameFlags };
}

function toInfo(
  address: number,
  pteLo: number,
  pteHi: number,
  pfn: number,
  mapCount: number,
): PageInfo {
  return {
    address,
    present: (pteLo & PTE_P) !== 0,
    pfn,
    writable: (pteLo & PTE_W) !== 0,
    executable: (pteHi & PTE_NX_HI) === 0,
    accessed: (pteLo & PTE_A) !== 0,
    dirty: (pteLo & PTE_D) !== 0,
    softDirty: (pteLo & PTE_SOFT_DIRTY) !== 0,
    exported: (pteLo & PTE_EXPORTED) !== 0,
    mapCount,
  };
}
