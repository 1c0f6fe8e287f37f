// The calls on memory: how strace writes their arguments, and what the recording makes of them.

import {
  MADV_COLLAPSE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_HUGETLB,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from "../../../assembly/abi.ts";
import { ANY, type RecordedCall } from "../format.ts";
import type { CallResult } from "./call-text.ts";
import { type Descriptors, FILE_BYTES_MAX, type Files } from "./descriptors.ts";
import { NotModelled, Unreadable } from "./unreadable.ts";
import { descriptor, flags, number } from "./values.ts";

/** What a reader of arguments may know. */
export interface CallContext {
  readonly args: readonly string[];
  readonly result: CallResult;
  readonly line: number;
  readonly descriptors: Descriptors;
  readonly files: Files;
}

/** A call as it is replayed. */
export interface MemoryCall {
  readonly call: RecordedCall;
  /** The hint, where the kernel chose the address and the replay takes the one that it chose. */
  readonly hint?: number;
}

type Reader = (context: CallContext) => MemoryCall;

/** Advice that the engine does not have. */
const UNKNOWN_ADVICE: ReadonlySet<number> = new Set([
  MADV_COLLAPSE,
  MADV_GUARD_INSTALL,
  MADV_GUARD_REMOVE,
  100,
  101,
]);

/** Why the kernel refuses a file, before it looks at the memory. */
const REFUSES_FILE: ReadonlySet<string> = new Set([
  "EACCES",
  "EBADF",
  "ENODEV",
  "ENFILE",
  "EPERM",
  "ETXTBSY",
]);

const addr = ({ args }: CallContext) => number(args[0]);
const len = ({ args }: CallContext) => number(args[1]);

export const MEMORY_CALLS: Readonly<Record<string, Reader>> = {
  mmap,
  mmap2: mmap,
  mremap,
  madvise,
  munmap: (c) => ({ call: { op: "munmap", addr: addr(c), len: len(c) } }),
  mprotect: (c) => ({
    call: { op: "mprotect", addr: addr(c), len: len(c), prot: flags(c.args[2]) },
  }),
  pkey_mprotect: (c) => {
    if (number(c.args[3]) !== ANY) throw new NotModelled("pkey_mprotect with a key");
    return { call: { op: "mprotect", addr: addr(c), len: len(c), prot: flags(c.args[2]) } };
  },
  msync: (c) => ({ call: { op: "msync", addr: addr(c), len: len(c), flags: flags(c.args[2]) } }),
  mincore: (c) => ({ call: { op: "mincore", addr: addr(c), len: len(c) } }),
  brk: (c) => ({ call: { op: "brk", addr: addr(c) } }),
  mlock: (c) => ({ call: { op: "mlock", addr: addr(c), len: len(c) } }),
  mlock2: (c) => ({ call: { op: "mlock2", addr: addr(c), len: len(c), flags: flags(c.args[2]) } }),
  munlock: (c) => ({ call: { op: "munlock", addr: addr(c), len: len(c) } }),
  mlockall: (c) => ({ call: { op: "mlockall", flags: flags(c.args[0]) } }),
  munlockall: () => ({ call: { op: "munlockall" } }),
};

/** Calls on memory that nobody replays: counted by name. */
export const NOT_MODELLED: ReadonlySet<string> = new Set([
  "remap_file_pages",
  "process_madvise",
  "process_mrelease",
  "userfaultfd",
  "map_shadow_stack",
  "move_pages",
  "migrate_pages",
  "mseal",
]);

function mmap(context: CallContext): MemoryCall {
  const { args, result } = context;
  const ask = { op: "mmap", addr: addr(context), len: len(context), prot: flags(args[2]) } as const;
  const how = flags(args[3]);
  const off = number(args[5]);
  if (how & MAP_HUGETLB) throw new NotModelled("mmap with MAP_HUGETLB");
  const { errno } = result;
  const isOfFile = (how & MAP_ANONYMOUS) === 0;
  const fd = descriptor(args[4]);
  if (isOfFile && fd.fd >= 0 && errno !== null && REFUSES_FILE.has(errno)) {
    throw new NotModelled(`mmap of a file: ${errno}`);
  }
  const file = isOfFile && fd.fd >= 0 ? fileOf(context, off + ask.len) : ANY;
  const call = { ...ask, flags: how, file, off };
  if (result.value === null || how & (MAP_FIXED | MAP_FIXED_NOREPLACE)) return { call };
  return { call: { ...call, addr: result.value, flags: how | MAP_FIXED }, hint: ask.addr };
}

function fileOf({ args, descriptors, files, line, result }: CallContext, end: number): number {
  const file = files.of(descriptors, descriptor(args[4]), line);
  if (result.value !== null) files.reach(file, end);
  return file.event.file;
}

function mremap(context: CallContext): MemoryCall {
  const { args, result } = context;
  const sizes = { oldLen: number(args[1]), newLen: number(args[2]) };
  const how = flags(args[3]);
  const newAddr = how & MREMAP_FIXED ? number(args[4]) : 0;
  const call = { op: "mremap", addr: addr(context), ...sizes, flags: how, newAddr } as const;
  const { value } = result;
  const isMoved = value !== null && value !== call.addr && (how & MREMAP_MAYMOVE) !== 0;
  if (!isMoved || how & MREMAP_FIXED) return { call };
  return { call: { ...call, flags: how | MREMAP_FIXED, newAddr: value }, hint: 0 };
}

function madvise(context: CallContext): MemoryCall {
  const advice = flags(context.args[2]);
  if (UNKNOWN_ADVICE.has(advice)) {
    throw new NotModelled(`madvise with ${context.args[2] ?? advice}`.slice(0, 60));
  }
  return { call: { op: "madvise", addr: addr(context), len: len(context), advice } };
}

/** A mapping of shared memory, as shmat makes it at an address. */
export function attach(file: number, address: number, bytes: number, isReadOnly: boolean) {
  return {
    op: "mmap",
    addr: address,
    len: bytes,
    prot: isReadOnly ? PROT_READ : PROT_READ | PROT_WRITE,
    flags: MAP_SHARED | MAP_FIXED,
    file,
    off: 0,
  } as const;
}

/** A length that a file can have. */
export function fileBytes(text: string | undefined): number {
  const bytes = number(text);
  if (bytes < 0 || bytes > FILE_BYTES_MAX) throw new Unreadable("a size that no file has");
  return bytes;
}
