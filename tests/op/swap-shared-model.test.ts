// Shared memory in a machine that it does not fit into: whatever is done with it, in whatever
// order, every byte is what a plain array of bytes has.

import { expect, test } from "vitest";
import { MADV_PAGEOUT, MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { at, BASE, boot, MIB, PAGE, READ_WRITE } from "../support/boot.ts";
import { prng, SEED } from "../support/prng.ts";
import { storeOf } from "../support/store.ts";

const STEPS = Number(process.env["STEPS"] ?? 1_500);
const PAGES = 400;
const BYTES = PAGES * PAGE;

/** A file of 400 pages that two address spaces show, in 256 frames; and what it should have. */
class Run {
  readonly random = prng(SEED);
  readonly store = storeOf(this.random.oneIn(2));
  readonly booted = boot("", { memory: MIB, swap: { pages: 1_000, backing: this.store } });
  readonly file = this.booted.machine.createFile({ size: BYTES });
  readonly mms = [this.booted.mm, this.booted.machine.createMm()];
  readonly bytes = new Uint8Array(BYTES);
  size = BYTES;

  constructor() {
    for (const mm of this.mms) {
      mm.mmapSync(BASE, BYTES, READ_WRITE, MAP_SHARED | MAP_FIXED, this.file);
    }
  }

  get mm(): Mm {
    return this.random.pick(this.mms);
  }

  /** A range within the file, most often within a few pages. */
  range(): { start: number; length: number } {
    const start = this.random.below(this.size);
    const most = this.random.oneIn(10) ? 20 * PAGE : 2 * PAGE;
    return { start, length: 1 + this.random.below(Math.min(most, this.size - start)) };
  }

  async step(): Promise<void> {
    const step = this.random.below(16);
    const { start, length } = this.range();
    const data = new Uint8Array(length).fill(1 + this.random.below(255));
    const wanted = this.bytes.subarray(start, start + length);
    if (step < 3) {
      await this.waiting(this.mm.write(BASE + start, data));
      wanted.set(data);
    } else if (step < 5) {
      await this.waiting(this.file.write(start, data));
      wanted.set(data);
    } else if (step < 8) {
      expect(await this.waiting(this.mm.read(BASE + start, length))).toEqual(wanted);
    } else if (step < 10) {
      expect(await this.waiting(this.file.read(start, length))).toEqual(wanted);
    } else if (step < 12) {
      const first = Math.floor(start / PAGE);
      const count = Math.min(1 + this.random.below(30), PAGES - first);
      await this.waiting(this.mm.madvise(at(first), count * PAGE, MADV_PAGEOUT));
    } else if (step === 12) {
      await this.waiting(this.booted.machine.reclaim({ pages: 1 + this.random.below(40) }));
    } else if (step === 13) {
      await this.waiting(this.file.punch(start, length));
      wanted.fill(0);
    } else {
      await this.resize();
    }
  }

  /** Cuts the file, and makes it grow again: by a write behind its end, or as a whole. */
  async resize(): Promise<void> {
    const { random } = this;
    if (this.size === BYTES) {
      this.size = BYTES - random.below(BYTES / 8);
      await this.waiting(this.file.truncate(this.size));
      this.bytes.fill(0, this.size);
    } else {
      this.size = BYTES;
      await this.waiting(this.file.truncate(BYTES));
    }
  }

  /** What is asked of a slow store is answered, some of it late. */
  async waiting<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    work.then(over, over);
    while (!isOver) {
      if (this.random.oneIn(4)) await Promise.resolve();
      else await this.store.answer();
    }
    return await work;
  }
}

test(`${STEPS} random operations on shared memory, SEED=${SEED}`, {
  timeout: 300_000,
}, async () => {
  const run = new Run();
  const { machine } = run.booted;
  for (let step = 0; step < STEPS; step++) await run.step();
  const { pswpin, pswpout } = machine.vmstat();
  expect(Math.min(pswpin, pswpout)).toBeGreaterThan(STEPS / 4);
  await run.waiting(run.file.truncate(40 * PAGE));
  await run.waiting(machine.swapOff());
  expect(await run.file.read(0, 40 * PAGE)).toEqual(run.bytes.subarray(0, 40 * PAGE));
  run.file.release();
  for (const mm of run.mms) await mm.exit();
  expect(machine.vmstat()).toMatchObject({ swap_slots_used: 0, nr_file_pages: 0, nr_writeback: 0 });
  expect(machine.check()).toBe(0);
  expect(run.booted.reports).toEqual([]);
});
