// One side of one case: its proof, and its timed rounds, in the isolate that this runs in.
//
// Invariants
//   R1  The proof is of a machine of its own; every timed run must give the proof's checksum, so
//       that what is timed is what was hashed.

import { measure } from "mitata";
import type { BenchCase, Size, Work } from "./case.ts";
import { Digest } from "./digest.ts";
import type { MemoryMaker } from "./memory.ts";
import { Outcome } from "./outcome.ts";

/** What one side did, untimed. */
export interface Proof {
  /** Of all that is there, addresses included; null from a side that chooses other addresses. */
  readonly hash: string | null;
  /** Of the case's regions alone, wherever they lie; null where the case names none. */
  readonly outcome: string | null;
  readonly units: number;
}

/** How long a round is: at least so many runs, and so many milliseconds. */
export interface Round {
  readonly runs: number;
  readonly milliseconds: number;
}

/** What a side needs is not to be had here: it is left out of the case, with a word. */
export class CannotTakePart extends Error {
  override readonly name = "CannotTakePart";
}

/** A side of a case, here or in another isolate. */
export interface Runner {
  /** Throws CannotTakePart. */
  prove(): Promise<Proof>;
  /** Times runs; nanoseconds a unit, one for each. */
  round(round: Round): Promise<number[]>;
  close(): Promise<void>;
}

export class LocalRunner implements Runner {
  readonly #one: BenchCase;
  readonly #make: MemoryMaker;
  readonly #size: Size;
  #work: Work | null = null;
  #checksum = 0;

  constructor(one: BenchCase, make: MemoryMaker, size: Size) {
    this.#one = one;
    this.#make = make;
    this.#size = size;
  }

  async prove(): Promise<Proof> {
    const work = await this.#prepare();
    work.setup();
    this.#checksum = await work.run();
    const outcome = new Outcome();
    work.outcome?.(outcome);
    const digest = new Digest();
    digest.add(work.units, this.#checksum);
    work.digest(digest);
    return {
      hash: digest.hex,
      outcome: work.outcome === undefined ? null : outcome.hex,
      units: work.units,
    };
  }

  async round({ runs, milliseconds }: Round): Promise<number[]> {
    this.#work ??= await this.#prepare();
    const work = this.#work;
    const { samples } = await measure(() => this.#run(work), {
      ...setupBefore(work),
      ...ONE_RUN_A_SAMPLE,
      gc: globalThis.gc ?? false,
      min_samples: runs,
      min_cpu_time: milliseconds * NS_A_MILLISECOND,
      max_samples: Math.max(runs, SAMPLES_A_ROUND),
    });
    return samples.map((sample) => sample / work.units);
  }

  async close(): Promise<void> {
    this.#work = null;
  }

  async #prepare(): Promise<Work> {
    return this.#one.prepare(this.#make(this.#one.memory(this.#size)), this.#size);
  }

  /** Nothing is waited for where nothing has to be. */
  #run(work: Work): void | Promise<void> {
    const checksum = work.run();
    if (typeof checksum === "number") this.#judge(checksum);
    else return checksum.then((settled) => this.#judge(settled));
  }

  #judge(checksum: number): void {
    if (checksum === this.#checksum) return;
    throw new Error(`${this.#one.name}: a timed run did other work than the one that was hashed`);
  }
}

const NS_A_MILLISECOND = 1e6;

/** More say no more of a median, and where a run is short its set-up is long. */
const SAMPLES_A_ROUND = 50;

/** A run is long enough to be timed alone; the first of a round is not kept. */
export const ONE_RUN_A_SAMPLE = {
  batch_threshold: -1,
  warmup_samples: 0,
  samples_threshold: Number.MAX_SAFE_INTEGER,
};

/** mitata makes its parameters before each run, outside what it times. */
export function setupBefore(work: Pick<Work, "setup">): object {
  return { params: { 0: () => work.setup() } };
}
