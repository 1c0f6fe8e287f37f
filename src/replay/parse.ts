// From lines to events: every line is checked alone, and against the lines before it.
//
// Invariants
//   R3  An event names only processes and files that a line before it has introduced.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { Fields } from "./fields.ts";
import * as read from "./fields.ts";
import {
  ANY,
  type PreparedFile,
  type RecordedEvent,
  type RecordedFile,
  type RecordedHeader,
  type RecordedOperation,
  type RecordedPool,
  type RecordedSpace,
  type RecordedStart,
  type RecordedState,
} from "./format.ts";
import { isCall, parseCall, parseNotices, parseResult } from "./parse-call.ts";
import { parseSpace } from "./parse-space.ts";

const FORMAT = "mm-run/1";

/** The process that a synthetic recording begins with. */
const FIRST_PROC = 0;

export class Parser {
  readonly #procs = new Set<number>();
  readonly #files = new Set<number>();

  /** The first line. Throws FieldError. */
  header(text: string): RecordedHeader {
    const fields = parseJson(text);
    if (fields["format"] !== FORMAT) throw read.wrong("format", `"${FORMAT}"`, fields["format"]);
    const pageSize = read.natural(fields["pageSize"], "pageSize");
    if (pageSize !== PAGE_SIZE) throw read.wrong("pageSize", String(PAGE_SIZE), pageSize);
    const program = optional(fields["program"], parseProgram);
    const arena = optional(fields["arena"], parseArena);
    if (program === null && arena === null) {
      throw new read.FieldError("program and arena are both missing");
    }
    const files = optional(fields["files"], parseFiles) ?? [];
    for (const index of files.keys()) this.#files.add(index);
    if (program === null) this.#procs.add(FIRST_PROC);
    const kernel = read.text(fields["kernel"], "kernel");
    const mmapBase = optional(fields["mmapBase"], (value) => read.hex(value, "mmapBase"));
    const hugePages = optional(fields["hugePages"], parseHugePages) ?? 0;
    return { kernel, arena, files, hugePages, mmapBase, program };
  }

  /** Any other line. Throws FieldError. */
  event(text: string, line: number): RecordedEvent {
    const fields = parseJson(text);
    const op = read.text(fields["op"], "op");
    if (op === "file") return this.#file(fields, line);
    if (op === "start") return this.#start(fields, line);
    if (op === "state") return this.#state(fields, line);
    if (isCall(op)) return this.#operation(op, fields, line);
    throw new read.FieldError(`"${op}" is not an operation of ${FORMAT}`);
  }

  #operation(op: RecordedOperation["call"]["op"], fields: Fields, line: number): RecordedOperation {
    const proc = this.#knownProc(fields);
    const call = parseCall(op, fields);
    if ("file" in call && call.file !== ANY) this.#expectFile(call.file);
    const result = parseResult(op, fields);
    const notified = parseNotices(fields["notified"]);
    if (call.op === "fork") this.#procs.add(call.child);
    return { kind: "operation", line, proc, call, result, notified };
  }

  #file(fields: Fields, line: number): RecordedFile {
    const file = read.natural(fields["file"], "file");
    if (this.#files.has(file)) throw new read.FieldError(`file ${file} is there already`);
    const path = read.text(fields["path"], "path");
    const size = read.natural(fields["size"], "size");
    this.#files.add(file);
    return { kind: "file", line, file, path, size };
  }

  #start(fields: Fields, line: number): RecordedStart {
    const proc = read.natural(fields["proc"], "proc");
    const [from, to] = read.list(fields["brk"], "brk");
    const brkStart = read.hex(from, "the start of brk");
    const brk = read.hex(to, "brk");
    if (brkStart > brk) throw read.wrong("brk", "a range", fields["brk"]);
    const space = this.#space(fields);
    this.#procs.add(proc);
    return { kind: "start", line, proc, brkStart, brk, space };
  }

  #state(fields: Fields, line: number): RecordedState {
    const spaces = new Map<number, RecordedSpace>();
    const isComplete = Object.hasOwn(fields, "procs");
    if (!isComplete) {
      spaces.set(this.#knownProc(fields), this.#space(fields));
      return { kind: "state", line, isComplete, spaces, pool: null };
    }
    for (const [key, value] of Object.entries(read.object(fields["procs"], "procs"))) {
      const proc = this.#knownProc({ proc: Number(key) });
      spaces.set(proc, this.#space(read.object(value, `process ${key}`)));
    }
    const pool = optional(fields["pool"], parsePool);
    return { kind: "state", line, isComplete, spaces, pool };
  }

  #space(fields: Fields): RecordedSpace {
    const space = parseSpace(fields);
    for (const { name } of space.areas) {
      const file = /^f(\d+)$/.exec(name)?.[1];
      if (file !== undefined) this.#expectFile(Number(file));
    }
    return space;
  }

  #knownProc(fields: Fields): number {
    const proc = read.natural(fields["proc"], "proc");
    if (!this.#procs.has(proc)) throw new read.FieldError(`process ${proc} was never started`);
    return proc;
  }

  #expectFile(file: number): void {
    if (!this.#files.has(file)) throw new read.FieldError(`file ${file} was never introduced`);
  }
}

function parseJson(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new read.FieldError(`not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  return read.object(value, "the line");
}

function optional<T>(value: unknown, parse: (value: unknown) => T): T | null {
  return value === undefined ? null : parse(value);
}

function parsePool(value: unknown): RecordedPool {
  const [free, promised] = read.list(value, "pool");
  return {
    free: read.natural(free, "free huge pages"),
    promised: read.integer(promised, "promised huge pages"),
  };
}

function parseHugePages(value: unknown): number {
  return read.natural(value, "hugePages");
}

function parseProgram(value: unknown): string[] {
  return read.list(value, "program").map((word) => read.text(word, "a word of program"));
}

function parseArena(value: unknown): { start: number; end: number } {
  const [from, to] = read.list(value, "arena");
  const arena = { start: read.hex(from, "the arena's start"), end: read.hex(to, "its end") };
  if (arena.start >= arena.end) throw read.wrong("arena", "a range", value);
  return arena;
}

function parseFiles(value: unknown): PreparedFile[] {
  return read.list(value, "files").map((entry) => {
    const fields = read.object(entry, "a file");
    const type = read.text(fields["type"], "a file's type");
    if (type !== "memfd" && type !== "disk") {
      throw read.wrong("a file's type", '"memfd" or "disk"', type);
    }
    return {
      name: read.text(fields["name"], "a file's name"),
      kind: type === "disk" ? "disk" : "memory",
      size: read.natural(fields["size"], "a file's size"),
    };
  });
}
