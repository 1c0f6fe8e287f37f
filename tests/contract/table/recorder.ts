// A subscriber with every callback, that holds and watches whatever there is: what it hears during
// one operation is a row of the table in docs/operations.md.

import type { Mm } from "../../../src/mm.ts";
import { CALLBACKS, type Callback, type Why } from "../../../src/notifier/ops.ts";
import type { Subscriber } from "../../../src/notifier/subscriber.ts";
import type { Booted } from "../../support/boot.ts";

/** What each callback was told, as a cell of the table says it; `end`: "once" for each bracket. */
export type Heard = Record<Callback, string>;

export class Recorder {
  readonly subscriber: Subscriber;
  #told = new Map<Callback, Set<string>>();
  readonly #accepted: number[] = [];
  readonly #ended: number[] = [];

  constructor(booted: Booted) {
    this.subscriber = booted.machine.exportNotifiers.register({
      name: "recorder",
      sync: true,
      invalidateProcessRange: (mm, start, end, why) => {
        this.#note("invalidateProcessRange", why);
        this.#letGo(mm, start, end, why);
      },
      invalidatePage: (_page, why) => {
        this.#note("invalidatePage", why);
        for (const { mm, address } of why.places) this.#letGo(mm, address, address + 1, why);
      },
      invalidateMappingRange: (_file, _start, _end, why) => {
        this.#note("invalidateMappingRange", why);
        for (const { mm, start, end } of why.ranges) this.#letGo(mm, start, end, why);
      },
      release: (mm, why) => {
        this.#note("release", why);
        this.subscriber.unexportRange(mm, 0, Number.MAX_SAFE_INTEGER);
      },
      determineReferences: (pages, { clear }) => {
        this.#add("determineReferences", clear ? "test and clear" : "test");
        return pages.map(() => 0);
      },
      end: (bracket) => void this.#ended.push(bracket),
    });
  }

  /** Holds every page of `mm` that is present, with the rights that it has, and watches it. */
  hold(mm: Mm): void {
    for (const { address, present, pfn, mapCount, writable } of [...mm.pagemap()]) {
      const isDevice = pfn !== 0 && mapCount === 0;
      if (present && !isDevice) this.subscriber.exportSync(mm, address, { write: writable });
    }
    this.subscriber.watch(mm);
  }

  /** Forgets what it heard while the scene was set. */
  begin(): void {
    this.#told = new Map();
    this.#accepted.length = 0;
    this.#ended.length = 0;
  }

  get heard(): Heard {
    const cell = (callback: Callback) => [...(this.#told.get(callback) ?? ["—"])].sort().join("; ");
    const heard = Object.fromEntries(CALLBACKS.map((name) => [name, cell(name)])) as Heard;
    return { ...heard, end: this.#ends };
  }

  /** Each bracket that it accepted has ended, once, and no other. */
  get #ends(): string {
    const accepted = [...new Set(this.#accepted)].sort((a, b) => a - b);
    const ended = [...this.#ended].sort((a, b) => a - b);
    if (accepted.join() !== ended.join()) return `${accepted.join()} ended as ${ended.join()}`;
    return ended.length === 0 ? "—" : "once";
  }

  #note(callback: Callback, why: Why): void {
    this.#accepted.push(why.bracket);
    this.#add(callback, `\`${why.reason}\`, ${why.demand}`);
  }

  #add(callback: Callback, line: string): void {
    const lines = this.#told.get(callback) ?? new Set();
    this.#told.set(callback, lines.add(line));
  }

  #letGo(mm: Mm, start: number, end: number, { demand }: Why): void {
    if (demand === "writers") this.subscriber.lower(mm, start, end);
    if (demand === "all" || demand === "file pages") this.subscriber.unexportRange(mm, start, end);
  }
}
