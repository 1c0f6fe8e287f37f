// Shared anonymous memory: a Map of frames an object, each frame held by its object as well.

import type { Frame, FramePool } from "./frame-pool.ts";

class SharedObject {
  readonly frames = new Map<number, Frame>();
  users = 0;
}

export class SharedObjects {
  readonly #pool: FramePool;
  readonly #objects = new Map<number, SharedObject>();
  #last = 0;

  constructor(pool: FramePool) {
    this.#pool = pool;
  }

  create(): number {
    this.#last++;
    this.#objects.set(this.#last, new SharedObject());
    return this.#last;
  }

  retain(object: number): void {
    this.#get(object).users++;
  }

  release(object: number): void {
    const shared = this.#get(object);
    shared.users--;
    if (shared.users > 0) return;
    for (const frame of shared.frames.values()) this.#pool.drop(frame);
    this.#objects.delete(object);
  }

  has(object: number, index: number): boolean {
    return this.#get(object).frames.has(index);
  }

  /** The frame of a page, made when nobody has been there. */
  frame(object: number, index: number): Frame {
    const { frames } = this.#get(object);
    const known = frames.get(index);
    if (known !== undefined) return known;
    const made = this.#pool.takeZeroed();
    frames.set(index, made);
    return made;
  }

  drop(object: number, first: number, pages: number): void {
    const { frames } = this.#get(object);
    for (let index = first; index < first + pages; index++) {
      const frame = frames.get(index);
      if (frame === undefined) continue;
      this.#pool.drop(frame);
      frames.delete(index);
    }
  }

  #get(object: number): SharedObject {
    const found = this.#objects.get(object);
    if (found === undefined) throw new RangeError(`no shared object ${object}`);
    return found;
  }
}
