// A working set many times larger than memory, every byte of it known: written and read in order
// and at random, by forks, and compared with what each process wrote last, or any of those that
// share it.
//
// Nothing of a test runner or of Node is in here, so that it runs in a browser too.

import type { Random } from "./prng.ts";

const PAGE = 4096;
const MAP_SHARED = 1;

/** What is asked of an address space: of the sources, or of the package. */
interface Mm {
  mmap(address: number, length: number, prot: number, flags: number): Promise<number>;
  write(address: number, from: Uint8Array): Promise<unknown>;
  read(address: number, into: Uint8Array): Promise<unknown>;
  fork(): Promise<Mm>;
  exit(): Promise<unknown>;
}

export interface Pressure {
  readonly machine: { createMm(): Mm };
  /** Protection and flags of anonymous memory that can be written, private or shared. */
  readonly kind: readonly [prot: number, flags: number];
  readonly random: Random;
  /** Pages of the working set. */
  readonly pages: number;
  /** Pages that are written or read at random. */
  readonly touches: number;
}

/** One process, and the number that each of its pages was filled from last. */
interface Process {
  readonly mm: Mm;
  readonly seeds: Uint32Array;
}

/** Where a run keeps its page: a view of bytes and one of words on the same memory. */
const bytes = new Uint8Array(PAGE);
const words = new Uint32Array(bytes.buffer);

/** Runs it, waiting where it must; throws at the first byte that is not what it was. */
export async function runUnderPressure(pressure: Pressure): Promise<void> {
  const { machine, kind, pages, random, touches } = pressure;
  const mm = machine.createMm();
  const base = await mm.mmap(0, pages * PAGE, ...kind);
  const parent: Process = { mm, seeds: new Uint32Array(pages) };
  for (let page = 0; page < pages; page++) await fill(parent, base, page, random);
  for (let page = 0; page < pages; page++) await expectPage(parent, base, page);
  // What they share has one content, whoever wrote it.
  const seeds = kind[1] & MAP_SHARED ? parent.seeds : parent.seeds.slice();
  const child: Process = { mm: await mm.fork(), seeds };
  for (let touch = 0; touch < touches; touch++) {
    const process = random.pick([parent, child]);
    const page = random.below(pages);
    if (random.oneIn(2)) await fill(process, base, page, random);
    else await expectPage(process, base, page);
  }
  for (let page = 0; page < pages; page++) await expectPage(child, base, page);
  await child.mm.exit();
  for (let page = 0; page < pages; page++) await expectPage(parent, base, page);
  await mm.exit();
}

async function fill(process: Process, base: number, page: number, random: Random): Promise<void> {
  const seed = random.below(2 ** 31);
  process.seeds[page] = seed;
  for (let at = 0; at < words.length; at++) words[at] = wordOf(seed, at);
  await process.mm.write(base + page * PAGE, bytes);
}

async function expectPage({ mm, seeds }: Process, base: number, page: number): Promise<void> {
  await mm.read(base + page * PAGE, bytes);
  const seed = seeds[page] as number;
  for (let at = 0; at < words.length; at++) {
    if (words[at] === wordOf(seed, at)) continue;
    throw new Error(`page ${page}: word ${at} is ${words[at]}, not ${wordOf(seed, at)}`);
  }
}

/** No two words of a page are alike, nor two pages. */
function wordOf(seed: number, at: number): number {
  return (Math.imul(seed, 0x9e37_79b1) + Math.imul(at, 0x85eb_ca6b)) >>> 0;
}
