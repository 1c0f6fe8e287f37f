// Does every page keep its own bytes, whatever is merged, against a model that never merges?
//
// Each address space of the model is a list of bytes, what each page is full of; null where nothing
// is mapped. The engine runs with all checks on.

import { expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MADV_UNMERGEABLE,
  MAP_FIXED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { hold } from "../support/holder.ts";
import { prng, type Random, SEED } from "../support/prng.ts";

const PAGES = 6;
const SPACES = 4;
const BYTES = 3;
const STEPS = Number(process.env["STEPS"] ?? 600);

interface Twin {
  readonly mm: Mm;
  readonly bytes: (number | null)[];
}

type Step = (world: World) => void;

class World {
  readonly booted = boot("", { swap: { pages: 64 } });
  readonly random: Random;
  readonly twins: Twin[] = [];
  readonly holder = hold(this.booted, { sync: true });
  merged = 0;

  constructor(seed: number) {
    this.random = prng(seed);
    this.twins.push({ mm: this.booted.mm, bytes: new Array(PAGES).fill(null) });
  }

  pick(): Twin {
    return this.random.pick(this.twins);
  }

  /** A page that is mapped, or the step does nothing. */
  withPage(use: (twin: Twin, page: number) => void): void {
    const twin = this.pick();
    const page = this.random.below(PAGES);
    if (twin.bytes[page] !== null) use(twin, page);
  }

  merge(pages: number): void {
    this.merged += this.booted.machine.mergePagesSync({ pages }).merged;
  }
}

/** Maps a page anew, to be merged: it reads as zeros. */
const map: Step = (world) => {
  const { mm, bytes } = world.pick();
  const page = world.random.below(PAGES);
  mm.mmapSync(...pages(page, page + 1), READ_WRITE, PRIVATE | MAP_FIXED);
  mm.madviseSync(...pages(page, page + 1), MADV_MERGEABLE);
  bytes[page] = 0;
};

const write: Step = (world) =>
  world.withPage(({ mm, bytes }, page) => {
    bytes[page] = world.random.below(BYTES);
    mm.writeSync(at(page), new Uint8Array(PAGE).fill(bytes[page] ?? 0));
  });

const advise =
  (advice: number): Step =>
  (world) =>
    world.withPage(({ mm }, page) => mm.madviseSync(...pages(page, page + 1), advice));

const clear: Step = (world) =>
  world.withPage(({ mm, bytes }, page) => {
    mm.madviseSync(...pages(page, page + 1), MADV_DONTNEED);
    bytes[page] = 0;
  });

/** Moves a page over another one, and back over what it was. */
const move: Step = (world) =>
  world.withPage(({ mm, bytes }, page) => {
    const to = world.random.below(PAGES);
    if (to === page) return;
    mm.mremapSync(at(page), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(to));
    bytes[to] = bytes[page] ?? null;
    bytes[page] = null;
  });

const unmap: Step = (world) => {
  const { mm, bytes } = world.pick();
  const page = world.random.below(PAGES);
  mm.munmapSync(...pages(page, page + 1));
  bytes[page] = null;
};

const protect: Step = (world) =>
  world.withPage(({ mm }, page) => {
    mm.mprotectSync(...pages(page, page + 1), PROT_READ);
    mm.mprotectSync(...pages(page, page + 1), READ_WRITE);
  });

const fork: Step = (world) => {
  const { mm, bytes } = world.pick();
  if (world.twins.length < SPACES) world.twins.push({ mm: mm.forkSync(), bytes: [...bytes] });
};

const exit: Step = (world) => {
  if (world.twins.length < 2) return;
  const [gone] = world.twins.splice(world.random.below(world.twins.length), 1);
  gone?.mm.exitSync();
};

const exportOne: Step = (world) =>
  world.withPage(({ mm }, page) => {
    world.holder.subscriber.exportSync(mm, at(page), { write: world.random.oneIn(2) });
  });

const migrate: Step = (world) =>
  world.withPage(({ mm }, page) => {
    const { present, pfn } = mm.page(at(page)) ?? { present: false, pfn: 0 };
    if (present && pfn > 0) tryMigrate(world, pfn);
  });

/** What is being swapped does not migrate. */
function tryMigrate({ booted }: World, pfn: number): void {
  try {
    booted.machine.migrateSync(pfn);
  } catch (error) {
    expect(error).toMatchObject({ code: "EBUSY" });
  }
}

/** A pass to see each page, and one to see that it has not changed. */
function mergeAll(world: World): void {
  world.merge(Number.MAX_SAFE_INTEGER);
  world.merge(Number.MAX_SAFE_INTEGER);
}

const STEPS_OF: readonly Step[] = [
  map,
  map,
  write,
  write,
  write,
  advise(MADV_MERGEABLE),
  advise(MADV_UNMERGEABLE),
  advise(MADV_PAGEOUT),
  clear,
  move,
  unmap,
  protect,
  fork,
  exit,
  exportOne,
  migrate,
  mergeAll,
  mergeAll,
  (world) => world.merge(1 + world.random.below(4)),
];

function expectSame({ twins }: World, step: number): void {
  for (const { mm, bytes } of twins) {
    for (const [page, byte] of bytes.entries()) {
      if (byte === null) continue;
      const read = mm.readSync(at(page), PAGE);
      const wrong = read.findIndex((one) => one !== byte);
      expect({ step, mm: mm.id, page, wrong }).toEqual({ step, mm: mm.id, page, wrong: -1 });
    }
  }
}

test(`bytes and isolation survive merging under random operations (SEED=${SEED})`, () => {
  const world = new World(SEED);
  const { machine } = world.booted;
  for (let step = 0; step < STEPS; step++) {
    world.random.pick(STEPS_OF)(world);
    expectSame(world, step);
  }
  expect(world.merged).toBeGreaterThan(0);
  for (const { mm } of world.twins) mm.exitSync();
  expect(machine.merging).toMatchObject({ pagesShared: 0, pagesSharing: 0 });
  expect(machine.check()).toBe(0);
});

test("MADV_FREE of a merged page leaves its bytes", () => {
  const world = new World(1);
  for (let turn = 0; turn < 40; turn++) map(world);
  world.merge(100);
  for (let turn = 0; turn < 40; turn++) write(world);
  world.merge(100);
  world.merge(100);
  for (let turn = 0; turn < 20; turn++) advise(MADV_FREE)(world);
  expectSame(world, 0);
});
