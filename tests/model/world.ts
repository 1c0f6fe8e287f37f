// The machine and the naive memory side by side: each step is done to both, and what they answer
// is compared.

import {
  MADV_DONTNEED,
  MADV_PAGEOUT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
} from "../../src/constants.ts";
import { MemoryError } from "../../src/errors.ts";
import type { File } from "../../src/file.ts";
import type { Mm } from "../../src/mm.ts";
import type { Page } from "../../src/page.ts";
import { BASE, type Booted, type BootOptions, boot, PAGE, READ_WRITE } from "../support/boot.ts";
import { prng, type Random } from "../support/prng.ts";
import { NaiveFile, NaiveMm, type Outcome } from "./naive.ts";

/** Pages of an address space that steps are about. */
const SPACE_PAGES = 48;
const FILE_PAGES = 24;
const RUN_PAGES = 12;
const MMS = 5;
const FILES = 3;
const FIRST = BASE / PAGE;
/** Steps that a failure tells. */
const TOLD = 24;

interface Pair {
  readonly mm: Mm;
  readonly naive: NaiveMm;
}

interface FilePair {
  readonly file: File;
  readonly naive: NaiveFile;
}

type Step = (world: World) => Promise<string>;

export class World {
  readonly booted: Booted;
  readonly random: Random;
  readonly pairs: Pair[];
  readonly files: FilePair[];
  readonly counts = new Map<string, number>();
  readonly #holder;
  /** What a device outside holds, and may write to. */
  #held: { page: Page; naive: NaiveMm }[] = [];
  readonly #told: string[] = [];

  constructor(seed: number, options: BootOptions) {
    this.booted = boot("", options);
    this.random = prng(seed);
    this.pairs = [{ mm: this.booted.mm, naive: new NaiveMm() }];
    this.files = Array.from({ length: FILES }, (_, i) => {
      const size = this.random.below(FILE_PAGES * PAGE);
      const kind = i % 2 === 0 ? "memory" : "disk";
      return {
        file: this.booted.machine.createFile({ size, kind }),
        naive: new NaiveFile(size, kind === "disk"),
      };
    });
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
    const what = `${name} ${await step(this)}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.#told.push(what);
    if (this.#told.length > TOLD) this.#told.shift();
  }

  /** Compares every byte that can be read. */
  async sweep(): Promise<void> {
    for (const { mm, naive } of this.pairs) {
      for (const at of naive.pages.keys()) {
        const wanted = naive.read(at * PAGE);
        const got = await outcomeOf(async () => (await mm.read(at * PAGE, PAGE))[0] as number);
        this.same(`sweep ${mm.id} page ${at - FIRST}`, got, wanted);
        if (typeof wanted !== "number") continue;
        const bytes = await mm.read(at * PAGE, PAGE);
        for (let i = 0; i < PAGE; i++) {
          const byte = naive.read(at * PAGE + i);
          if (bytes[i] !== byte)
            this.same(`sweep ${mm.id} page ${at - FIRST}+${i}`, bytes[i], byte);
        }
      }
    }
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
    if (!page.canWrite) {
      this.same(`device reads ${address - BASE}`, page.bytes[at], naive.read(address));
      return `reads ${address - BASE}`;
    }
    page.bytes[at] = byte;
    naive.write(address, byte);
    return `writes ${address - BASE}`;
  }
}

/** The steps, each as often as it stands here. */
const STEPS: Record<string, readonly [number, Step]> = {
  read: [
    16,
    async (world) => {
      const { mm, naive } = world.pair();
      const address = world.address();
      const got = await outcomeOf(async () => (await mm.read(address, 1))[0] as number);
      world.same(`read ${mm.id} ${address - BASE}`, got, naive.read(address));
      return `${mm.id} ${address - BASE}: ${got}`;
    },
  ],
  write: [
    24,
    async (world) => {
      const { mm, naive } = world.pair();
      const [address, byte] = [world.address(), world.random.below(256)];
      const got = await outcomeOf(async () => {
        await mm.write(address, Uint8Array.of(byte));
        return 0;
      });
      world.same(`write ${mm.id} ${address - BASE}`, got, naive.write(address, byte));
      return `${mm.id} ${address - BASE}: ${got}`;
    },
  ],
  map: [
    6,
    async (world) => {
      const { mm, naive } = world.pair();
      const { first, count } = world.range();
      const shared = world.random.oneIn(3);
      const flags = MAP_FIXED | MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE);
      await mm.mmap(first * PAGE, count * PAGE, READ_WRITE, flags);
      naive.map(first, count, shared ? new NaiveFile(count * PAGE) : null, 0, shared);
      return `${mm.id} ${first - FIRST}+${count}${shared ? " shared" : ""}`;
    },
  ],
  show: [
    4,
    async (world) => {
      const { mm, naive } = world.pair();
      const { first, count } = world.range();
      const { file, naive: bytes } = world.random.pick(world.files);
      const index = world.random.below(FILE_PAGES);
      const shared = world.random.oneIn(2);
      const flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE);
      await mm.mmap(first * PAGE, count * PAGE, READ_WRITE, flags, file, index * PAGE);
      naive.map(first, count, bytes, index, shared);
      return `${mm.id} ${first - FIRST}+${count} ${file.name}+${index}${shared ? " shared" : ""}`;
    },
  ],
  unmap: [
    3,
    async (world) => {
      const { mm, naive } = world.pair();
      const { first, count } = world.range();
      await mm.munmap(first * PAGE, count * PAGE);
      naive.unmap(first, count);
      return `${mm.id} ${first - FIRST}+${count}`;
    },
  ],
  forget: [
    2,
    async (world) => {
      const { mm, naive } = world.pair();
      const { first, count } = world.range();
      await overHoles(mm.madvise(first * PAGE, count * PAGE, MADV_DONTNEED));
      naive.forget(first, count);
      return `${mm.id} ${first - FIRST}+${count}`;
    },
  ],
  pageout: [
    4,
    async (world) => {
      const { mm } = world.pair();
      const { first, count } = world.range();
      await overHoles(mm.madvise(first * PAGE, count * PAGE, MADV_PAGEOUT));
      return `${mm.id} ${first - FIRST}+${count}`;
    },
  ],
  move: [
    2,
    async (world) => {
      const { mm, naive } = world.pair();
      const { first, count } = world.range();
      const to = FIRST + world.random.below(SPACE_PAGES - count + 1);
      const apart = to + count <= first || first + count <= to;
      const whole = Array.from({ length: count }, (_, i) => naive.pages.has(first + i));
      const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
      if (!apart || whole.includes(false)) return "nothing";
      await mm.mremap(first * PAGE, count * PAGE, count * PAGE, flags, to * PAGE);
      naive.move(first, count, to);
      return `${mm.id} ${first - FIRST}+${count} to ${to - FIRST}`;
    },
  ],
  fork: [
    1,
    async (world) => {
      const { mm, naive } = world.pair();
      if (world.pairs.length >= MMS) return "nothing";
      const child = await mm.fork();
      world.pairs.push({ mm: child, naive: naive.fork() });
      return `${mm.id} to ${child.id}`;
    },
  ],
  exit: [
    1,
    async (world) => {
      if (world.pairs.length < 2 || world.random.oneIn(2)) return "nothing";
      const [gone] = world.pairs.splice(world.random.below(world.pairs.length), 1);
      const { quarantined } = (await gone?.mm.exit()) ?? { quarantined: 0 };
      world.same("quarantined", quarantined, 0);
      return `${gone?.mm.id}`;
    },
  ],
  migrate: [
    2,
    async (world) => {
      const { mm } = world.pair();
      const page = mm.page(Math.floor(world.address() / PAGE) * PAGE);
      const isAnonymous = page?.present === true && page.pfn > 0;
      if (!isAnonymous) return "nothing";
      try {
        await world.booted.machine.migrate(page.pfn);
        return `${page.pfn}`;
      } catch (error) {
        // Pages of files, and those on their way to swap, stay.
        if (error instanceof MemoryError && ["EINVAL", "EBUSY"].includes(error.code)) return "no";
        throw error;
      }
    },
  ],
  truncate: [
    1,
    async (world) => {
      const { file, naive } = world.random.pick(world.files);
      const size = world.random.below(FILE_PAGES * PAGE);
      await file.truncate(size);
      naive.truncate(size);
      for (const pair of world.pairs) pair.naive.cut(naive);
      return `${file.name} ${size}`;
    },
  ],
  punch: [
    1,
    async (world) => {
      const { file, naive } = world.random.pick(world.files);
      const start = world.random.below(FILE_PAGES * PAGE);
      const length = 1 + world.random.below(4 * PAGE);
      await file.punch(start, length);
      naive.punch(start, start + length);
      return `${file.name} ${start}+${length}`;
    },
  ],
  fwrite: [
    4,
    async (world) => {
      const { file, naive } = world.random.pick(world.files);
      const start = world.random.below(FILE_PAGES * PAGE);
      const bytes = new Uint8Array(7).fill(world.random.below(256));
      await file.write(start, bytes);
      naive.write(start, bytes);
      return `${file.name} ${start}`;
    },
  ],
  fread: [
    4,
    async (world) => {
      const { file, naive } = world.random.pick(world.files);
      const start = world.random.below(FILE_PAGES * PAGE);
      const got = (await file.read(start, 1))[0];
      const wanted = start < naive.size ? naive.get(start) : undefined;
      world.same(`fread ${file.name} ${start}`, got, wanted);
      return `${file.name} ${start}: ${got}`;
    },
  ],
  export: [4, (world) => world.export()],
  device: [8, async (world) => world.device()],
};

const CHOICES = Object.entries(STEPS).flatMap(([name, [often, step]]) =>
  Array.from({ length: often }, () => [name, step] as const),
);

/** A signal is an answer; any other error is not. */
async function outcomeOf(ask: () => Promise<number>): Promise<Outcome> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    if (error.code === "SIGSEGV" || error.code === "SIGBUS") return error.code;
    throw error;
  }
}

/** Advice over holes does the rest and says ENOMEM. */
async function overHoles(advice: Promise<void>): Promise<void> {
  try {
    await advice;
  } catch (error) {
    if (!(error instanceof MemoryError) || error.code !== "ENOMEM") throw error;
  }
}
