// A recorded state against the machine's: areas entry by entry, pages entry by entry, and which
// pages share a frame.
//
// Invariants
//   R5  Frame numbers are names: within one state, a recorded frame stands for one frame of the
//       machine and the other way round, whatever the numbers are.

import type {
  RecordedArea,
  RecordedPage,
  RecordedPool,
  RecordedSpace,
  RecordedState,
} from "./format.ts";
import { isAboveUser, knownName } from "./import.ts";

/** What differs first, in words. */
export interface Difference {
  readonly want: string;
  readonly got: string;
}

export interface StateDifference {
  /** Areas and pages that differ. */
  readonly maps: number;
  readonly pages: number;
  readonly first: Difference | null;
}

const EMPTY: RecordedSpace = { areas: [], pages: new Map() };
const NOTHING = "nothing";

/**
 * Compares a state with what is there; `got` has every process that is alive. A pool that differs
 * counts as a page.
 */
export function compareState(
  want: RecordedState,
  got: ReadonlyMap<number, RecordedSpace>,
  pool: RecordedPool,
): StateDifference {
  const comparison = new Comparison();
  const procs = new Set([...want.spaces.keys(), ...(want.isComplete ? got.keys() : [])]);
  for (const proc of procs) {
    const wanted = want.spaces.get(proc) ?? EMPTY;
    const there = got.get(proc) ?? EMPTY;
    comparison.areas(proc, wanted.areas, there.areas);
    comparison.pages(proc, wanted.pages, there.pages);
  }
  if (want.pool !== null) comparison.pool(want.pool, pool);
  return comparison.result;
}

class Comparison {
  #maps = 0;
  #pages = 0;
  #first: Difference | null = null;
  readonly #toGot = new Map<number, number>();
  readonly #toWant = new Map<number, number>();

  get result(): StateDifference {
    return { maps: this.#maps, pages: this.#pages, first: this.#first };
  }

  areas(proc: number, want: readonly RecordedArea[], got: readonly RecordedArea[]): void {
    const wanted = new Map(want.filter((a) => !isAboveUser(a)).map((area) => [area.start, area]));
    const there = new Map(got.map((area) => [area.start, area]));
    for (const start of merged(wanted, there)) {
      const [one, other] = [showArea(wanted.get(start)), showArea(there.get(start))];
      if (one === other) continue;
      this.#maps++;
      this.#note(proc, one, other);
    }
  }

  pages(
    proc: number,
    want: ReadonlyMap<number, RecordedPage>,
    got: ReadonlyMap<number, RecordedPage>,
  ): void {
    for (const address of merged(want, got)) {
      const [one, other] = [want.get(address), got.get(address)];
      if (this.#isSame(one, other)) continue;
      this.#pages++;
      this.#note(proc, showPage(address, one), showPage(address, other));
    }
  }

  pool(want: RecordedPool, got: RecordedPool): void {
    if (want.free === got.free && want.promised === got.promised) return;
    this.#pages++;
    this.#first ??= { want: showPool(want), got: showPool(got) };
  }

  #isSame(want: RecordedPage | undefined, got: RecordedPage | undefined): boolean {
    if (want?.kind !== "present" || got?.kind !== "present") return want?.kind === got?.kind;
    if (want.flags !== got.flags || want.mapCount !== got.mapCount) return false;
    const known = this.#toGot.get(want.frame);
    const back = this.#toWant.get(got.frame);
    if (known !== undefined || back !== undefined) {
      return known === got.frame && back === want.frame;
    }
    this.#toGot.set(want.frame, got.frame);
    this.#toWant.set(got.frame, want.frame);
    return true;
  }

  #note(proc: number, want: string, got: string): void {
    this.#first ??= { want: `process ${proc}: ${want}`, got: `process ${proc}: ${got}` };
  }
}

/** The keys of both, in order. */
function merged<T>(one: ReadonlyMap<number, T>, other: ReadonlyMap<number, T>): number[] {
  return [...new Set([...one.keys(), ...other.keys()])].sort((a, b) => a - b);
}

function showArea(area: RecordedArea | undefined): string {
  if (area === undefined) return NOTHING;
  const { start, end, rights, offset, name } = area;
  return `${hex(start)}-${hex(end)} ${rights} ${hex(offset)} ${knownName(name)}`.trimEnd();
}

function showPage(address: number, page: RecordedPage | undefined): string {
  if (page === undefined) return `page ${hex(address)} ${NOTHING}`;
  if (page.kind !== "present") return `page ${hex(address)} ${page.kind}`;
  return `page ${hex(address)} ${page.flags} frame ${page.frame} mapcount ${page.mapCount}`;
}

function showPool({ free, promised }: RecordedPool): string {
  return `${free} huge pages free, ${promised} promised`;
}

export function hex(value: number): string {
  return value.toString(16);
}
