// A subscriber that trusts nobody: it keeps what it holds by itself, and holds the machine to the
// invariants of the notifier, whatever the others do.
//
//   1  No external access through an entry whose page was freed or replaced.
//   2  No external write after a local write-protect, COW or clean.
//   3  Brackets balance: who accepted the start gets the end, who refused does not.
//   4  No callback after unregister has settled, none before register has returned.
//   5  Release precedes the first free of exit, and is effective once.
//   6  No external entry is installed inside an open bracket over it.
//   7  Nothing sleeps in an operation that cannot wait.
//   8  Every wait ends (the tests that use this check it at their end).

import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import type { ExportOps, Why } from "../../src/notifier/ops.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import { PAGE } from "./boot.ts";

/** How it answers one callback; drawn by the test. */
export type Answer = "at once" | "later" | "throw" | "reject" | "lie" | "hang";

/** An external entry: what a device would use to reach the page. */
interface Entry {
  readonly mm: Mm;
  readonly address: number;
  readonly pfn: number;
  write: boolean;
}

interface OpenBracket {
  /** Callbacks that accepted, and ranges that it is about. */
  accepted: number;
  readonly ranges: { mm: Mm; start: number; end: number }[];
}

export interface CheckerOptions {
  readonly name: string;
  readonly sync: boolean;
  /** Has a callback of its own for mapping ranges. */
  readonly hearsOfFiles?: boolean;
  readonly answer: () => Answer;
  /** Sleeps until somebody wakes it. */
  readonly sleep: () => Promise<void>;
  /** Runs inside a callback, before the answer: it may call anything. */
  readonly meddle?: (why: Why) => void;
}

export class Checker {
  readonly violations: string[] = [];
  readonly #machine: Machine;
  readonly #options: CheckerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #brackets = new Map<number, OpenBracket>();
  readonly #released = new Set<Mm>();
  #isLeaving = false;
  #state: "registering" | "registered" | "gone" = "registering";
  readonly subscriber: Subscriber;

  constructor(machine: Machine, options: CheckerOptions) {
    this.#machine = machine;
    this.#options = options;
    this.subscriber = machine.exportNotifiers.register(this.#ops());
    this.#state = "registered";
  }

  /** External entries that it has installed. */
  get size(): number {
    return this.#entries.size;
  }

  /** Brackets that it accepted and that have not ended. */
  get open(): number {
    return this.#brackets.size;
  }

  /** Installs an entry, as a device's fault would. */
  async install(mm: Mm, address: number, write: boolean): Promise<void> {
    const before = this.#bracketsOver(mm, address);
    const page = await this.subscriber.export(mm, address, { write });
    if (page.isRevoked || this.#isLeaving) return;
    const after = this.#bracketsOver(mm, address);
    if (before.some((bracket) => after.includes(bracket))) {
      this.#violated(6, `entry at ${address.toString(16)} inside an open bracket`);
    }
    const key = keyOf(mm, address);
    this.#entries.set(key, { mm, address, pfn: page.pfn, write: page.canWrite });
  }

  #bracketsOver(mm: Mm, address: number): number[] {
    const over = [...this.#brackets].filter(([, { ranges }]) =>
      ranges.some((r) => r.mm === mm && r.start <= address && address < r.end),
    );
    return over.map(([bracket]) => bracket);
  }

  /** What is frozen takes no record, whoever asks. */
  #probe({ mm, start }: { mm: Mm; start: number }): void {
    try {
      this.subscriber.exportSync(mm, start);
      this.#violated(6, `record made at ${start.toString(16)} inside a bracket`);
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      const fits = ["EAGAIN", "ESTALE", "ESRCH", "SIGSEGV", "SIGBUS"].includes(code);
      if (!fits) this.#violated(6, `export inside a bracket: ${String(error)}`);
    }
  }

  /** Leaves, and from then on must hear nothing; who never drains is fenced by the owner. */
  async leave(): Promise<void> {
    const { exportNotifiers } = this.#machine;
    // Its records go as soon as no callback of it runs: from here on it reaches no page any more.
    this.#isLeaving = true;
    this.#entries.clear();
    try {
      await exportNotifiers.unregister(this.subscriber);
    } catch {
      exportNotifiers.fence(this.subscriber);
      this.#brackets.clear();
    }
    this.#state = "gone";
    this.#entries.clear();
    if (this.#brackets.size > 0) this.#violated(3, "a bracket was open when it had left");
  }

  /** The owner gave it up: what it still holds is no longer the machine's fault. */
  fenced(): void {
    this.#state = "gone";
    this.#entries.clear();
    this.#brackets.clear();
  }

  /** Every entry must still name the page that the mm has there, with no more rights than it. */
  audit(): void {
    for (const entry of this.#entries.values()) {
      if (!entry.mm.isAlive) continue;
      const page = entry.mm.page(entry.address);
      const where = `${entry.address.toString(16)} of mm ${entry.mm.id}`;
      if (page === null || !page.present) this.#violated(1, `page gone under an entry at ${where}`);
      else if (page.pfn !== entry.pfn)
        this.#violated(1, `page replaced under an entry at ${where}`);
      else if (entry.write && !page.writable) this.#violated(2, `write entry left at ${where}`);
    }
  }

  #ops(): ExportOps {
    return {
      name: this.#options.name,
      sync: this.#options.sync,
      invalidateProcessRange: (mm, start, end, why) => {
        const go = () => this.#drop(mm, start, end, why);
        return this.#told(why, [{ mm, start, end }], go);
      },
      invalidatePage: (_page, why) => {
        const ranges = why.places.map(({ mm, address }) => ({
          mm,
          start: address,
          end: address + PAGE,
        }));
        return this.#told(why, ranges, () => {
          for (const { mm, start, end } of ranges) this.#drop(mm, start, end, why);
        });
      },
      ...(this.#options.hearsOfFiles === true ? this.#fileOps() : {}),
      release: (mm, why) => {
        if (this.#released.has(mm)) this.#violated(5, `mm ${mm.id} released twice`);
        this.#released.add(mm);
        this.audit();
        const everything = { mm, start: 0, end: Number.MAX_SAFE_INTEGER };
        return this.#told(why, [everything], () =>
          this.#drop(mm, 0, Number.MAX_SAFE_INTEGER, { ...why, demand: "all" }),
        );
      },
      end: (bracket) => this.#ended(bracket),
    };
  }

  #fileOps(): Pick<ExportOps, "invalidateMappingRange"> {
    return {
      invalidateMappingRange: (_file, _start, _end, why) => {
        const ranges = [...why.ranges];
        return this.#told(why, ranges, () => {
          for (const { mm, start, end } of ranges) this.#drop(mm, start, end, why);
        });
      },
    };
  }

  #told(why: Why, ranges: OpenBracket["ranges"], go: () => void): void | Promise<void> {
    if (this.#state !== "registered") this.#violated(4, `called while ${this.#state}`);
    if (!why.canWait && !this.#options.sync)
      this.#violated(7, "reached by a call that cannot wait");
    this.audit();
    for (const range of ranges) this.#probe(range);
    this.#options.meddle?.(why);
    const accept = () => this.#accepted(why.bracket, ranges);
    const answer = this.#options.answer();
    if (answer === "throw") throw new Error("refused");
    if (answer === "reject") return Promise.reject(new Error("refused later"));
    const lets = answer !== "lie";
    if (answer === "at once" || answer === "lie") {
      if (lets) go();
      accept();
      return;
    }
    return this.#options.sleep().then(() => {
      if (lets) go();
      accept();
    });
  }

  #accepted(bracket: number, ranges: OpenBracket["ranges"]): void {
    if (this.#state === "gone") return;
    const open = this.#brackets.get(bracket) ?? { accepted: 0, ranges: [] };
    open.accepted++;
    open.ranges.push(...ranges);
    this.#brackets.set(bracket, open);
  }

  #ended(bracket: number): void {
    if (this.#state === "gone") this.#violated(4, "end after it had left");
    if (!this.#brackets.delete(bracket))
      this.#violated(3, `end of bracket ${bracket} not accepted`);
    this.audit();
  }

  #drop(mm: Mm, start: number, end: number, why: Pick<Why, "demand">): void {
    if (why.demand === "nothing" || this.#state === "gone") return;
    for (const [key, entry] of this.#entries) {
      if (entry.mm !== mm || entry.address < start || entry.address >= end) continue;
      if (why.demand === "writers") entry.write = false;
      else this.#entries.delete(key);
    }
    if (why.demand === "writers") this.subscriber.lower(mm, start, end);
    else this.subscriber.unexportRange(mm, start, end);
  }

  #violated(number: number, what: string): void {
    this.violations.push(`invariant ${number}: ${this.#options.name}: ${what}`);
  }
}

function keyOf(mm: Mm, address: number): string {
  return `${mm.id}:${address}`;
}
