// What the shell throws: one class for what a caller can cause, one for a defect of the engine.
//
// Invariants
//   E1  Every status of the contract has a word here: a new one without a word does not compile.
//   E2  A MemoryError leaves the state that Linux leaves for that errno; where a subscriber, a
//       deadline, want of memory or a bad argument is the cause, it leaves nothing changed.

import { Status } from "../assembly/abi.ts";

/** An errno by name, or the signal that an access raises. */
export type MemoryErrorCode =
  | "EPERM"
  | "ENOENT"
  | "ESRCH"
  | "EIO"
  | "EBADF"
  | "EAGAIN"
  | "ENOMEM"
  | "EACCES"
  | "EFAULT"
  | "EBUSY"
  | "EEXIST"
  | "ENODEV"
  | "EINVAL"
  | "ENFILE"
  | "ENOSPC"
  | "EDEADLK"
  | "EOVERFLOW"
  | "EUSERS"
  | "EOPNOTSUPP"
  | "ETIMEDOUT"
  | "ESTALE"
  | "SIGSEGV"
  | "SIGBUS";

/** `si_code` of the signals, by Linux's names. */
export type SignalCode = "SEGV_MAPERR" | "SEGV_ACCERR" | "BUS_ADRERR";

const CODE: Record<Exclude<Status, Status.Ok>, MemoryErrorCode> = {
  [Status.EPERM]: "EPERM",
  [Status.ENOENT]: "ENOENT",
  [Status.ESRCH]: "ESRCH",
  [Status.EIO]: "EIO",
  [Status.EBADF]: "EBADF",
  [Status.EAGAIN]: "EAGAIN",
  [Status.ENOMEM]: "ENOMEM",
  [Status.EACCES]: "EACCES",
  [Status.EFAULT]: "EFAULT",
  [Status.EBUSY]: "EBUSY",
  [Status.EEXIST]: "EEXIST",
  [Status.ENODEV]: "ENODEV",
  [Status.EINVAL]: "EINVAL",
  [Status.ENFILE]: "ENFILE",
  [Status.ENOSPC]: "ENOSPC",
  [Status.EDEADLK]: "EDEADLK",
  [Status.EOVERFLOW]: "EOVERFLOW",
  [Status.EUSERS]: "EUSERS",
  [Status.EOPNOTSUPP]: "EOPNOTSUPP",
  [Status.ETIMEDOUT]: "ETIMEDOUT",
  [Status.ESTALE]: "ESTALE",
  // Never seen outside: the shell does the reading, and asks again.
  [Status.NEED_IO]: "EIO",
  // The same: the shell reclaims, and asks again.
  [Status.NEED_MEMORY]: "ENOMEM",
  [Status.SEGV_MAPERR]: "SIGSEGV",
  [Status.SEGV_ACCERR]: "SIGSEGV",
  [Status.BUS_ADRERR]: "SIGBUS",
};

const SIGNAL: Partial<Record<Status, SignalCode>> = {
  [Status.SEGV_MAPERR]: "SEGV_MAPERR",
  [Status.SEGV_ACCERR]: "SEGV_ACCERR",
  [Status.BUS_ADRERR]: "BUS_ADRERR",
};

/** What is known about a failure beyond its code. */
export interface MemoryErrorDetail {
  /** Where it happened, in bytes. */
  address?: number | undefined;
  /** Bytes that a read, a write or a series of exports had done before. */
  done?: number | undefined;
  /** Name of the subscriber that refused, was late, or still holds a page. */
  holder?: string | undefined;
  /** What it says to a person; the code and the address are added. */
  reason?: string | undefined;
  cause?: unknown;
}

/** A call that failed. Shapes as in Linux: `code` names the errno, or the signal of an access. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";
  readonly code: MemoryErrorCode;
  /** The operation, as its system call is named. */
  readonly op: string;
  readonly address: number | undefined;
  readonly done: number | undefined;
  readonly holder: string | undefined;
  /** Of SIGSEGV and SIGBUS only. */
  readonly siCode: SignalCode | undefined;

  constructor(status: Status, op: string, detail: MemoryErrorDetail = {}) {
    const code = codeOf(status);
    const siCode = SIGNAL[status];
    super(sentence(op, siCode === undefined ? code : `${code} (${siCode})`, detail), {
      cause: detail.cause,
    });
    this.code = code;
    this.siCode = siCode;
    this.op = op;
    this.address = detail.address;
    this.done = detail.done;
    this.holder = detail.holder;
  }
}

/** What somebody threw, in words; it may be anything, and have none. */
export function wordsOf(cause: unknown): string {
  try {
    return cause instanceof Error ? `${cause.message}` : String(cause);
  } catch {
    return "something that has no text";
  }
}

function codeOf(status: Status): MemoryErrorCode {
  return CODE[status as Exclude<Status, Status.Ok>] ?? "EIO";
}

function sentence(op: string, code: string, detail: MemoryErrorDetail): string {
  const where = detail.address === undefined ? "" : ` at 0x${detail.address.toString(16)}`;
  const reason = detail.reason === undefined ? "" : `: ${detail.reason}`;
  return `${op}: ${code}${where}${reason}`;
}

/**
 * The engine broke one of its own rules, or its module trapped. The machine it happened to cannot
 * be used any more: every later call throws this again.
 */
export class EngineFault extends Error {
  override readonly name = "EngineFault";

  constructor(cause: unknown) {
    const what = wordsOf(cause);
    super(`the engine failed and this machine cannot be used any more: ${what}`, { cause });
  }
}
