// A round trip of a machine's pages through swap: out by MADV_PAGEOUT, in again, every byte seen.
//
// Nothing of a test runner is in here, and the machine is that of the package, so that it runs
// wherever the package is installed.

import * as pagebell from "pagebell";

const PAGE = 4096;

export interface SwapRound {
  /** How many pages, of how many bytes of memory. */
  readonly pages: number;
  readonly memory: number;
  readonly backing: pagebell.SwapBacking;
}

export interface SwapRoundResult {
  readonly present: number;
  readonly out: number;
  readonly in: number;
  readonly slots: number;
  /** Pages that did not have the bytes that were written. */
  readonly wrong: number;
  readonly check: number;
}

/** Bytes of a page that no other has. */
function fill(page: number, bytes: Uint8Array): Uint8Array {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE / 4);
  for (let index = 0; index < words.length; index++) {
    words[index] = Math.imul(page + 1, 0x9e3779b1) + Math.imul(index, 0x85ebca6b);
  }
  return bytes;
}

/** A backing that remembers what it was asked to write. */
function remembering(backing: pagebell.SwapBacking) {
  const writes: (void | Promise<void>)[] = [];
  const write = (position: number, from: Uint8Array) => {
    const written = backing.write(position, from);
    writes.push(written);
    return written;
  };
  const read = (position: number, into: Uint8Array) => backing.read(position, into);
  return { backing: { read, write }, writes };
}

/** Writes pages, sends them out, waits until they are, and reads each of them back. */
export async function swapRound({ pages, memory, backing }: SwapRound): Promise<SwapRoundResult> {
  const kept = remembering(backing);
  const swap = { pages, backing: kept.backing };
  const machine = await pagebell.createMachine({ memory, swap });
  const mm = machine.createMm();
  const prot = pagebell.PROT_READ | pagebell.PROT_WRITE;
  const kind = pagebell.MAP_PRIVATE | pagebell.MAP_ANONYMOUS;
  const base = await mm.mmap(0, pages * PAGE, prot, kind);
  const bytes = new Uint8Array(PAGE);
  for (let page = 0; page < pages; page++) await mm.write(base + page * PAGE, fill(page, bytes));
  await mm.madvise(base, pages * PAGE, pagebell.MADV_PAGEOUT);
  while (machine.vmstat().pswpout < pages) await kept.writes.shift();
  const present = [...mm.pagemap()].filter((page) => page.present).length;
  const want = new Uint8Array(PAGE);
  let wrong = 0;
  for (let page = 0; page < pages; page++) {
    await mm.read(base + page * PAGE, bytes);
    fill(page, want);
    if (!bytes.every((byte, index) => byte === want[index])) wrong++;
  }
  const { pswpout, pswpin, swap_slots_used: slots } = machine.vmstat();
  return { present, out: pswpout, in: pswpin, slots, wrong, check: machine.check() };
}
