// Physical memory as objects: a frame has its bytes and its users; freed ones are kept for reuse.

import { PAGE } from "../../memory.ts";
import { Refusal } from "../refusal.ts";

export class Frame {
  readonly bytes = new Uint8Array(PAGE);
  users = 0;
}

/** What every page reads that was never written. */
export const ZERO_PAGE = new Frame();

export class FramePool {
  readonly #free: Frame[] = [];
  #left: number;

  constructor(bytes: number) {
    this.#left = Math.floor(bytes / PAGE);
  }

  /** A frame of zeros with one user. */
  takeZeroed(): Frame {
    const known = this.#free.pop();
    if (known === undefined) return this.#make();
    known.bytes.fill(0);
    known.users = 1;
    return known;
  }

  /** A frame with the contents of another, with one user. */
  takeCopy(of: Frame): Frame {
    const frame = this.#free.pop() ?? this.#make();
    frame.bytes.set(of.bytes);
    frame.users = 1;
    return frame;
  }

  drop(frame: Frame): void {
    if (frame === ZERO_PAGE) return;
    frame.users--;
    if (frame.users === 0) this.#free.push(frame);
  }

  #make(): Frame {
    if (this.#left === 0) throw new Refusal("ENOMEM", "fault");
    this.#left--;
    const frame = new Frame();
    frame.users = 1;
    return frame;
  }
}
