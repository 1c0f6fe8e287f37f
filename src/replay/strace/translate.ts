// From what happened to the events of a recording: who did it, on which address space.
//
// Invariants
//   R17  Each call that `readHappenings` kept is counted here, as one fate or another.

import { MAP_32BIT, TASK_SIZE } from "../../../assembly/abi.ts";
import { BRK_START_DEFAULT, PAGE_SIZE } from "../../constants.ts";
import type {
  RecordedArea,
  RecordedCall,
  RecordedEvent,
  RecordedOperation,
  RecordedResult,
  RecordedSpace,
  RecordedStart,
} from "../format.ts";
import { type CallResult, readCall } from "./call-text.ts";
import type { LineTally, Place } from "./counts.ts";
import { Files } from "./descriptors.ts";
import { FILE_CALLS } from "./file-calls.ts";
import type { Happening } from "./happenings.ts";
import { type CallContext, MEMORY_CALLS, NOT_MODELLED } from "./memory-calls.ts";
import { SharedMemory } from "./shared-memory.ts";
import { type Epoch, type LiveSpace, type StraceSpace, type Task, Tasks } from "./tasks.ts";
import { NotModelled, Unreadable } from "./unreadable.ts";
import { hasFlag, quoted } from "./values.ts";

const PROCESS_CALLS: ReadonlySet<string> = new Set([
  "clone",
  "clone3",
  "fork",
  "vfork",
  "execve",
  "execveat",
  "exit",
  "exit_group",
]);

const SHM_CALLS: ReadonlySet<string> = new Set(["shmget", "shmat", "shmdt"]);

/** Calls that are read; all others have nothing to do with memory. */
export function isRelevant(name: string): boolean {
  return (
    Object.hasOwn(MEMORY_CALLS, name) ||
    Object.hasOwn(FILE_CALLS, name) ||
    PROCESS_CALLS.has(name) ||
    SHM_CALLS.has(name) ||
    NOT_MODELLED.has(name)
  );
}

type CallHappening = Extract<Happening, { kind: "call" }>;

/** A start whose layout is filled in at the end. */
interface Start extends RecordedStart {
  brkStart: number;
  brk: number;
  mmapBase?: number;
  readonly isExec: boolean;
  readonly space: { readonly areas: RecordedArea[]; readonly pages: RecordedSpace["pages"] };
}

export class Translator {
  readonly events: RecordedEvent[] = [];
  readonly spaces: StraceSpace[] = [];
  /** The hint of each operation whose address is taken from the log. */
  readonly hints = new Map<RecordedOperation, number>();
  readonly #tally: LineTally;
  readonly #seen: ReadonlySet<number>;
  readonly #tasks = new Tasks();
  readonly #files = new Files((event) => this.events.push(event));
  readonly #shared = new SharedMemory();
  readonly #starts = new Map<Start, Epoch>();
  /** Threads that were there when strace came, and whose they are. */
  #strangers: { readonly group: number; left: number } | null = null;

  constructor(tally: LineTally, seen: ReadonlySet<number>) {
    this.#tally = tally;
    this.#seen = seen;
  }

  take(happening: Happening): void {
    const { kind, tid, place } = happening;
    if (kind === "call") this.#call(happening);
    else if (kind === "gone") this.#gone(tid, happening.how, place);
    else if (happening.threads > 1) {
      this.#strangers = { group: tid, left: happening.threads - 1 };
    }
  }

  /** What only the whole log says: where each heap and each placement begins. */
  finish(): void {
    for (const [start, { breakMin, placedEnd }] of this.#starts) {
      const brk = breakMin < TASK_SIZE ? breakMin - (breakMin % PAGE_SIZE) : BRK_START_DEFAULT;
      start.brkStart = brk;
      start.brk = brk;
      if (placedEnd === null) continue;
      start.mmapBase = placedEnd;
      if (start.isExec) start.space.areas.push(loaderAt(placedEnd));
    }
  }

  #call(happening: CallHappening): void {
    const { name, place } = happening;
    try {
      if (NOT_MODELLED.has(name)) throw new NotModelled(name);
      const isOperation = this.#perform(happening);
      this.#tally.add(isOperation ? "operations" : "followed", place.lines);
    } catch (error) {
      if (error instanceof NotModelled) this.#tally.notModelled(error.kind, place);
      else if (error instanceof Unreadable) this.#tally.unknown(error.kind, place);
      else throw error;
    }
  }

  /** Whether it is an operation on memory, and not only a fact to know. */
  #perform({ name, place, tid }: CallHappening): boolean {
    const { args, result } = readCall(place.text);
    const { line } = place;
    if (name === "exit_group" || name === "exit") return this.#exit(tid, name, args[0], place);
    if (this.#tasks.isLate(tid)) throw new Unreadable("a call after the end of its process");
    if (name.startsWith("execve")) return this.#exec(tid, name, args, result, line);
    const task = this.#taskOf(tid, line);
    if (PROCESS_CALLS.has(name)) return this.#fork(task, name, args, result, line);
    const { descriptors } = task;
    const context = { args, result, line, descriptors, files: this.#files };
    const memory = MEMORY_CALLS[name];
    if (memory === undefined) return this.#fileCall(task, name, context);
    const unanswered = result.value === null && result.errno === null;
    if (unanswered) throw new Unreadable(`${name} without an answer`);
    const { call, hint } = memory(context);
    this.#learn(task.live.epoch, call, result, hint);
    const operation = this.#push(task, call, resultOf(call, result), line);
    if (hint !== undefined) this.hints.set(operation, hint);
    return true;
  }

  #fileCall(task: Task, name: string, context: CallContext): boolean {
    const { attached } = task.live;
    let call: RecordedCall | null;
    if (name === "shmget") call = this.#shared.get(context);
    else if (name === "shmat") call = this.#shared.at(context, attached);
    else if (name === "shmdt") call = this.#shared.detach(context, attached);
    else call = FILE_CALLS[name]?.(context) ?? null;
    if (call === null) return false;
    const ret = call.op === "mmap" ? call.addr : 0;
    this.#push(task, call, { ret }, context.line);
    return true;
  }

  #push({ live }: Task, call: RecordedCall, result: RecordedResult, line: number) {
    const { proc } = live.space;
    const operation = { kind: "operation", line, proc, call, result, notified: [] } as const;
    this.events.push(operation);
    return operation;
  }

  /** The break and the first placement tell what exec has chosen. */
  #learn(epoch: Epoch, call: RecordedCall, { value }: CallResult, hint: number | undefined): void {
    if (value === null) return;
    if (call.op === "brk") epoch.breakMin = Math.min(epoch.breakMin, value);
    if (call.op !== "mmap" || hint !== 0 || call.flags & MAP_32BIT) return;
    const end = value + Math.ceil(call.len / PAGE_SIZE) * PAGE_SIZE;
    if (end < TASK_SIZE) epoch.placedEnd = Math.max(epoch.placedEnd ?? 0, end);
  }

  #taskOf(tid: number, line: number): Task {
    const known = this.#tasks.get(tid);
    if (known !== undefined) return known;
    const stranger = this.#stranger(tid);
    if (stranger !== null) return stranger;
    const live = this.#begin({ pid: tid, parent: null, began: "seen", program: null }, line);
    return this.#enter({ tid, group: tid, live, descriptors: new Map() });
  }

  /** A thread that nobody was seen to make belongs to the process that strace was told to watch. */
  #stranger(tid: number): Task | null {
    const leader = this.#strangers === null ? undefined : this.#tasks.get(this.#strangers.group);
    if (this.#strangers === null || this.#strangers.left === 0 || leader === undefined) return null;
    this.#strangers.left--;
    return this.#enter({ ...leader, tid });
  }

  #enter(task: Task): Task {
    this.#tasks.add(task);
    return task;
  }

  /** A fresh address space: of exec, or of a process that was there before the log. */
  #begin(from: Omit<StraceSpace, "proc" | "ended">, line: number): LiveSpace {
    const live = this.#space(from, {
      breakMin: Number.POSITIVE_INFINITY,
      placedEnd: null,
    });
    const { proc } = live.space;
    const space = { areas: [], pages: new Map() };
    const isExec = from.began === "exec";
    const start: Start = { kind: "start", line, proc, brkStart: 0, brk: 0, isExec, space };
    this.#starts.set(start, live.epoch);
    this.events.push(start);
    return live;
  }

  #space(from: Omit<StraceSpace, "proc" | "ended">, epoch: Epoch): LiveSpace {
    const space = { ...from, proc: this.spaces.length, ended: null };
    this.spaces.push(space);
    return { space, tids: new Set(), attached: new Map(), epoch };
  }

  #fork(
    parent: Task,
    name: string,
    args: readonly string[],
    { value }: CallResult,
    line: number,
  ): boolean {
    if (value === null) return false;
    const how = args
      .join("|")
      .replace(/\s|flags=/g, "")
      .replace(/[{},]/g, "|");
    const has = (flag: string) => hasFlag(how, flag);
    const isBornIn = name === "vfork" || has("CLONE_VM");
    const before = this.#tasks.get(value);
    if (before !== undefined) this.#leave(before, "unseen", line);
    const live = isBornIn ? parent.live : this.#copy(parent, value, line);
    const descriptors = has("CLONE_FILES") ? parent.descriptors : new Map(parent.descriptors);
    const group = has("CLONE_THREAD") ? parent.group : value;
    if (this.#seen.has(value)) this.#enter({ tid: value, group, live, descriptors });
    else if (!isBornIn) this.#end(live, "not followed", line);
    return !isBornIn;
  }

  /** A child that nothing more is heard of is forked all the same: its parent is told. */
  #copy(parent: Task, pid: number, line: number): LiveSpace {
    const { attached, epoch, space } = parent.live;
    const from = { pid, parent: space.proc, began: "fork", program: space.program } as const;
    const live = { ...this.#space(from, epoch), attached: new Map(attached) };
    this.#push(parent, { op: "fork", child: live.space.proc }, { ret: 0 }, line);
    return live;
  }

  #exec(
    tid: number,
    name: string,
    args: readonly string[],
    { value }: CallResult,
    line: number,
  ): boolean {
    if (value === null) return false;
    const program = quoted(args[name === "execveat" ? 1 : 0]);
    const task = this.#tasks.get(tid);
    const pid = task?.group ?? tid;
    for (const other of this.#tasks.group(pid)) this.#tasks.leave(other);
    if (task?.live.tids.size === 0) this.#end(task.live, "exec", line);
    const parent = task?.live.space.proc ?? null;
    const live = this.#begin({ pid, parent, began: "exec", program }, line);
    const descriptors = task?.descriptors ?? new Map();
    this.#enter({ tid: pid, group: pid, live, descriptors });
    return false;
  }

  /** exit ends a thread, exit_group the process with all of its threads. */
  #exit(tid: number, name: string, status: string | undefined, { line }: Place): boolean {
    const task = this.#tasks.get(tid);
    if (task === undefined) return false;
    const how = `exited ${status ?? "0"}`;
    if (name === "exit") this.#leave(task, how, line);
    else for (const live of this.#tasks.endGroup(task.group)) this.#end(live, how, line);
    return false;
  }

  #gone(tid: number, how: string, { line }: Place): void {
    this.#tasks.forget(tid);
    const task = this.#tasks.get(tid);
    if (task !== undefined) this.#leave(task, how, line);
  }

  #leave(task: Task, how: string, line: number): void {
    if (this.#tasks.leave(task)) this.#end(task.live, how, line);
  }

  #end({ space }: LiveSpace, how: string, line: number): void {
    space.ended = how;
    const { proc } = space;
    const call = { op: "exit" } as const;
    this.events.push({ kind: "operation", line, proc, call, result: {}, notified: [] });
  }
}

/** The first page of what exec had put above everything that was placed later. */
function loaderAt(start: number): RecordedArea {
  return { start, end: start + PAGE_SIZE, rights: "r-xp", offset: 0, name: "" };
}

/** The answer in the recording's terms; what mincore found resident is the recorded machine's. */
function resultOf(call: RecordedCall, { errno, value }: CallResult): RecordedResult {
  if (errno !== null) return { errno };
  if (call.op === "mincore") return {};
  const isAddress = call.op === "mmap" || call.op === "mremap" || call.op === "brk";
  return { ret: isAddress ? (value ?? 0) : 0 };
}
