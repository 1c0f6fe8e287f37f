// What a run adds up to: disagreements, notices, and the first thing that went wrong.

import type { Difference, StateDifference } from "./compare.ts";
import type { NoticeCounts } from "./notices.ts";
import type { ResultDifference } from "./result.ts";

export interface Disagreements {
  /** Operations whose result differs. */
  readonly result: number;
  /** Areas and pages that differ, over all states. */
  readonly maps: number;
  readonly pages: number;
  /** Bytes read that differ. */
  readonly data: number;
}

export interface NoticeTotals {
  /** Present pages that the kernel announced: distinct (mm, page) pairs an operation. */
  readonly kernelPages: number;
  /** Of them, those that the engine changed without a word before. */
  readonly missed: number;
  /** Present pages that the engine announced and the kernel did not. */
  readonly extra: number;
}

/** The first disagreement: a line of the recording, and both sides of it in words. */
export interface FirstDisagreement extends Difference {
  readonly line: number;
}

export class Tally {
  readonly disagree = { result: 0, maps: 0, pages: 0, data: 0 };
  readonly notices = { kernelPages: 0, missed: 0, extra: 0 };
  ops = 0;
  states = 0;
  first: FirstDisagreement | null = null;

  addResult(line: number, { result, data }: ResultDifference, say: () => Difference): void {
    this.ops++;
    if (result + data === 0) return;
    this.disagree.result += result;
    this.disagree.data += data;
    this.#note(line, say());
  }

  addNotices(line: number, counts: NoticeCounts, say: () => Difference): void {
    this.notices.kernelPages += counts.kernelPages;
    this.notices.extra += counts.extra;
    this.notices.missed += counts.missed;
    if (counts.missed > 0) this.#note(line, say());
  }

  addState(line: number, difference: StateDifference): void {
    this.states++;
    this.disagree.maps += difference.maps;
    this.disagree.pages += difference.pages;
    if (difference.first !== null) this.#note(line, difference.first);
  }

  /** The engine cannot go on: what is left of the recording counts as not agreed. */
  abandon(line: number, left: number, difference: Difference): void {
    this.ops += left;
    this.disagree.result += Math.max(left, 1);
    this.#note(line, difference);
  }

  #note(line: number, { want, got }: Difference): void {
    this.first ??= { line, want, got };
  }
}
