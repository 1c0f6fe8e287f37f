// The operations of a recording: the fields that each one has, and its result.

import type { Fields } from "./fields.ts";
import * as read from "./fields.ts";
import type { RecordedCall, RecordedNotice, RecordedResult } from "./format.ts";

type CallName = RecordedCall["op"];
type Parser = (fields: Fields) => RecordedCall;

const addr = (f: Fields) => read.hex(f["addr"], "addr");
const len = (f: Fields) => read.natural(f["len"], "len");
const off = (f: Fields) => read.natural(f["off"], "off");
const flags = (f: Fields) => read.integer(f["flags"], "flags");
const file = (f: Fields) => read.natural(f["file"], "file");
const byte = (f: Fields) => read.byte(f["byte"], "byte");

const CALLS: Readonly<Record<CallName, Parser>> = {
  mmap: (f) => ({
    op: "mmap",
    addr: addr(f),
    len: len(f),
    prot: read.integer(f["prot"], "prot"),
    flags: flags(f),
    file: read.integer(f["file"], "file"),
    off: off(f),
  }),
  munmap: (f) => ({ op: "munmap", addr: addr(f), len: len(f) }),
  mlock: (f) => ({ op: "mlock", addr: addr(f), len: len(f) }),
  mlock2: (f) => ({ op: "mlock2", addr: addr(f), len: len(f), flags: flags(f) }),
  mlockall: (f) => ({ op: "mlockall", flags: flags(f) }),
  munlockall: () => ({ op: "munlockall" }),
  munlock: (f) => ({ op: "munlock", addr: addr(f), len: len(f) }),
  mincore: (f) => ({ op: "mincore", addr: addr(f), len: len(f) }),
  mprotect: (f) => ({
    op: "mprotect",
    addr: addr(f),
    len: len(f),
    prot: read.integer(f["prot"], "prot"),
  }),
  mremap: (f) => ({
    op: "mremap",
    addr: addr(f),
    oldLen: read.natural(f["oldLen"], "oldLen"),
    newLen: read.natural(f["newLen"], "newLen"),
    flags: flags(f),
    newAddr: read.hex(f["newAddr"], "newAddr"),
  }),
  madvise: (f) => ({
    op: "madvise",
    addr: addr(f),
    len: len(f),
    advice: read.integer(f["advice"], "advice"),
  }),
  msync: (f) => ({ op: "msync", addr: addr(f), len: len(f), flags: flags(f) }),
  brk: (f) => ({ op: "brk", addr: addr(f) }),
  write: (f) => ({ op: "write", addr: addr(f), byte: byte(f) }),
  read: (f) => ({ op: "read", addr: addr(f) }),
  fault: (f) => ({ op: "fault", addr: addr(f), write: read.boolean(f["write"], "write") }),
  fork: (f) => ({ op: "fork", child: read.natural(f["child"], "child") }),
  exit: () => ({ op: "exit" }),
  ftruncate: (f) => ({ op: "ftruncate", file: file(f), size: read.natural(f["size"], "size") }),
  punch: (f) => ({ op: "punch", file: file(f), off: off(f), len: len(f) }),
  fwrite: (f) => ({ op: "fwrite", file: file(f), off: off(f), byte: byte(f) }),
  fread: (f) => ({ op: "fread", file: file(f), off: off(f) }),
};

/** Calls whose answer is an address. */
const ANSWERS_ADDRESS: ReadonlySet<CallName> = new Set<CallName>(["mmap", "mremap", "brk"]);

/** Calls that a recording of a program holds without a result. */
const MAY_BE_SILENT: ReadonlySet<CallName> = new Set<CallName>(["fault", "fork", "exit"]);

const MINCORE = /^[01]*$/;

export function isCall(op: string): op is CallName {
  return Object.hasOwn(CALLS, op);
}

export function parseCall(op: CallName, fields: Fields): RecordedCall {
  return CALLS[op](fields);
}

/** The result that a line has: at most one of `ret`, `errno` and `signal`. */
export function parseResult(op: CallName, fields: Fields): RecordedResult {
  const given = ["ret", "errno", "signal"].filter((key) => Object.hasOwn(fields, key));
  if (given.length > 1) throw new read.FieldError(`it has both ${given.join(" and ")}`);
  switch (given[0]) {
    case "ret":
      return { ret: parseReturn(op, fields["ret"]) };
    case "errno":
      return { errno: read.text(fields["errno"], "errno") };
    case "signal":
      return {
        signal: read.text(fields["signal"], "signal"),
        code: read.integer(fields["code"], "code"),
      };
    default:
      if (MAY_BE_SILENT.has(op)) return {};
      throw new read.FieldError("ret, errno and signal are all missing");
  }
}

function parseReturn(op: CallName, value: unknown): number | string | null {
  if (ANSWERS_ADDRESS.has(op)) return read.hex(value, "ret");
  if (op === "fread" && value === null) return null;
  if (op === "fread" || op === "read") return read.byte(value, "ret");
  if (op !== "mincore") return read.integer(value, "ret");
  if (typeof value === "string" && MINCORE.test(value)) return value;
  throw read.wrong("ret", "a string of 0 and 1", value);
}

export function parseNotices(value: unknown): RecordedNotice[] {
  return read.list(value, "notified").map((entry) => {
    const [proc, start, end] = read.list(entry, "a notice");
    const notice = {
      proc: read.integer(proc, "a notice's proc"),
      start: read.hex(start, "a notice's start"),
      end: read.hex(end, "a notice's end"),
    };
    if (notice.start >= notice.end) throw read.wrong("a notice", "a range", entry);
    return notice;
  });
}
