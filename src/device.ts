// Memory that a device owns: frames that lie together, for drivers to map (`Mm.remapPfnRange`).
//
// Invariants
//   Y1  A device is never given up while a page table shows it: what is mapped cannot outlive its
//       owner.
//   Y2  No handle is used after its device was released; `bytes` throws from then on.

import { FRAMES_MAX, PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";

/** Frames of a device: `pages` of them from `pfn` on. */
export class Device {
  /** Page frame number of the first one. */
  readonly pfn: number;
  readonly pages: number;
  readonly #core: Core;
  readonly #handle: number;
  #isReleased = false;

  constructor(core: Core, handle: number, pfn: number, pages: number) {
    this.#core = core;
    this.#handle = handle;
    this.pfn = pfn;
    this.pages = pages;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** The device's bytes, not a copy: `pages * PAGE_SIZE` of them. EBADF after `release`. */
  get bytes(): Uint8Array {
    this.#expectOwned("device");
    return this.#core.engine.frame(this.pfn, this.pages);
  }

  /** Gives its frames back. EBUSY, nothing changed, while an address space shows one of them. */
  release(): void {
    this.#expectOwned("release");
    const status = this.#core.engine.devices.release(this.#handle);
    if (status < 0) {
      const reason = "its memory is mapped";
      throw new MemoryError(status, "release", { reason });
    }
    this.#isReleased = true;
  }

  [Symbol.dispose](): void {
    if (!this.#isReleased) this.release();
  }

  #expectOwned(op: string): void {
    if (!this.#isReleased) return;
    throw new MemoryError(Status.EBADF, op, { reason: "the device was released" });
  }
}

/** A device of `pages` zeroed frames. EINVAL for none or more than a block has; ENOMEM. */
export function createDevice(core: Core, pages: number): Device {
  const count = take.natural(pages, "pages");
  const { engine } = core;
  const handle = engine.devices.create(Math.min(count, FRAMES_MAX));
  if (handle < 0) {
    const reason = `${count * PAGE_SIZE} bytes that lie together`;
    throw new MemoryError(handle, "allocateDevice", { reason });
  }
  return new Device(core, handle, engine.answer.pfn, count);
}
