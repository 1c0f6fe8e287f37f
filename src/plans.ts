// The plan of each operation: its arguments made fit for the engine, its call, and the pages that
// it may freeze. A wrong type throws here, before anything is asked.

import {
  MADV_PAGEOUT,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_SHARED,
  MREMAP_FIXED,
  PAGE_SIZE,
  Populate,
  Status,
} from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import type { PopulateRecord } from "./engine/records.ts";
import type { File } from "./file.ts";
import { FILE, type FileState, forgetFile, mappingOf } from "./file-state.ts";
import { type AddressRange, type Plan, pageDown, pageUp, span, whole } from "./plan.ts";
import type { Space } from "./space.ts";

export interface MmapRequest {
  readonly address: number;
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly file: File | null | undefined;
  readonly offset: number;
}

export interface MremapRequest {
  readonly address: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly flags: number;
  readonly newAddress: number;
}

export function mmap(core: Core, space: Space, ask: MmapRequest): Plan {
  const [at, size] = [take.word(ask.address, "address"), take.word(ask.length, "length")];
  const [prot, flags] = [take.int(ask.prot, "prot"), take.int(ask.flags, "flags")];
  const offset = take.word(ask.offset, "offset");
  const mapping = mappingOf(core, ask.file, flags);
  const isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const state = mapping === 0 ? null : (ask.file?.[FILE] ?? null);
  return {
    op: "mmap",
    space,
    populates: true,
    ranges: isFixed ? span(at, size) : [],
    attempt(e) {
      if (state?.isReleased === true) return Status.EBADF;
      return e.mmap(space.handle, at, size, prot, flags, mapping, offset);
    },
    ...(isSharedMemory(flags) ? { settled: ({ value }) => unname(core, space, value) } : {}),
  };
}

/** Whether a mapping gets memory of its own that others can share, which has no file. */
export function isSharedMemory(flags: number): boolean {
  return (flags & MAP_ANONYMOUS) !== 0 && (flags & MAP_SHARED) !== 0;
}

/** New shared memory may have got the handle of a file that nobody knows any more. */
function unname(core: Core, space: Space, address: number): void {
  const area = core.engine.areaAfter(space.handle, address);
  if (area !== null) forgetFile(core, area.mapping);
}

export function munmap(space: Space, address: number, length: number): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  return {
    op: "munmap",
    space,
    ranges: span(at, size),
    attempt: (engine) => engine.munmap(space.handle, at, size),
  };
}

export function mprotect(space: Space, address: number, length: number, prot: number): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  const bits = take.strictFlags(prot, "prot");
  return {
    op: "mprotect",
    space,
    populates: true,
    ranges: span(at, size),
    attempt: (engine) => engine.mprotect(space.handle, at, size, bits),
  };
}

export function mremap(space: Space, ask: MremapRequest): Plan {
  const at = take.word(ask.address, "address");
  const [old, size] = [
    take.word(ask.oldLength, "oldLength"),
    take.word(ask.newLength, "newLength"),
  ];
  const [flags, to] = [
    take.strictFlags(ask.flags, "flags"),
    take.word(ask.newAddress, "newAddress"),
  ];
  const target = (flags & MREMAP_FIXED) === 0 ? [] : span(to, size);
  return {
    op: "mremap",
    space,
    populates: true,
    ranges: [...span(at, Math.max(old, size)), ...target],
    attempt: (engine) => engine.mremap(space.handle, at, old, size, flags, to),
  };
}

export function madvise(space: Space, address: number, length: number, advice: number): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  const kind = take.int(advice, "advice");
  return {
    op: "madvise",
    space,
    populates: true,
    pagesOut: kind === MADV_PAGEOUT,
    ranges: span(at, size),
    attempt(engine) {
      const status = engine.madvise(space.handle, at, size, kind);
      const isDone = status === Status.Ok || status === Status.ENOMEM;
      if (kind === MADV_WILLNEED && isDone) willNeed(space, at, at + size);
      return status;
    },
  };
}

/** Begins to read what the backed files in [start, end) show; nobody waits for it. */
function willNeed({ core, handle }: Space, start: number, end: number): void {
  if (core.backed.size === 0) return;
  const { engine } = core;
  for (let area = engine.areaAfter(handle, start); area !== null && area.start < end; ) {
    const from = Math.max(area.start, start);
    const first = (area.offset + from - area.start) / PAGE_SIZE;
    const pages = Math.ceil((Math.min(area.end, end) - from) / PAGE_SIZE);
    core.backed.get(area.mapping)?.reads.ahead(Math.floor(first), Math.floor(first) + pages);
    area = engine.areaAfter(handle, area.end);
  }
}

/**
 * What lies between the break as it is and the new one changes. Looking at the break leaves the
 * answer of an attempt that was made before as it was: brk answers with the break, too.
 */
export function brk(core: Core, space: Space, address: number): Plan {
  const at = take.word(address, "address");
  const current = core.engine.layout(space.handle)?.brk ?? at;
  const start = Math.min(at, current);
  return {
    op: "brk",
    space,
    populates: true,
    ranges: span(start, Math.max(at, current) - start),
    attempt: (engine) => engine.brk(space.handle, at),
  };
}

export function mlock(space: Space, address: number, length: number, flags: number): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  const bits = take.int(flags, "flags");
  return {
    op: "mlock",
    space,
    populates: true,
    ranges: span(at, size),
    attempt: (engine) => engine.mlock(space.handle, at, size, bits),
  };
}

export function munlock(space: Space, address: number, length: number): Plan {
  const [at, size] = [take.word(address, "address"), take.word(length, "length")];
  return {
    op: "munlock",
    space,
    ranges: span(at, size),
    attempt: (engine) => engine.munlock(space.handle, at, size),
  };
}

export function mlockall(space: Space, flags: number): Plan {
  const bits = take.int(flags, "flags");
  const attempt: Plan["attempt"] = (engine) => engine.mlockall(space.handle, bits);
  return { op: "mlockall", space, ranges: whole(), populates: true, attempt };
}

export function munlockall(space: Space): Plan {
  const attempt: Plan["attempt"] = (engine) => engine.munlockall(space.handle);
  return { op: "munlockall", space, ranges: whole(), attempt };
}

/** What was taken of the space before is no longer what its marks are told from. */
export function clearSoftDirty(space: Space): Plan {
  return {
    op: "clear_refs",
    space,
    ranges: whole(),
    attempt: (engine) => engine.pages.forgetSoftDirty(space.handle),
    settled() {
      space.tracking = null;
    },
  };
}

export function fork(space: Space, settled: (child: number) => void): Plan {
  return {
    op: "fork",
    space,
    ranges: whole(),
    attempt: (engine) => engine.fork(space.handle),
    settled: (outcome) => settled(outcome.value),
  };
}

/** Exit goes by `id`: the handle that other calls use is closed already. */
export function exit(space: Space): Plan {
  return {
    op: "exit",
    space,
    ranges: whole(),
    mandatory: true,
    attempt: (engine) => engine.exit(space.id),
  };
}

/** Where a frame is mapped is known only to the engine: it stands behind everything queued. */
export function migrate(pfn: number): Plan {
  return {
    op: "migrate",
    space: null,
    ranges: [],
    attempt: (engine) => (pfn < engine.framesTotal ? engine.migrate(pfn) : Status.EINVAL),
  };
}

/**
 * One page that reclaim wants. It waits for nobody: what is frozen stays for now, and what queued
 * operations want was left out before.
 */
export function evict(pfn: number): Plan {
  return {
    op: "evict",
    space: null,
    ranges: [],
    isReclaim: true,
    passes: () => true,
    attempt(engine) {
      const status = engine.reclaim.evict(pfn);
      return status === Status.EAGAIN ? Status.EBUSY : status;
    },
  };
}

/** What it may freeze begins at the shorter of its two sizes, and has no end. */
export function truncate(state: FileState, size: number): Plan {
  const { core, mapping } = state;
  const start = pageDown(Math.min(size, core.engine.files.size(mapping)));
  return {
    op: "ftruncate",
    space: null,
    file: { mapping, start, end: Number.POSITIVE_INFINITY },
    ranges: [],
    attempt: (engine) => (state.isReleased ? Status.EBADF : engine.files.truncate(mapping, size)),
  };
}

export function punch(state: FileState, start: number, length: number): Plan {
  const { mapping } = state;
  return {
    op: "fallocate",
    space: null,
    file: { mapping, start: pageDown(start), end: pageUp(start + length) },
    ranges: [],
    attempt: (engine) =>
      state.isReleased ? Status.EBADF : engine.files.punch(mapping, start, length),
  };
}

/** Populating goes on where one of these stopped it. */
const STOPPED: ReadonlySet<number> = new Set([Status.EAGAIN, Status.NEED_IO, Status.NEED_MEMORY]);

/** Faults in what is left of a range; it goes on where the last attempt stopped. */
export function populate(space: Space, op: string, ask: PopulateRecord): Plan {
  let next = ask.start;
  const ranges: readonly AddressRange[] = span(ask.start, ask.end - ask.start);
  return {
    op,
    space,
    ranges,
    unread: ask.mode === Populate.Locked ? Status.ENOMEM : Status.EFAULT,
    attempt(engine) {
      const status = engine.populate(space.handle, next, ask.end, ask.mode);
      if (status > 0 || STOPPED.has(status)) next = engine.answer.value;
      return status;
    },
  };
}

/** Where a fork puts its child: in place before anybody else can ask for it. */
export function newborn(core: Core): { born: (handle: number) => void; space: () => Space } {
  let child: Space | null = null;
  return {
    born(handle) {
      child = core.addSpace(handle);
    },
    space() {
      if (child === null) throw new TypeError("fork: no child");
      return child;
    },
  };
}
