// What an address space amounts to: /proc/PID/smaps and smaps_rollup, as numbers and as text.
//
// What this machine has none of is zero, as on a Linux without it: huge pages, and swapped pages of
// shared memory.

import {
  PAGE_SIZE,
  Smaps,
  Status,
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_DROPPABLE,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WIPEONFORK,
  VM_WRITE,
} from "../assembly/abi.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import { type Area, areas, hex, mapsLine, named } from "./inspect.ts";
import type { Space } from "./space.ts";

/** Sums over pages, in bytes. What is proportional is a page divided by the entries that map it. */
export interface MemorySums {
  readonly rss: number;
  readonly pss: number;
  readonly pssDirty: number;
  readonly pssAnon: number;
  readonly pssFile: number;
  readonly pssShmem: number;
  readonly sharedClean: number;
  readonly sharedDirty: number;
  readonly privateClean: number;
  readonly privateDirty: number;
  readonly referenced: number;
  readonly anonymous: number;
  readonly ksm: number;
  readonly lazyFree: number;
  readonly swap: number;
  readonly swapPss: number;
  readonly locked: number;
}

/** An area, and what its pages amount to. */
export interface AreaSums extends Area, MemorySums {
  /** Bytes of the area. */
  readonly size: number;
  /** As smaps has it: "rd", "wr", … */
  readonly vmFlags: readonly string[];
}

/** Bits of a byte that proportional sums are kept with. */
const PSS_PARTS = 4096;
const KIB = 1024;

const VM_NAMES: readonly (readonly [flag: number, name: string])[] = [
  [VM_READ, "rd"],
  [VM_WRITE, "wr"],
  [VM_EXEC, "ex"],
  [VM_SHARED, "sh"],
  [VM_MAYREAD, "mr"],
  [VM_MAYWRITE, "mw"],
  [VM_MAYEXEC, "me"],
  [VM_MAYSHARE, "ms"],
  [VM_GROWSDOWN, "gd"],
  [VM_PFNMAP, "pf"],
  [VM_LOCKED, "lo"],
  [VM_IO, "io"],
  [VM_SEQ_READ, "sr"],
  [VM_RAND_READ, "rr"],
  [VM_DONTCOPY, "dc"],
  [VM_DONTEXPAND, "de"],
  [VM_LOCKONFAULT, "lf"],
  [VM_ACCOUNT, "ac"],
  [VM_NORESERVE, "nr"],
  [VM_HUGETLB, "ht"],
  [VM_WIPEONFORK, "wf"],
  [VM_DONTDUMP, "dd"],
  [VM_SOFTDIRTY, "sd"],
  [VM_HUGEPAGE, "hg"],
  [VM_NOHUGEPAGE, "nh"],
  [VM_MERGEABLE, "mg"],
  [VM_DROPPABLE, "dp"],
];

/** What each area amounts to, lowest first: one call of the engine an area. */
export function smapsAreas(core: Core, space: Space): AreaSums[] {
  return areas(core, space).map((area) => {
    const counted = core.engine.pages.smaps(space.handle, area.start);
    if (counted === null) throw new MemoryError(Status.EFAULT, "smaps", { address: area.start });
    const vmFlags = VM_NAMES.filter(([flag]) => (area.flags & flag) !== 0).map(([, name]) => name);
    return { ...area, size: area.end - area.start, vmFlags, ...sumsOf(counted) };
  });
}

/** What the areas amount to together. */
export function smapsRollup(core: Core, space: Space): MemorySums {
  const total = new Array<number>(Smaps.COUNT).fill(0);
  for (const { start } of areas(core, space)) {
    const counted = core.engine.pages.smaps(space.handle, start) ?? [];
    counted.forEach((value, field) => {
      total[field] = (total[field] ?? 0) + value;
    });
  }
  return sumsOf(total);
}

function sumsOf(counted: readonly number[]): MemorySums {
  const bytes = (field: Smaps) => counted[field] ?? 0;
  const part = (field: Smaps) => Math.floor(bytes(field) / PSS_PARTS);
  return {
    rss: bytes(Smaps.Rss),
    pss: part(Smaps.Pss),
    pssDirty: part(Smaps.PssDirty),
    pssAnon: part(Smaps.PssAnon),
    pssFile: part(Smaps.PssFile),
    pssShmem: part(Smaps.PssShmem),
    sharedClean: bytes(Smaps.SharedClean),
    sharedDirty: bytes(Smaps.SharedDirty),
    privateClean: bytes(Smaps.PrivateClean),
    privateDirty: bytes(Smaps.PrivateDirty),
    referenced: bytes(Smaps.Referenced),
    anonymous: bytes(Smaps.Anonymous),
    ksm: bytes(Smaps.Ksm),
    lazyFree: bytes(Smaps.LazyFree),
    swap: bytes(Smaps.Swap),
    swapPss: part(Smaps.SwapPss),
    locked: part(Smaps.Locked),
  };
}

/** The text of /proc/PID/smaps. */
export function smapsText(core: Core, space: Space): string {
  const line = mapsLine(core);
  return smapsAreas(core, space)
    .map((area) => `${line(area)}${sizes(area)}${sums(area, "")}${tail(area)}`)
    .join("");
}

/** The text of /proc/PID/smaps_rollup. */
export function smapsRollupText(core: Core, space: Space): string {
  const list = areas(core, space);
  const [first, last] = [list[0]?.start ?? 0, list.at(-1)?.end ?? 0];
  const head = named(`${hex(first)}-${hex(last)} ---p 00000000 00:00 0 `, "[rollup]");
  const total = smapsRollup(core, space);
  const kinds = row("Pss_Anon", total.pssAnon) + row("Pss_File", total.pssFile);
  return head + sums(total, kinds + row("Pss_Shmem", total.pssShmem));
}

function row(name: string, bytes: number): string {
  return `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / KIB)).padStart(8)} kB\n`;
}

function sizes({ size }: AreaSums): string {
  return row("Size", size) + row("KernelPageSize", PAGE_SIZE) + row("MMUPageSize", PAGE_SIZE);
}

/** `kinds` stands where only the rollup has something. */
function sums(all: MemorySums, kinds: string): string {
  return [
    row("Rss", all.rss),
    row("Pss", all.pss),
    row("Pss_Dirty", all.pssDirty),
    kinds,
    row("Shared_Clean", all.sharedClean),
    row("Shared_Dirty", all.sharedDirty),
    row("Private_Clean", all.privateClean),
    row("Private_Dirty", all.privateDirty),
    row("Referenced", all.referenced),
    row("Anonymous", all.anonymous),
    row("KSM", all.ksm),
    row("LazyFree", all.lazyFree),
    row("AnonHugePages", 0),
    row("ShmemPmdMapped", 0),
    row("FilePmdMapped", 0),
    row("Shared_Hugetlb", 0),
    row("Private_Hugetlb", 0),
    row("Swap", all.swap),
    row("SwapPss", all.swapPss),
    row("Locked", all.locked),
  ].join("");
}

function tail({ vmFlags }: AreaSums): string {
  return `THPeligible:           0\nVmFlags: ${vmFlags.map((name) => `${name} `).join("")}\n`;
}
