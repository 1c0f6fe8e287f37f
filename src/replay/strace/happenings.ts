// From lines to what happened, in the order in which it took effect.
//
//   101  munmap(0x1000 … <unfinished ...>      takes effect where it begins: the range is free for
//   102  mmap(NULL …) = 0x1000                 others before it answers
//   101  <... munmap resumed>) = 0
//
//   101  clone(… <unfinished ...>
//   102  mmap(…)                               the child is there before its parent knows
//   101  <... clone resumed>) = 102
//
// Everything else takes effect where it answers.
//
// Invariants
//   R16  A call has one line, or several: all of them get the same fate.

import type { LineTally, Place } from "./counts.ts";
import { type Line, readLine } from "./line.ts";
import { Tids } from "./tids.ts";

export type Happening = {
  readonly tid: number;
  readonly place: Place;
  /** Where it takes effect: a line, or between two. */
  readonly order: number;
} & (
  | { readonly kind: "call"; readonly name: string }
  | { readonly kind: "gone"; readonly how: string }
  | { readonly kind: "attached"; readonly threads: number }
);

export interface Happenings {
  readonly list: readonly Happening[];
  /** Everybody who did something. */
  readonly seen: ReadonlySet<number>;
}

type Half = Extract<Line, { kind: "unfinished" }> & { readonly place: Place };

type CallLine = Extract<Line, { kind: "call" | "unfinished" | "resumed" }>;

const FATES = { signal: "signals", message: "messages", blank: "blank" } as const;

/** Calls that never answer. */
const ENDS: ReadonlySet<string> = new Set(["exit", "exit_group"]);
/** Calls that free a range, which the kernel may give away before they answer. */
const FREES: ReadonlySet<string> = new Set(["munmap", "mremap", "shmdt"]);
const BORN: ReadonlySet<string> = new Set(["clone", "clone3", "fork", "vfork"]);
const CHILD = /\)\s*=\s*(\d+)(?:<[^>]*>)?(?:\s*\/\* (\d+) in strace's PID NS)?/;

/** Reads the whole log; calls that `isRelevant` does not want are only counted. */
export function readHappenings(
  texts: readonly string[],
  tally: LineTally,
  isRelevant: (name: string) => boolean,
): Happenings {
  const places = placesOf(texts);
  const lines = places.map(({ text }) => readLine(text));
  const reader = new Reader(lines, tally, isRelevant);
  for (const [index, line] of lines.entries()) {
    const place = places[index];
    if (place !== undefined) reader.take(line, place);
  }
  return reader.finish();
}

/** On a terminal strace speaks in the middle of a call, which goes on in the next line. */
const CUT_SHORT = /^(.*\(.*)strace: Process \d+ attached\r?$/;

function placesOf(texts: readonly string[]): Place[] {
  const places: Place[] = [];
  for (let index = 0; index < texts.length; index++) {
    const text = texts[index] ?? "";
    const line = index + 1;
    const head = text.includes("strace: Process") ? CUT_SHORT.exec(text)?.[1] : undefined;
    if (head === undefined || line === texts.length) places.push({ line, lines: 1, text });
    else places.push({ line, lines: 2, text: head + texts[++index] });
  }
  return places;
}

class Reader {
  readonly #tids: Tids;
  readonly #tally: LineTally;
  readonly #isRelevant: (name: string) => boolean;
  readonly #halves = new Map<number, Half>();
  readonly #list: Happening[] = [];
  /** Where each process or thread shows first. */
  readonly #first = new Map<number, number>();

  constructor(lines: readonly Line[], tally: LineTally, isRelevant: (name: string) => boolean) {
    this.#tids = new Tids(lines);
    this.#tally = tally;
    this.#isRelevant = isRelevant;
  }

  take(line: Line, place: Place): void {
    const tid = this.#who(line, place);
    const order = place.line;
    switch (line.kind) {
      case "call":
      case "unfinished":
      case "resumed":
        if (this.#isRelevant(line.name)) this.#call(line, tid, place);
        else this.#tally.add("otherCalls", place.lines);
        break;
      case "gone":
        this.#tally.add("followed", place.lines);
        this.#list.push({ kind: "gone", tid, place, order, how: line.how });
        break;
      case "superseded":
        this.#tally.add("followed", place.lines);
        this.#supersede(tid, line.by);
        break;
      case "attached":
        this.#list.push({ ...line, place, order });
        this.#tally.add("messages", place.lines);
        break;
      case "unknown":
        this.#tally.unknown("a line that is no call", place);
        break;
      default:
        this.#tally.add(FATES[line.kind], place.lines);
    }
  }

  finish(): Happenings {
    for (const tid of [...this.#halves.keys()]) this.#lose(tid);
    const list = this.#list.map((happening) => this.#reorder(happening));
    list.sort((one, other) => one.order - other.order);
    return { list, seen: new Set(this.#first.keys()) };
  }

  #who(line: Line, { line: at }: Place): number {
    if (line.kind === "message" || line.kind === "blank" || line.kind === "attached") return -1;
    if (line.kind === "unknown" && line.tid === null) return -1;
    const tid = this.#tids.of(line);
    if (!this.#first.has(tid)) this.#first.set(tid, at);
    return tid;
  }

  #call(line: CallLine, tid: number, place: Place): void {
    const { name, text } = line;
    if (line.kind === "unfinished") this.#begin(line, tid, place);
    else if (line.kind === "resumed") this.#resume(line, tid, place);
    else this.#add(tid, name, { ...place, text });
  }

  /** A call that takes effect where it answers: in its only line, unless that is said. */
  #add(tid: number, name: string, place: Place, order = place.line): void {
    this.#list.push({ kind: "call", tid, name, place, order });
  }

  #begin(line: Extract<Line, { kind: "unfinished" }>, tid: number, place: Place): void {
    this.#lose(tid);
    // Whoever ends itself never answers.
    if (!ENDS.has(line.name)) this.#halves.set(tid, { ...line, place });
    else this.#add(tid, line.name, { ...place, text: closed(line.text) });
  }

  /** What somebody began before, and will not be heard of again. */
  #lose(tid: number): void {
    const half = this.#halves.get(tid);
    if (half === undefined) return;
    this.#halves.delete(tid);
    this.#tally.unknown(`${half.name} that never answers`, half.place);
  }

  #resume(line: Extract<Line, { kind: "resumed" }>, tid: number, place: Place): void {
    const half = this.#halves.get(tid);
    if (ENDS.has(line.name)) this.#tally.add("followed", place.lines);
    else if (half?.name !== line.name) {
      this.#tally.unknown("an answer to a call that never began", place);
    } else {
      this.#halves.delete(tid);
      const order = FREES.has(line.name) ? half.place.line : place.line;
      const lines = half.place.lines + place.lines;
      const whole = { line: half.place.line, lines, text: half.text + line.text };
      this.#add(tid, line.name, whole, order);
    }
  }

  /** The exec that `by` waits for is answered under the number of its whole process. */
  #supersede(tid: number, by: number): void {
    const half = this.#halves.get(by);
    if (half === undefined) return;
    this.#halves.delete(by);
    this.#lose(tid);
    this.#halves.set(tid, half);
  }

  /** A child is there at its own first line at the latest. */
  #reorder(happening: Happening): Happening {
    if (happening.kind !== "call" || !BORN.has(happening.name)) return happening;
    const [, own, outer] = CHILD.exec(happening.place.text) ?? [];
    const first = this.#first.get(Number(outer ?? own));
    if (first === undefined || first < happening.place.line) return happening;
    return { ...happening, order: Math.min(happening.order, first - 0.5) };
  }
}

/** An ending as it would stand in a line of its own. */
function closed(text: string): string {
  return `${text}${text.endsWith(")") ? "" : ")"} = ?`;
}
