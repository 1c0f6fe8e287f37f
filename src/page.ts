// A page that somebody outside holds or is told about: one physical frame.
//
// Invariants
//   O1  `bytes` of a page that was exported throws once its record is gone: what remains in the
//       hands of a holder is at most a view it took before.
//   O2  `canWrite` is what the record says now: a record may be lowered before the promise that
//       gave out its page is looked at.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { Mm } from "./mm.ts";

/** Where a page is exported. */
export interface PageExport {
  readonly mm: Mm;
  /** Bytes, a multiple of the page size. */
  readonly address: number;
}

export class Page {
  /** Page frame number. */
  readonly pfn: number;
  /** Null for a page that a callback is told about. */
  readonly export: PageExport | null;
  readonly #core: Core;
  #revoked = false;
  #write: boolean;

  constructor(core: Core, pfn: number, exported: PageExport | null = null, write = false) {
    this.#core = core;
    this.pfn = pfn;
    this.export = exported;
    this.#write = write;
  }

  /** Whether the record it stands for is gone. */
  get isRevoked(): boolean {
    return this.#revoked;
  }

  /** Whether its record has write access. */
  get canWrite(): boolean {
    return this.#write && !this.#revoked;
  }

  /**
   * The frame's 4096 bytes, not a copy. Whoever writes through it without `canWrite` breaks the
   * contract: JavaScript cannot enforce it.
   */
  get bytes(): Uint8Array {
    if (this.#revoked) {
      const address = this.export?.address;
      throw new MemoryError(Status.ESTALE, "page", { address, reason: "it is not exported" });
    }
    return this.#core.engine.frame(this.pfn);
  }

  /** A copy of `length` bytes from `offset` on. RangeError beyond the page. */
  read(offset = 0, length: number = PAGE_SIZE - offset): Uint8Array {
    take.natural(offset, "offset");
    take.natural(length, "length");
    if (offset + length > PAGE_SIZE) {
      throw new RangeError(`${length} bytes from ${offset} on are not in one page`);
    }
    return this.bytes.slice(offset, offset + length);
  }

  /** Its record has gained, or lost, write access. */
  setWrite(write: boolean): void {
    this.#write = write;
  }

  /** The record is gone; from here on `bytes` throws. */
  revoke(): void {
    this.#revoked = true;
  }
}
