// From a recorded address space to one of the engine: areas without merging, pages without faults.
//
// A recording does not say everything. Private writable areas are taken as accounted, and those
// with anonymous pages as having an anon_vma of their own.

import {
  AreaName,
  FileKind,
  TASK_SIZE,
  VM_ACCOUNT,
  VM_DONTDUMP,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_IO,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../../assembly/abi.ts";
import type { Core } from "../core.ts";
import { MemoryError } from "../errors.ts";
import type { File } from "../file.ts";
import { FILE, forgetFile } from "../file-state.ts";
import type { Mm } from "../mm.ts";
import { SPACE } from "../space.ts";
import type { RecordedArea, RecordedStart } from "./format.ts";

/** Gives the file of a name; `end` is how far its areas reach, in bytes of the file. */
export type FileFinder = (name: string, end: number) => File;

/** What the kernel calls areas that are not of a file. */
const SPECIAL: ReadonlyMap<string, AreaName> = new Map([
  ["", AreaName.None],
  ["[heap]", AreaName.Heap],
  ["[stack]", AreaName.Stack],
  ["[vdso]", AreaName.Vdso],
  ["[vvar]", AreaName.Vvar],
  ["[vvar_vclock]", AreaName.VvarVclock],
]);

/** Shared anonymous memory, as recordings name it. */
export const SHM = "shm";

/** A name that a program gave to anonymous memory (PR_SET_VMA_ANON_NAME): it is no file. */
const GIVEN = /^\[anon:/;

/** The name that the engine has for an area's: what programs call their memory is not kept. */
export function knownName(name: string): string {
  return GIVEN.test(name) ? "" : name;
}

/** The one area above all user addresses; the engine has nothing there. */
export function isAboveUser({ start }: RecordedArea): boolean {
  return start >= TASK_SIZE;
}

/** Fills a new address space. MemoryError when it cannot be. */
export function importSpace(core: Core, mm: Mm, event: RecordedStart, find: FileFinder): void {
  const { handle } = mm[SPACE];
  for (const area of event.space.areas) {
    if (!isAboveUser(area)) importArea(core, handle, area, find);
  }
  expectDone(core.engine.import.brk(handle, event.brkStart, event.brk), event.brkStart);
  for (const [address, page] of event.space.pages) {
    expectDone(core.engine.import.page(handle, address, page.kind === "zero"), address);
  }
}

function importArea(core: Core, handle: number, area: RecordedArea, find: FileFinder): void {
  const { start, end, offset } = area;
  const name = SPECIAL.get(knownName(area.name));
  const mapping = name === undefined ? mappingOf(core, area, find) : 0;
  const vmFlags = flagsOf(area, name ?? AreaName.None);
  const record = { start, end, offset, vmFlags, mapping, name: name ?? AreaName.None };
  expectDone(core.engine.import.area(handle, record), start);
}

function mappingOf(core: Core, area: RecordedArea, find: FileFinder): number {
  const end = area.offset + area.end - area.start;
  if (area.name !== SHM) return find(area.name, end)[FILE].mapping;
  const mapping = core.engine.files.create(FileKind.Shm, end);
  expectDone(mapping, area.start);
  forgetFile(core, mapping);
  return mapping;
}

function flagsOf({ rights }: RecordedArea, name: AreaName): number {
  let flags = VM_MAYREAD;
  if (rights[0] === "r") flags |= VM_READ;
  if (name === AreaName.Vvar) return flags | VM_IO | VM_DONTDUMP;
  if (name === AreaName.VvarVclock) return flags | VM_IO | VM_DONTDUMP | VM_PFNMAP;
  flags |= VM_MAYWRITE | VM_MAYEXEC;
  if (rights[1] === "w") flags |= VM_WRITE;
  if (rights[2] === "x") flags |= VM_EXEC;
  if (rights[3] === "s") return flags | VM_SHARED | VM_MAYSHARE;
  if (name === AreaName.Stack) flags |= VM_GROWSDOWN;
  return rights[1] === "w" ? flags | VM_ACCOUNT : flags;
}

function expectDone(status: number, address: number): void {
  if (status < 0) throw new MemoryError(status, "import", { address });
}
