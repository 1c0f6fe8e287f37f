// Who shares what: threads and vfork's children an address space, forked ones a copy of it.
//
//            clone, fork                    clone with CLONE_VM, vfork
//   task ──────────────────▶ a new space   task ──────────────────▶ the same space
//     │  execve: leaves its space, begins a new one; its other threads end
//     └─ exit: leaves its space; the last one to leave ends it
//
// Invariants
//   R18  A space is alive as long as a task is in it, and ends when the last one leaves.

import type { Descriptors } from "./descriptors.ts";

/** One address space of the log: a program's, from exec or fork to exit or the next exec. */
export interface StraceSpace {
  /** Its process number in the recording. */
  readonly proc: number;
  /** The process that it began in; 0 where the log does not say. */
  readonly pid: number;
  /** The space that it was copied from, if it was. */
  readonly parent: number | null;
  /** How it began: "seen" is a process whose beginning is not in the log. */
  readonly began: "exec" | "fork" | "seen";
  /** The program, as execve had it or the parent had it. */
  program: string | null;
  /** "exited 0", "killed SIGKILL", "exec"; null while it lives. */
  ended: string | null;
}

/** An address space while it lives. */
export interface LiveSpace {
  readonly space: StraceSpace;
  readonly tids: Set<number>;
  /** Attached shared memory: length by address. */
  readonly attached: Map<number, number>;
  /** What exec began, with everything forked from it: they share where the break starts. */
  readonly epoch: Epoch;
}

/** What the log says, sooner or later, of the layout that exec chose. */
export interface Epoch {
  /** The lowest break that was ever seen: where the heap begins. */
  breakMin: number;
  /** The highest end of what the kernel placed: what is above came with exec. */
  placedEnd: number | null;
}

export interface Task {
  readonly tid: number;
  /** The thread group: the number of the process. */
  readonly group: number;
  live: LiveSpace;
  readonly descriptors: Descriptors;
}

export class Tasks {
  readonly #tasks = new Map<number, Task>();
  /** Threads whose process has ended under them; what they still say comes too late. */
  readonly #late = new Set<number>();

  get(tid: number): Task | undefined {
    return this.#tasks.get(tid);
  }

  isLate(tid: number): boolean {
    return this.#late.has(tid);
  }

  add(task: Task): void {
    this.#late.delete(task.tid);
    this.#tasks.set(task.tid, task);
    task.live.tids.add(task.tid);
  }

  /** Takes one out. Whether it was the last one in its space. */
  leave({ tid, live }: Task): boolean {
    this.#tasks.delete(tid);
    live.tids.delete(tid);
    return live.tids.size === 0;
  }

  /** Everybody of a process. */
  group(group: number): Task[] {
    return [...this.#tasks.values()].filter((task) => task.group === group);
  }

  /** Ends a process as a whole: each space that nobody is left in. */
  endGroup(group: number): LiveSpace[] {
    const members = this.group(group);
    for (const { tid } of members) this.#late.add(tid);
    return members.filter((task) => this.leave(task)).map(({ live }) => live);
  }

  forget(tid: number): void {
    this.#late.delete(tid);
  }
}
