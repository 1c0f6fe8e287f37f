// A disk that remembers in what order it was asked, and what it may hold after the power went.
//
//   asked           settled          sync asked       sync settled
//     │  write A  ────┤                  │                │
//     │  write B  ───────────────────────│───── …         │
//                                        └─ covers A ─────┤
//   A crash before the right end: any sector of A and B is old or new, each for itself.
//   A crash after it: A is there, all of it; sectors of B are old or new.
//
// A sector goes to the disk as a whole, as it was at one moment: of several writes to it that were
// not synced it may hold any state from before the first up to after the last. The size is one more
// such cell.
//
// Invariants (of who asks, kept in `breaches`)
//   - no two calls under way touch the same bytes, but for two reads;
//   - nothing is under way beside a truncate but a sync, and no truncate beside one.

import type { Backing } from "../../src/backing/backing.ts";
import type { Random } from "./prng.ts";

/** What was asked, in order. `state` goes on as the call does. */
export interface Asked {
  readonly kind: "read" | "write" | "truncate" | "sync";
  readonly position: number;
  readonly bytes: number;
  state: "asked" | "settled" | "failed";
}

export interface RecordingOptions {
  /** Bytes that go to the disk as a whole. Default 512. */
  readonly sector?: number;
  /** What is stored at first, and durable: the image of a crash goes on here. Default: nothing. */
  readonly stored?: Uint8Array;
  /** Each call waits for this before it settles; where it rejects, the call fails. */
  readonly wait?: (asked: Asked) => void | Promise<void>;
}

export interface RecordingBacking extends Backing {
  /** Everything that was asked. */
  readonly diary: readonly Asked[];
  /** Where the caller broke the rules of `Backing`: must stay empty. */
  readonly breaches: readonly string[];
  /** What is stored now, power or not. */
  readonly current: Uint8Array;
  /** How many contents are possible if the power went now: Infinity beyond 2 ** 53. */
  readonly outcomes: number;
  /**
   * `count` contents that are possible if the power went now: that with nothing that is not synced,
   * that with everything, and others by chance. All of them, once each, where there are no more.
   */
  crashes(random: Random, count: number): Generator<Uint8Array, void, void>;
  /** Whether [position, position + bytes), or these very bytes there, survive any crash now. */
  synced(position: number, bytes: number | Uint8Array): boolean;
}

/** A change that may not be on the disk yet. */
interface Change {
  readonly asked: Asked;
  /** What is written, or null for a truncate. */
  from: Uint8Array | null;
}

/** One thing that a crash leaves in one of several states, the durable one first. */
interface Cell<T> {
  readonly states: T[];
}

export function recordingBacking(options: RecordingOptions = {}): RecordingBacking {
  return new Disk(options);
}

class Disk implements RecordingBacking {
  readonly diary: Asked[] = [];
  readonly breaches: string[] = [];
  readonly #sector: number;
  readonly #wait: RecordingOptions["wait"];
  readonly #underWay = new Set<Asked>();
  #pending: Change[] = [];
  #durable: Uint8Array;
  #current: Uint8Array;

  constructor({ sector = 512, stored = new Uint8Array(0), wait }: RecordingOptions) {
    this.#sector = sector;
    this.#wait = wait;
    this.#durable = stored.slice();
    this.#current = stored.slice();
  }

  get current(): Uint8Array {
    return this.#current.slice();
  }

  read(position: number, into: Uint8Array): number | Promise<number> {
    return this.#call({ kind: "read", position, bytes: into.byteLength }, () => {
      const from = this.#current.subarray(position, position + into.byteLength);
      into.set(from);
      return from.byteLength;
    });
  }

  write(position: number, from: Uint8Array): void | Promise<void> {
    return this.#change({ kind: "write", position, bytes: from.byteLength }, from.slice());
  }

  size(): number {
    return this.#current.byteLength;
  }

  truncate(bytes: number): void | Promise<void> {
    return this.#change({ kind: "truncate", position: bytes, bytes: Infinity }, null);
  }

  sync(): void | Promise<void> {
    const covered = new Set(this.#pending.filter(({ asked }) => asked.state === "settled"));
    return this.#call({ kind: "sync", position: 0, bytes: 0 }, () => {
      for (const [index, change] of this.#pending.entries()) {
        if (!covered.has(change)) continue;
        this.#durable = applied(this.#durable, change);
        for (const earlier of this.#pending.slice(0, index)) overtake(earlier, change);
      }
      this.#pending = this.#pending.filter((change) => !covered.has(change));
    });
  }

  get outcomes(): number {
    const { sectors, size } = this.#cells();
    let product = size.states.length;
    for (const { states } of sectors.values()) product *= states.length;
    return product > Number.MAX_SAFE_INTEGER ? Infinity : product;
  }

  *crashes(random: Random, count: number): Generator<Uint8Array, void, void> {
    const { sectors, size } = this.#cells();
    const image = (choose: (cell: Cell<unknown>) => number) => {
      const bytes = new Uint8Array(size.states[choose(size)] ?? 0);
      for (const [index, cell] of sectors) {
        const at = index * this.#sector;
        const state = cell.states[choose(cell)];
        if (at < bytes.byteLength) bytes.set(state?.subarray(0, bytes.byteLength - at) ?? [], at);
      }
      return bytes;
    };
    const open = [size, ...sectors.values()].filter(({ states }) => states.length > 1);
    if (this.outcomes <= count) {
      for (const digits of combinations(open)) yield image((cell) => digits.get(cell) ?? 0);
      return;
    }
    if (count > 0) yield image(() => 0);
    if (count > 1) yield image(({ states }) => states.length - 1);
    for (let drawn = 2; drawn < count; drawn++) yield image(chooser(random));
  }

  synced(position: number, bytes: number | Uint8Array): boolean {
    const length = typeof bytes === "number" ? bytes : bytes.byteLength;
    const end = position + length;
    const { sectors, size } = this.#cells();
    if (size.states.some((possible) => possible < end)) return false;
    const want = typeof bytes === "number" ? this.#current.subarray(position, end) : bytes;
    for (let at = position; at < end; at++) {
      const index = Math.floor(at / this.#sector);
      const states = sectors.get(index)?.states ?? [];
      if (states.some((state) => state[at - index * this.#sector] !== want[at - position])) {
        return false;
      }
    }
    return true;
  }

  #change(call: Omit<Asked, "state">, from: Uint8Array | null): void | Promise<void> {
    const asked = this.#ask(call);
    const change = { asked, from };
    this.#pending.push(change);
    return this.#perform(asked, () => {
      this.#current = applied(this.#current, change);
    });
  }

  #call<T>(call: Omit<Asked, "state">, work: () => T): T | Promise<T> {
    return this.#perform(this.#ask(call), work);
  }

  #ask(call: Omit<Asked, "state">): Asked {
    const asked: Asked = { ...call, state: "asked" };
    for (const other of this.#underWay) {
      if (!mayMeet(asked, other)) this.breaches.push(`${words(asked)} beside ${words(other)}`);
    }
    this.diary.push(asked);
    this.#underWay.add(asked);
    return asked;
  }

  #perform<T>(asked: Asked, work: () => T): T | Promise<T> {
    const end = (state: "settled" | "failed") => {
      asked.state = state;
      this.#underWay.delete(asked);
    };
    const go = () => {
      const answer = work();
      end("settled");
      return answer;
    };
    const fail = (error: unknown) => {
      end("failed");
      throw error;
    };
    try {
      const waited = this.#wait?.(asked);
      return waited === undefined ? go() : waited.then(go, fail);
    } catch (error) {
      return fail(error);
    }
  }

  /** Every sector and the size, with the states that each may be in after a crash. */
  #cells(): { sectors: Map<number, Cell<Uint8Array>>; size: Cell<number> } {
    const size: Cell<number> = { states: [this.#durable.byteLength] };
    const sectors = new Map<number, Cell<Uint8Array>>();
    let bytes = this.#durable;
    const stages = [bytes, ...this.#pending.map((change) => (bytes = applied(bytes, change)))];
    const most = Math.max(...stages.map(({ byteLength }) => byteLength));
    for (let index = 0; index * this.#sector < most; index++) {
      sectors.set(index, { states: distinct(stages.map((stage) => this.#sectorOf(stage, index))) });
    }
    for (const { byteLength } of stages) {
      if (!size.states.includes(byteLength)) size.states.push(byteLength);
    }
    return { sectors, size };
  }

  #sectorOf(bytes: Uint8Array, index: number): Uint8Array {
    const sector = new Uint8Array(this.#sector);
    const at = index * this.#sector;
    sector.set(bytes.subarray(at, at + this.#sector));
    return sector;
  }
}

/** `bytes` after a change. */
function applied(bytes: Uint8Array, { asked, from }: Change): Uint8Array {
  const { position } = asked;
  const length =
    from === null
      ? position
      : Math.max(bytes.byteLength, from.byteLength > 0 ? position + from.byteLength : 0);
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, length));
  if (from !== null && from.byteLength > 0) next.set(from, position);
  return next;
}

/** What is left of a write that failed once a later change to the same bytes is durable. */
function overtake(earlier: Change, { asked, from }: Change): void {
  if (earlier.asked.state !== "failed" || earlier.from === null) return;
  const gap = asked.position - earlier.asked.position;
  if (from === null) {
    earlier.from = earlier.from.subarray(0, Math.max(0, gap));
    return;
  }
  for (const [at, byte] of from.entries()) {
    if (gap + at >= 0 && gap + at < earlier.from.byteLength) earlier.from[gap + at] = byte;
  }
}

/** States that differ, the last one of a row of equal ones counting for all. */
function distinct(states: readonly Uint8Array[]): Uint8Array[] {
  const seen = new Map<string, Uint8Array>();
  for (const state of states) {
    const text = state.join();
    if (!seen.has(text)) seen.set(text, state);
  }
  const last = states[states.length - 1];
  const kept = [...seen.values()].filter((state) => state.join() !== last?.join());
  return last === undefined ? kept : [...kept, last];
}

/** One draw: everything by chance, or nearly everything old, or nearly everything new. */
function chooser(random: Random): (cell: Cell<unknown>) => number {
  const lean = random.below(3);
  return ({ states }) => {
    if (lean > 0 && !random.oneIn(8)) return lean === 1 ? 0 : states.length - 1;
    return random.below(states.length);
  };
}

/** Each way of choosing a state for every cell. */
function* combinations(cells: readonly Cell<unknown>[]): Generator<Map<Cell<unknown>, number>> {
  const digits = new Map(cells.map((cell) => [cell, 0]));
  for (;;) {
    yield digits;
    const next = cells.find((cell) => (digits.get(cell) ?? 0) + 1 < cell.states.length);
    if (next === undefined) return;
    for (const cell of cells) {
      if (cell === next) break;
      digits.set(cell, 0);
    }
    digits.set(next, (digits.get(next) ?? 0) + 1);
  }
}

function mayMeet(one: Asked, other: Asked): boolean {
  if (one.kind === "sync" || other.kind === "sync") {
    return one.kind !== "truncate" && other.kind !== "truncate";
  }
  if (one.kind === "truncate" || other.kind === "truncate") return false;
  if (one.kind === "read" && other.kind === "read") return true;
  return one.position >= other.position + other.bytes || other.position >= one.position + one.bytes;
}

function words({ kind, position, bytes }: Asked): string {
  if (kind === "sync") return kind;
  return kind === "truncate" ? `truncate ${position}` : `${kind} ${position} + ${bytes}`;
}
