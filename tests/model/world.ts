// The machine and the naive memory side by side: each step is done to both, and what they answer
// is compared.

import { memoryBacking } from "../../src/backing/memory.ts";
import { MemoryError } from "../../src/errors.ts";
import type { File } from "../../src/file.ts";
import type { Mm } from "../../src/mm.ts";
import type { Page } from "../../src/page.ts";
import type { Pin } from "../../src/pin.ts";
import { BASE, type Booted, type BootOptions, boot, PAGE } from "../support/boot.ts";
import { prng, type Random } from "../support/prng.ts";
import { NaiveFile, NaiveMm, type NaivePage, type Outcome } from "./naive.ts";
import { CHOICES } from "./steps.ts";

/** Pages of an address space that steps are about. */
export const SPACE_PAGES = 48;
export const FILE_PAGES = 24;
const RUN_PAGES = 12;
export const MMS = 5;
const FILES = 3;
export const FIRST = BASE / PAGE;
/** Pages that the address spaces of a group may have in memory. */
const GROUP_PAGES = 48;
/** Pages that a device has for good: what is left of the machine is less than all want. */
const DEVICE_PAGES = 64;
/** Pages that are pinned at once. */
const PINS = 6;
/** Steps that a failure tells. */
const TOLD = 24;

interface Pair {
  readonly mm: Mm;
  readonly naive: NaiveMm;
}

/** A page that a device has pinned for writing, and what the naive memory has in its place. */
interface Pinned {
  readonly pin: Pin;
  readonly naive: NaiveMm;
  readonly page: NaivePage;
  readonly own: Uint8Array | null;
}

interface FilePair {
  readonly file: File;
  readonly naive: NaiveFile;
}

export class World {
  readonly booted: Booted;
  readonly random: Random;
  readonly pairs: Pair[];
  readonly files: FilePair[];
  readonly counts = new Map<string, number>();
  readonly pins: Pinned[] = [];
  readonly #holder;
  /** What a device outside holds, and may write to. */
  #held: { page: Page; naive: NaiveMm }[] = [];
  readonly #told: string[] = [];

  constructor(seed: number, options: BootOptions) {
    this.booted = boot("", options);
    this.random = prng(seed);
    this.booted.machine.allocateDevice(DEVICE_PAGES);
    const group = this.booted.machine.createGroup({ memory: GROUP_PAGES * PAGE });
    const member = this.booted.machine.createMm({ group });
    this.pairs = [this.booted.mm, member].map((mm) => ({ mm, naive: new NaiveMm() }));
    this.files = Array.from({ length: FILES }, (_, i) => {
      const size = this.random.below(FILE_PAGES * PAGE);
      const kind = i % 2 === 0 ? "memory" : "disk";
      return {
        file: this.booted.machine.createFile({ size, kind }),
        naive: new NaiveFile(size, kind === "disk"),
      };
    });
    const stored = this.booted.machine.openFileSync({ backing: memoryBacking(), name: "stored" });
    this.files.push({ file: stored, naive: new NaiveFile(0, true) });
    this.#holder = this.booted.register({
      invalidateProcessRange: (mm, start, end) => void this.#holder.unexportRange(mm, start, end),
      invalidatePage: (_page, why) => {
        for (const { mm, address } of why.places) this.#holder.unexport(mm, address);
      },
      release: (mm) => void this.#holder.unexportRange(mm, 0, 2 ** 47),
    });
  }

  /** One random step. */
  async step(): Promise<void> {
    const [name, step] = this.random.pick(CHOICES);
    const what = `${name} ${await this.#unlessFull(() => step(this))}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.#told.push(what);
    if (this.#told.length > TOLD) this.#told.shift();
  }

  /** What finds no memory has changed nothing. */
  async #unlessFull(step: () => Promise<string>): Promise<string> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof MemoryError) || error.code !== "ENOMEM") throw error;
      this.counts.set("ENOMEM", (this.counts.get("ENOMEM") ?? 0) + 1);
      return "found no memory";
    }
  }

  /** Compares every byte that can be read. */
  async sweep(): Promise<void> {
    for (const { mm, naive } of this.pairs) {
      for (const at of naive.pages.keys()) {
        await this.#unlessFull(() => this.#sweepPage(mm, naive, at));
      }
    }
  }

  async #sweepPage(mm: Mm, naive: NaiveMm, at: number): Promise<string> {
    const what = `sweep ${mm.id} page ${at - FIRST}`;
    const wanted = naive.read(at * PAGE);
    let bytes: Uint8Array = new Uint8Array();
    const got = await outcomeOf(async () => {
      bytes = await mm.read(at * PAGE, PAGE);
      return bytes[0] as number;
    });
    this.same(what, got, wanted);
    for (const [i, byte] of bytes.entries()) {
      const known = naive.read(at * PAGE + i);
      if (byte !== known) this.same(`${what}+${i}`, byte, known);
    }
    return what;
  }

  same(what: string, got: unknown, wanted: unknown): void {
    if (got === wanted) return;
    const before = this.#told.join("\n  ");
    throw new Error(`${what}: ${String(got)}, not ${String(wanted)}; after\n  ${before}`);
  }

  range(): { first: number; count: number } {
    const start = this.random.below(SPACE_PAGES);
    const count = 1 + this.random.below(Math.min(RUN_PAGES, SPACE_PAGES - start));
    return { first: FIRST + start, count };
  }

  pair(): Pair {
    return this.random.pick(this.pairs);
  }

  address(): number {
    return BASE + this.random.below(SPACE_PAGES * PAGE);
  }

  async export(): Promise<string> {
    const { mm, naive } = this.pair();
    const address = BASE + this.random.below(SPACE_PAGES) * PAGE;
    const got = await outcomeOf(async () => {
      const page = await this.#holder.export(mm, address, { write: true });
      this.#held.push({ page, naive });
      return 0;
    });
    // To hold a page for writing is to have it faulted in for writing: a copy of its own.
    const first = naive.read(address);
    const wanted = typeof first === "number" ? naive.write(address, first) : first;
    this.same(`export ${mm.id} ${address - BASE}`, got, wanted);
    return `${mm.id} page ${(address - BASE) / PAGE}: ${got}`;
  }

  /** The device writes a byte to what it holds. */
  device(): string {
    this.#held = this.#held.filter(({ page }) => !page.isRevoked);
    if (this.#held.length === 0) return "nothing";
    const { page, naive } = this.random.pick(this.#held);
    const [at, byte] = [this.random.below(PAGE), this.random.below(256)];
    const address = (page.export?.address ?? 0) + at;
    if (naive.isBeyond(address)) return "nothing";
    if (!page.canWrite) {
      this.same(`device reads ${address - BASE}`, page.bytes[at], naive.read(address));
      return `reads ${address - BASE}`;
    }
    page.bytes[at] = byte;
    naive.write(address, byte);
    return `writes ${address - BASE}`;
  }

  /** Pins a page for writing, or lets one go. */
  async pin(): Promise<string> {
    if (this.pins.length >= PINS) {
      this.unpin(this.random.pick(this.pins));
      return "let go";
    }
    const { mm, naive } = this.pair();
    const address = BASE + this.random.below(SPACE_PAGES) * PAGE;
    const first = naive.read(address);
    const pin = await pinned(mm, address);
    this.same(`pin ${mm.id} ${address - BASE}`, pin !== null, typeof first === "number");
    if (pin === null || typeof first !== "number") return `${mm.id} ${address - BASE}: no`;
    naive.write(address, first);
    const page = naive.pages.get(address / PAGE) as NaivePage;
    this.pins.push({ pin, naive, page, own: page.own });
    return `${mm.id} page ${(address - BASE) / PAGE}`;
  }

  /** The device writes to what it has pinned, or reads it. */
  pinned(): string {
    if (this.pins.length === 0) return "nothing";
    const one = this.random.pick(this.pins);
    const place = this.#placeOf(one);
    if (place === null) {
      this.unpin(one);
      return "its page is gone";
    }
    const [at, byte] = [this.random.below(PAGE), this.random.below(256)];
    const address = place + at;
    if (one.naive.isBeyond(address)) return "nothing";
    this.same(`pinned ${address - BASE}`, one.pin.read(at, 1)[0], one.naive.read(address));
    one.pin.store(Uint8Array.of(byte), at);
    one.naive.write(address, byte);
    return `writes ${address - BASE}`;
  }

  unpin(one: Pinned): void {
    one.pin.unpin();
    this.pins.splice(this.pins.indexOf(one), 1);
  }

  /** What is cut out of a file is no longer what a device has pinned of it. */
  unpinFile(file: NaiveFile): void {
    for (const one of [...this.pins]) if (one.page.file === file) this.unpin(one);
  }

  /** Where a pinned page is mapped still, or null. */
  #placeOf({ naive, page, own }: Pinned): number | null {
    if (page.own !== own || !this.pairs.some((pair) => pair.naive === naive)) return null;
    for (const [at, mapped] of naive.pages) if (mapped === page) return at * PAGE;
    return null;
  }
}

/** EFAULT is an answer: there is no page to pin. */
async function pinned(mm: Mm, address: number): Promise<Pin | null> {
  try {
    return await mm.pin(address, PAGE, { write: true });
  } catch (error) {
    if (error instanceof MemoryError && error.code === "EFAULT") return null;
    throw error;
  }
}

/** A signal is an answer; any other error is not. */
export async function outcomeOf(ask: () => Promise<number>): Promise<Outcome> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    if (error.code === "SIGSEGV" || error.code === "SIGBUS") return error.code;
    throw error;
  }
}
