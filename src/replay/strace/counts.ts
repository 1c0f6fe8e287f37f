// Where each line of a log went.
//
// Invariants
//   R15  Every line is counted once: `total` is the sum of all the others.

/** Lines that no operation was made of, of one kind. */
export interface Unread {
  readonly kind: string;
  readonly count: number;
  /** The first of them, from 1, and its text, shortened. */
  readonly line: number;
  readonly example: string;
}

export interface LineCounts {
  readonly total: number;
  /** Of operations on memory that are replayed. */
  readonly operations: number;
  /** Read to know who is who: processes, descriptors, ends. */
  readonly followed: number;
  /** Calls that have nothing to do with memory. */
  readonly otherCalls: number;
  readonly signals: number;
  /** strace's own words. */
  readonly messages: number;
  readonly blank: number;
  /** Operations on memory that the replayer does not have. */
  readonly notModelled: number;
  /** Lines that cannot be read, or whose other half is missing. */
  readonly unknown: number;
}

export type LineFate = Exclude<keyof LineCounts, "total" | "notModelled" | "unknown">;

/** Where a line stands in the log, or a call: the first of its one or two lines. */
export interface Place {
  readonly line: number;
  readonly lines: number;
  readonly text: string;
}

/** Kinds of lines that the report tells apart; all further ones are one kind. */
const KINDS_MAX = 100;
const EXAMPLE_MAX = 120;
const FURTHER = "further kinds";

export class LineTally {
  readonly #fates: Record<LineFate, number> = {
    operations: 0,
    followed: 0,
    otherCalls: 0,
    signals: 0,
    messages: 0,
    blank: 0,
  };
  readonly #notModelled = new Map<string, Unread>();
  readonly #unknown = new Map<string, Unread>();

  add(fate: LineFate, lines = 1): void {
    this.#fates[fate] += lines;
  }

  notModelled(kind: string, place: Place): void {
    note(this.#notModelled, kind, place);
  }

  unknown(kind: string, place: Place): void {
    note(this.#unknown, kind, place);
  }

  get counts(): LineCounts {
    const notModelled = sum(this.#notModelled);
    const unknown = sum(this.#unknown);
    const read = Object.values(this.#fates).reduce((total, count) => total + count, 0);
    return { total: read + notModelled + unknown, ...this.#fates, notModelled, unknown };
  }

  get unread(): { readonly notModelled: Unread[]; readonly unknown: Unread[] } {
    return {
      notModelled: [...this.#notModelled.values()],
      unknown: [...this.#unknown.values()],
    };
  }
}

function note(kinds: Map<string, Unread>, name: string, { line, lines, text }: Place): void {
  const kind = kinds.has(name) || kinds.size < KINDS_MAX ? name : FURTHER;
  const known = kinds.get(kind);
  const example = text.length > EXAMPLE_MAX ? `${text.slice(0, EXAMPLE_MAX)}…` : text;
  const first = known ?? { kind, line, example };
  kinds.set(kind, { ...first, count: (known?.count ?? 0) + lines });
}

function sum(kinds: ReadonlyMap<string, Unread>): number {
  return [...kinds.values()].reduce((total, { count }) => total + count, 0);
}
