// Physical memory in one typed array, with a count of users a frame and a stack of free ones.
//
// Invariants
//   A1  Frame 0 is the zero page: never handed out, never counted, never written.
//   A2  A frame is on the stack exactly while nobody uses it.

import { PAGE } from "../../memory.ts";
import { Refusal } from "../refusal.ts";

export class FrameArena {
  readonly bytes: Uint8Array;
  readonly users: Int32Array;
  readonly #free: Int32Array;
  #top = 0;

  constructor(bytes: number) {
    const frames = Math.floor(bytes / PAGE);
    this.bytes = new Uint8Array(frames * PAGE);
    this.users = new Int32Array(frames);
    this.#free = new Int32Array(frames);
    for (let frame = frames - 1; frame > 0; frame--) this.#push(frame);
  }

  /** A frame of zeros with one user: the one that was freed last. */
  takeZeroed(): number {
    const frame = this.#pop();
    const at = frame * PAGE;
    this.bytes.fill(0, at, at + PAGE);
    return frame;
  }

  /** A frame with the contents of another, with one user. */
  takeCopy(of: number): number {
    const frame = this.#pop();
    this.bytes.copyWithin(frame * PAGE, of * PAGE, (of + 1) * PAGE);
    return frame;
  }

  drop(frame: number): void {
    if (frame === 0) return;
    const left = (this.users[frame] as number) - 1;
    this.users[frame] = left;
    if (left === 0) this.#push(frame);
  }

  #push(frame: number): void {
    this.#free[this.#top] = frame;
    this.#top++;
  }

  #pop(): number {
    if (this.#top === 0) throw new Refusal("ENOMEM", "fault");
    this.#top--;
    const frame = this.#free[this.#top] as number;
    this.users[frame] = 1;
    return frame;
  }
}
