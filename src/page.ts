// A page that somebody outside holds or is told about: one physical frame.
//
// Invariants
//   O1  `bytes` of a page that was exported throws once its record is gone: what remains in the
//       hands of a holder is at most a view it took before.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { Mm } from "./mm.ts";

/** Where a page is exported, and with what rights. */
export interface PageExport {
  readonly mm: Mm;
  /** Bytes, a multiple of the page size. */
  readonly address: number;
  readonly write: boolean;
}

export class Page {
  /** Page frame number. */
  readonly pfn: number;
  /** Null for a page that a callback is told about. */
  readonly export: PageExport | null;
  readonly #core: Core;
  #revoked = false;

  constructor(core: Core, pfn: number, exported: PageExport | null = null) {
    this.#core = core;
    this.pfn = pfn;
    this.export = exported;
  }

  /** Whether the record it stands for is gone. */
  get isRevoked(): boolean {
    return this.#revoked;
  }

  /**
   * The frame's 4096 bytes, not a copy. Whoever writes through it without `write` breaks the
   * contract: JavaScript cannot enforce it.
   */
  get bytes(): Uint8Array {
    if (this.#revoked) {
      const address = this.export?.address;
      throw new MemoryError(Status.ESTALE, "page", { address, reason: "it is not exported" });
    }
    return this.#core.engine.frame(this.pfn);
  }

  /** A copy of `length` bytes from `offset` on. */
  read(offset = 0, length: number = PAGE_SIZE - offset): Uint8Array {
    return this.bytes.slice(offset, offset + length);
  }

  /** The record is gone; from here on `bytes` throws. */
  revoke(): void {
    this.#revoked = true;
  }
}
