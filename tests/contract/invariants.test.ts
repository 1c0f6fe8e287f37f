// The eight invariants of the notifier, under random operations, random subscribers and random
// order of waking. A failure prints fast-check's seed and path; SEED=… repeats a run.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import {
  MADV_DONTNEED,
  MADV_MERGEABLE,
  MADV_REMOVE,
  MADV_UNMERGEABLE,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_SYNC,
  PROT_READ,
} from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { type Answer, Checker } from "../support/checker.ts";
import { settle } from "../support/clock.ts";
import { SEED } from "../support/prng.ts";

const SPACE_PAGES = 8;
const RUNS = Number(process.env["RUNS"] ?? 150);
const DEADLINE = 10_000;
const SWAP = { pages: 64 };

const ANSWERS: readonly Answer[] = ["at once", "later", "throw", "reject", "lie", "hang"];

type Operation =
  | "munmap"
  | "map"
  | "protect"
  | "unprotect"
  | "clear"
  | "write"
  | "read"
  | "fork"
  | "exit"
  | "migrate"
  | "show"
  | "truncate"
  | "punch"
  | "remove"
  | "file write"
  | "file read"
  | "sync truncate"
  | "sync file"
  | "msync"
  | "write back"
  | "fill"
  | "mergeable"
  | "unmergeable"
  | "merge"
  | "sync merge"
  | "install"
  | "leave"
  | "fence"
  | "reclaim"
  | "sync reclaim"
  | "sync munmap"
  | "sync write"
  | "wait";

const OPERATIONS: readonly Operation[] = [
  "munmap",
  "map",
  "protect",
  "unprotect",
  "clear",
  "write",
  "read",
  "fork",
  "exit",
  "migrate",
  "show",
  "show",
  "truncate",
  "punch",
  "remove",
  "file write",
  "file read",
  "sync truncate",
  "sync file",
  "sync file",
  "msync",
  "write back",
  "fill",
  "fill",
  "mergeable",
  "unmergeable",
  "merge",
  "merge",
  "sync merge",
  "install",
  "install",
  "install",
  "leave",
  "fence",
  "reclaim",
  "reclaim",
  "sync reclaim",
  "sync munmap",
  "sync write",
  "wait",
];

interface Step {
  readonly operation: Operation;
  readonly page: number;
  readonly count: number;
  readonly which: number;
  readonly write: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  operation: fc.constantFrom(...OPERATIONS),
  page: fc.nat({ max: SPACE_PAGES - 1 }),
  count: fc.integer({ min: 1, max: 4 }),
  which: fc.nat({ max: 7 }),
  write: fc.boolean(),
});

interface Scene {
  readonly steps: readonly Step[];
  readonly answers: readonly Answer[];
  readonly parallel: boolean;
  readonly meddles: boolean;
  readonly store: Store;
}

/** Where the file is: only what is on a disk is ever written back, only a backing is read. */
type Store = "memory" | "disk" | "backing";

function fileOn(machine: Machine, store: Store): File {
  const size = SPACE_PAGES * PAGE;
  if (store !== "backing") return machine.createFile({ kind: store, size });
  const backing = memoryBacking();
  backing.write(0, new Uint8Array(size).fill(3));
  return machine.openFileSync({ backing });
}

const scene: fc.Arbitrary<Scene> = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 40 }),
  answers: fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 20 }),
  parallel: fc.boolean(),
  meddles: fc.boolean(),
  store: fc.constantFrom<Store>("memory", "disk", "backing"),
});

/** One run: the machine, its checkers, and everything that was started. */
class Run {
  readonly booted;
  readonly checkers: Checker[];
  readonly mms: Mm[];
  readonly file: File;
  readonly started: Promise<unknown>[] = [];
  readonly #scheduler: fc.Scheduler;
  readonly #scene: Scene;
  #answers = 0;
  #settled = 0;

  constructor(scheduler: fc.Scheduler, scene: Scene) {
    this.#scheduler = scheduler;
    this.#scene = scene;
    const { parallel } = scene;
    this.booted = boot("wwwwrr__", { swap: SWAP, exportNotifiers: { parallel } });
    this.mms = [this.booted.mm];
    this.file = fileOn(this.booted.machine, scene.store);
    // Four equal pages, seen once by a pass: the next one finds them unchanged.
    this.booted.mm.writeSync(at(0), new Uint8Array(4 * PAGE).fill(1));
    this.booted.mm.madviseSync(...pages(0, 6), MADV_MERGEABLE);
    this.booted.machine.mergePagesSync();
    this.booted.mm.mmapSync(...pages(6, 8), READ_WRITE, MAP_SHARED | MAP_FIXED, this.file);
    this.checkers = ["a", "b", "c"].map((name, index) => this.#checker(name, index));
    this.checkers[2]?.subscriber.watch(this.booted.mm);
  }

  get isSettled(): boolean {
    return this.#settled === this.started.length;
  }

  apply(step: Step): void {
    const mm = this.mms[step.which % this.mms.length] as Mm;
    const checker = this.checkers[step.which % this.checkers.length] as Checker;
    try {
      const promise = this.#begin(step, mm, checker);
      if (promise === undefined) return;
      this.started.push(promise);
      const count = () => {
        this.#settled++;
      };
      promise.then(count, count);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(E[A-Z]+|SIG[A-Z]+)$/) });
    }
  }

  #begin(step: Step, mm: Mm, checker: Checker): Promise<unknown> | undefined {
    const where = pages(step.page, step.page + step.count);
    switch (step.operation) {
      case "munmap":
        return mm.munmap(...where);
      case "map":
        return mm.mmap(...where, READ_WRITE, PRIVATE | MAP_FIXED);
      case "protect":
        return mm.mprotect(...where, PROT_READ);
      case "unprotect":
        return mm.mprotect(...where, READ_WRITE);
      case "clear":
        return mm.madvise(...where, MADV_DONTNEED);
      case "write":
        return mm.write(at(step.page) + 100, new Uint8Array(PAGE).fill(step.which + 1));
      case "read":
        return mm.read(at(step.page), PAGE);
      case "fork":
        return this.mms.length > 4 ? undefined : mm.fork().then((child) => this.mms.push(child));
      case "exit":
        return mm.exit();
      case "migrate":
        return this.booted.machine.migrate(mm.isAlive ? (mm.page(at(step.page))?.pfn ?? 0) : 0);
      case "show":
        return this.#show(step, mm);
      case "remove":
        return mm.madvise(...where, MADV_REMOVE);
      case "truncate":
      case "punch":
      case "file write":
      case "file read":
      case "sync truncate":
      case "sync file":
      case "write back":
        return this.#beginFile(step);
      case "msync":
        return mm.msync(...where, MS_SYNC);
      case "fill":
      case "mergeable":
      case "unmergeable":
      case "merge":
      case "sync merge":
        return this.#beginMerge(step, mm);
      case "install":
        return checker.install(mm, at(step.page), step.write);
      case "leave":
        return step.which < 6 ? undefined : checker.leave();
      case "fence":
        return this.#fence(step, checker);
      case "reclaim":
        return this.booted.machine.reclaim({ pages: step.count });
      case "sync reclaim":
        this.booted.machine.reclaimSync({ pages: step.count });
        return undefined;
      case "sync munmap":
        mm.munmapSync(...where);
        return undefined;
      case "sync write":
        mm.writeSync(at(step.page), Uint8Array.of(step.which));
        return undefined;
      case "wait":
        return undefined;
    }
  }

  /** Maps a part of the file, shared or private, and touches nothing of it. */
  #show({ page, count, write, which }: Step, mm: Mm): Promise<unknown> {
    const flags = MAP_FIXED | (write ? MAP_SHARED : MAP_PRIVATE);
    const offset = (which % 4) * PAGE;
    return mm.mmap(...pages(page, page + count), READ_WRITE, flags, this.file, offset);
  }

  #beginFile({ operation, page, count, which }: Step): Promise<unknown> | undefined {
    const { file } = this;
    if (operation === "truncate") return file.truncate(page * PAGE + which * 100);
    if (operation === "punch") return file.punch(page * PAGE + which, count * PAGE);
    if (operation === "sync file") return file.sync();
    if (operation === "write back") return this.booted.machine.writeback({ pages: count });
    if (operation === "file read") return file.read(page * PAGE, count * PAGE);
    if (operation === "file write") {
      return file.write(page * PAGE + 50, new Uint8Array(count * PAGE).fill(which));
    }
    file.truncateSync(page * PAGE);
    return undefined;
  }

  /** Pages that are equal, or may be made one. */
  #beginMerge({ operation, page, count, which }: Step, mm: Mm): Promise<unknown> | undefined {
    const [address, length] = pages(page, page + count);
    if (operation === "fill") return mm.write(address, new Uint8Array(length).fill(which % 2));
    if (operation === "mergeable") return mm.madvise(address, length, MADV_MERGEABLE);
    if (operation === "unmergeable") return mm.madvise(address, length, MADV_UNMERGEABLE);
    if (operation === "merge") return this.booted.machine.mergePages();
    this.booted.machine.mergePagesSync({ pages: 1 + which });
    return undefined;
  }

  #fence(step: Step, checker: Checker): undefined {
    if (step.which < 7) return;
    this.booted.machine.exportNotifiers.fence(checker.subscriber);
    checker.fenced();
  }

  #checker(name: string, index: number): Checker {
    const sync = index === 0;
    return new Checker(this.booted.machine, {
      name,
      sync,
      hearsOfFiles: index < 2,
      answer: () => {
        const { answers } = this.#scene;
        this.#answers++;
        const answer = answers[this.#answers % answers.length] ?? "at once";
        return sync && answer !== "lie" && answer !== "throw" ? "at once" : answer;
      },
      sleep: () => this.#sleep(),
      ...(this.#scene.meddles ? { meddle: () => this.#meddle() } : {}),
    });
  }

  /** Hangs every third time: then only the deadline ends the wait. */
  #sleep(): Promise<void> {
    if (this.#answers % 3 === 0) return new Promise(() => {});
    return this.#scheduler.schedule(Promise.resolve(), "sleeper");
  }

  /** A callback that calls back in, without carrying its bracket. */
  #meddle(): void {
    const mm = this.mms[this.#answers % this.mms.length] as Mm;
    const kinds: Operation[] = ["munmap", "write", "read", "sync munmap", "sync write", "leave"];
    const operation = kinds[this.#answers % kinds.length] ?? "read";
    if (this.started.length > 200) return;
    const page = this.#answers % SPACE_PAGES;
    this.apply({ operation, page, count: 1, which: this.#answers % 8, write: false });
    expect(mm).toBeDefined();
  }
}

async function play(scheduler: fc.Scheduler, given: Scene): Promise<Run> {
  const run = new Run(scheduler, given);
  for (const next of given.steps) {
    run.apply(next);
    await settle();
    if (next.operation === "wait" && scheduler.count() > 0) await scheduler.waitNext(1);
    for (const checker of run.checkers) checker.audit();
  }
  // Invariant 8: sleepers wake, deadlines pass, and then nothing is left waiting.
  for (let round = 0; round < 400 && !run.isSettled; round++) {
    await scheduler.waitIdle();
    await run.booted.clock.advance(DEADLINE);
  }
  await settle();
  return run;
}

describe("whatever happens", () => {
  test(`invariants 1 to 8 hold (SEED=${SEED})`, async () => {
    let reclaimed = 0;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), scene, async (scheduler, given) => {
        const run = await play(scheduler, given);
        expect(run.checkers.flatMap(({ violations }) => violations)).toEqual([]);
        expect(run.isSettled).toBe(true);
        expect(run.booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
        expect(run.booted.machine.check()).toBe(0);
        reclaimed += run.booted.machine.vmstat().pgsteal_kswapd;
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(reclaimed).toBeGreaterThan(RUNS / 10);
  });

  test(`exit and fences leave every frame free (SEED=${SEED})`, async () => {
    const empty = boot("", { swap: SWAP }).machine;
    for (const mm of empty.mms) mm.exitSync();
    const { free } = empty.frames;
    const slabs = empty.vmstat().nr_slab;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), scene, async (scheduler, given) => {
        const run = await play(scheduler, given);
        const { machine } = run.booted;
        for (const { subscriber } of run.checkers) machine.exportNotifiers.fence(subscriber);
        await settle();
        for (const mm of machine.mms) await mm.exit();
        run.file.release();
        await machine.sync();
        expect(machine.quarantined).toBe(0);
        // A pool may keep an empty slab: it counts as given back.
        expect(machine.frames.free + machine.vmstat().nr_slab).toBe(free + slabs);
      }),
      { seed: SEED, numRuns: Math.ceil(RUNS / 5) },
    );
  });
});
