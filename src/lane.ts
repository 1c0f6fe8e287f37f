// The calls on one backing: which of them may be under way at once, and how each ended.
//
//   share  share  share │ exclusive │ share  share
//   ────────────────────▶ ─────────▶ ─────────────▶     in order; only the shared ones overlap
//
// Invariants
//   L3  An exclusive call (a truncation) is under way alone: it starts when all that came before it
//       have ended, and nothing that came later starts before it has.
//   L4  Each call is answered exactly once, at once where the backing answers at once.

import { askBacking, type Ended, type Failure } from "./ask-backing.ts";
import type { Core } from "./core.ts";

interface Job {
  readonly isExclusive: boolean;
  readonly ask: () => unknown;
  readonly ended: Ended;
}

export class Lane {
  readonly #core: Core;
  readonly #queue: Job[] = [];
  #running = 0;
  #isHeld = false;
  #isPumping = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Nothing is under way or waits. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.length === 0;
  }

  /** Asks when it may run beside others; `ended` has run by then if the backing answers at once. */
  share(ask: () => unknown, ended: Ended): void {
    this.#enter({ isExclusive: false, ask, ended });
  }

  /** The same, alone. */
  exclude(ask: () => unknown, ended: Ended): void {
    this.#enter({ isExclusive: true, ask, ended });
  }

  #enter(job: Job): void {
    this.#queue.push(job);
    this.#pump();
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (let job = this.#queue[0]; job !== undefined && this.#mayStart(job); ) {
        this.#queue.shift();
        this.#start(job);
        job = this.#queue[0];
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #mayStart({ isExclusive }: Job): boolean {
    return !this.#isHeld && (!isExclusive || this.#running === 0);
  }

  #start(job: Job): void {
    this.#running++;
    this.#isHeld = job.isExclusive;
    askBacking(this.#core, "backing", job.ask, (failure, answer) => {
      this.#end(job, failure, answer);
    });
  }

  #end(job: Job, failure: Failure | null, answer: unknown): void {
    this.#running--;
    if (job.isExclusive) this.#isHeld = false;
    try {
      job.ended(failure, answer);
    } finally {
      this.#pump();
    }
  }
}
