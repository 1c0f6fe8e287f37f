// Shared anonymous memory: an array of frames an object, each frame held by its object as well.

import type { FrameArena } from "./frame-arena.ts";

interface SharedObject {
  /** Frame by index, 0 where nobody has been. */
  readonly frames: Int32Array;
  users: number;
}

export class SharedObjects {
  readonly #arena: FrameArena;
  readonly #objects = new Map<number, SharedObject>();
  #last = 0;

  constructor(arena: FrameArena) {
    this.#arena = arena;
  }

  create(pages: number): number {
    this.#last++;
    this.#objects.set(this.#last, { frames: new Int32Array(pages), users: 0 });
    return this.#last;
  }

  retain(object: number): void {
    this.#get(object).users++;
  }

  release(object: number): void {
    const shared = this.#get(object);
    shared.users--;
    if (shared.users > 0) return;
    for (const frame of shared.frames) this.#arena.drop(frame);
    this.#objects.delete(object);
  }

  has(object: number, index: number): boolean {
    return (this.#get(object).frames[index] ?? 0) !== 0;
  }

  /** The frame of a page, made when nobody has been there. */
  frame(object: number, index: number): number {
    const { frames } = this.#get(object);
    const known = frames[index] as number;
    if (known !== 0) return known;
    const made = this.#arena.takeZeroed();
    frames[index] = made;
    return made;
  }

  drop(object: number, first: number, pages: number): void {
    const { frames } = this.#get(object);
    for (let index = first; index < first + pages; index++) {
      this.#arena.drop(frames[index] as number);
      frames[index] = 0;
    }
  }

  #get(object: number): SharedObject {
    const found = this.#objects.get(object);
    if (found === undefined) throw new RangeError(`no shared object ${object}`);
    return found;
  }
}
