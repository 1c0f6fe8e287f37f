// A group of address spaces with a limit on what they have in memory (Linux mm/memcontrol.c). What
// it pays for: pages that one of them touched first, as long as they are in memory; page tables and
// other bookkeeping are not counted.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";

/** Key of a group's internal half. */
export const GROUP: unique symbol = Symbol("group");

export interface GroupOptions {
  /** Bytes that its address spaces may have in memory together; whole pages of it count. */
  readonly memory: number;
}

export class Group {
  readonly [GROUP]: number;
  readonly #core: Core;
  #memory: number;
  #isReleased = false;

  constructor(core: Core, id: number, memory: number) {
    this.#core = core;
    this[GROUP] = id;
    this.#memory = memory;
  }

  /** Bytes that it may have in memory. */
  get memory(): number {
    return this.#memory;
  }

  /** Bytes that it has in memory. */
  get used(): number {
    return this.#core.engine.reclaim.groupPages(this.id("used")) * PAGE_SIZE;
  }

  /** Pages that it has beyond its limit, which was lowered. */
  get excess(): number {
    return Math.ceil((this.used - this.#memory) / PAGE_SIZE);
  }

  /** Changes the limit. What is over it goes when the group next needs memory, or is reclaimed. */
  setMemory(memory: number): void {
    const pages = pagesOf(memory);
    this.#core.engine.reclaim.limitGroup(this.id("setMemory"), pages);
    this.#memory = memory;
  }

  /** Ends the group; what is left of its pages is nobody's. EBUSY while somebody is in it. */
  release(): void {
    if (this.#isReleased) return;
    const status = this.#core.engine.reclaim.releaseGroup(this.id("release"));
    if (status < 0) {
      throw new MemoryError(status, "release", { reason: "address spaces are in the group" });
    }
    this.#isReleased = true;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Its number in the engine. EBADF when it was released; TypeError for another machine's. */
  id(op: string, core: Core = this.#core): number {
    if (core !== this.#core) throw new TypeError("group: it belongs to another machine");
    if (!this.#isReleased) return this[GROUP];
    throw new MemoryError(Status.EBADF, op, { reason: "the group was released" });
  }
}

/** A new group. ENFILE at the limit of groups. */
export function createGroup(core: Core, options: GroupOptions): Group {
  take.options(options, "options");
  const pages = pagesOf(options?.memory);
  const id = core.engine.reclaim.createGroup(pages);
  if (id < 0) throw new MemoryError(id, "createGroup", { reason: "there are too many groups" });
  return new Group(core, id, options.memory);
}

/** The group's number in the engine, 0 for none. */
export function groupIdOf(core: Core, op: string, group: Group | undefined): number {
  if (group === undefined) return 0;
  if (group instanceof Group) return group.id(op, core);
  throw take.typeError("group", "a Group", group);
}

function pagesOf(memory: number): number {
  const pages = Math.floor(take.natural(memory, "memory") / PAGE_SIZE);
  if (pages < 1 || pages >= 2 ** 31) throw new RangeError(`memory: ${memory} is no limit of pages`);
  return pages;
}
