// Small machines with swap whose memory is filled, and what became of the pages that were drawn.

import { expect } from "vitest";
import { at, type Booted, boot, MIB, PAGE, PRIVATE, READ_WRITE } from "./boot.ts";

export const SWAP = { pages: 2_000 };
export const DRAWING = "wwwwwwww";

/** A small machine with swap and eight pages that were written. */
export function swapping(options: Parameters<typeof boot>[1] = {}): Booted {
  return boot(DRAWING, { memory: MIB, overcommit: 100 * MIB, swap: SWAP, ...options });
}

/** What became of the drawing, a character a page: `w` present, `S` swapped out, `.` nothing. */
export function out({ mm }: Booted, count = DRAWING.length): string {
  const letter = (page: number) => {
    const entry = mm.page(at(page));
    if (entry === null) return ".";
    return entry.present ? "w" : "S";
  };
  return Array.from({ length: count }, (_, page) => letter(page)).join("");
}

/** Every page of the drawing is as it was drawn. */
export function expectWhole({ mm }: Booted): void {
  for (let page = 0; page < DRAWING.length; page++) {
    expect(mm.readSync(at(page), 1)[0]).toBe(1 + page);
  }
}

/** Maps and writes as many pages as there are frames, and more. */
export function fillMemory({ mm, machine }: Booted): { base: number; count: number } {
  const count = 2 * machine.frames.total;
  const base = mm.mmapSync(0, count * PAGE, READ_WRITE, PRIVATE);
  for (let page = 0; page < count; page++) mm.writeSync(base + page * PAGE, Uint8Array.of(page));
  return { base, count };
}
