// The steps of the model test: each is done to the machine and to the naive memory.

import {
  MADV_DONTNEED,
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MADV_UNMERGEABLE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_SYNC,
} from "../../src/constants.ts";
import { MemoryError } from "../../src/errors.ts";
import { BASE, PAGE, READ_WRITE } from "../support/boot.ts";
import { NaiveFile } from "./naive.ts";
import { FILE_PAGES, FIRST, MMS, outcomeOf, SPACE_PAGES, type World } from "./world.ts";

type Step = (world: World) => Promise<string>;

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
      if (naive.isBeyond(address)) return "nothing";
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
      const shared = world.random.oneIn(5);
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
      world.unpinFile(naive);
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
      world.unpinFile(naive);
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
  reclaim: [
    2,
    async (world) => {
      const pages = 1 + world.random.below(24);
      const { reclaimed } = await world.booted.machine.reclaim({ pages });
      return `${reclaimed} of ${pages}`;
    },
  ],
  mergeable: [
    1,
    async (world) => {
      const { mm } = world.pair();
      const { first, count } = world.range();
      const advice = world.random.oneIn(4) ? MADV_UNMERGEABLE : MADV_MERGEABLE;
      await overHoles(mm.madvise(first * PAGE, count * PAGE, advice));
      return `${mm.id} ${first - FIRST}+${count}`;
    },
  ],
  merge: [
    1,
    async (world) => {
      const { merged } = await world.booted.machine.mergePages();
      return `${merged}`;
    },
  ],
  sync: [
    2,
    async (world) => {
      const { file } = world.random.pick(world.files);
      await file.sync();
      return file.name;
    },
  ],
  msync: [
    1,
    async (world) => {
      const { mm } = world.pair();
      const { first, count } = world.range();
      await overHoles(mm.msync(first * PAGE, count * PAGE, MS_SYNC));
      return `${mm.id} ${first - FIRST}+${count}`;
    },
  ],
  "soft-dirty": [
    1,
    async (world) => {
      const { mm } = world.pair();
      await mm.clearSoftDirty();
      return `${mm.id}`;
    },
  ],
  pin: [2, (world) => world.pin()],
  pinned: [6, async (world) => world.pinned()],
};

export const CHOICES = Object.entries(STEPS).flatMap(([name, [often, step]]) =>
  Array.from({ length: often }, () => [name, step] as const),
);

/** Advice over holes does the rest and says ENOMEM. */
async function overHoles(advice: Promise<void>): Promise<void> {
  try {
    await advice;
  } catch (error) {
    if (!(error instanceof MemoryError) || error.code !== "ENOMEM") throw error;
  }
}
