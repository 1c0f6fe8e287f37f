// Slots that lie side by side, and the bytes that go there in one call of the backing.

import { PAGE_SIZE } from "../assembly/abi.ts";
import type { SwapPageRecord } from "./engine/records.ts";

/** Pages that one call moves at most. */
const RUN_PAGES = 64;
const RUN_BYTES = RUN_PAGES * PAGE_SIZE;

/** Pages whose slots follow each other, in that order. */
export type SwapRun = readonly SwapPageRecord[];

export function runsOf(pages: readonly SwapPageRecord[]): SwapRun[] {
  const sorted = [...pages].sort((one, other) => one.slot - other.slot);
  const runs: SwapPageRecord[][] = [];
  let run: SwapPageRecord[] = [];
  for (const page of sorted) {
    const follows = run.at(-1)?.slot === page.slot - 1 && run.length < RUN_PAGES;
    if (!follows) {
      run = [];
      runs.push(run);
    }
    run.push(page);
  }
  return runs;
}

/**
 * Buffers for what is on its way. One is used again as long as the backing has answered at once and
 * well: what it still had to do with it is done then. Any other stays the backing's.
 */
export class RunBuffers {
  #spare: Uint8Array | null = null;

  take(bytes: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = null;
    return spare === null ? new Uint8Array(bytes) : spare.subarray(0, bytes);
  }

  /** The backing has answered at once: it will do so again. */
  giveBack(buffer: Uint8Array): void {
    const whole = buffer.buffer;
    // One that the backing has moved elsewhere has no bytes any more.
    const isWhole = whole.byteLength === RUN_BYTES;
    this.#spare = isWhole ? new Uint8Array(whole) : new Uint8Array(RUN_BYTES);
  }
}
