// Looking at an address space without changing it: areas, and their text.
//
// Invariants
//   V1  What is returned is a copy: nothing changes under the reader, nothing it does reaches back.

import { AreaName, VM_EXEC, VM_HUGETLB, VM_MAYSHARE, VM_READ, VM_WRITE } from "../assembly/abi.ts";
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
  const nameless =
    (vmFlags & VM_HUGETLB) === 0 ? "/dev/zero (deleted)" : "/anon_hugepage (deleted)";
  const file = mapping === 0 ? "" : (core.files.get(mapping)?.name ?? nameless);
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

/** The line of an area in /proc/PID/maps. */
export function mapsLine(core: Core): (area: Area) => string {
  return (area) => {
    const range = `${hex(area.start)}-${hex(area.end)}`;
    const device = deviceOf(core, area.mapping);
    const head = `${range} ${rights(area)} ${hex(area.offset)} ${device} ${area.mapping} `;
    return area.name === "" ? `${head}\n` : named(head, area.name);
  };
}

/** A line with a name where /proc/PID/maps has it. */
export function named(head: string, name: string): string {
  return `${head.padEnd(NAME_COLUMN)}${name}\n`;
}

function rights({ read, write, execute, shared }: Area): string {
  const bits = `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}`;
  return `${bits}${shared ? "s" : "p"}`;
}

function deviceOf(core: Core, mapping: number): string {
  if (mapping === 0) return "00:00";
  return core.files.get(mapping)?.kind === "disk" ? "08:01" : "00:01";
}

/** An address or offset as /proc/PID/maps has it. */
export function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
