// What every backing must do, whatever it is made of: each case gets one that is new and empty.
//
// Nothing of a test runner is in here, so that the same cases run in a browser.

import fc from "fast-check";
import type { Backing } from "../../src/backing/backing.ts";

const PAGE_SIZE = 4096;

export interface Case {
  readonly name: string;
  run(backing: Backing, seed: number): Promise<void>;
}

/** `length` bytes that no other `salt` has, none of them 0. */
export function salted(salt: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 1 + ((salt * 31 + index * 7) % 255));
}

/** Throws unless both are the same, numbers or bytes. */
function same(got: number | Uint8Array, want: number | Uint8Array, what: string): void {
  const [left, right] = [got, want].map((value) =>
    typeof value === "number" ? `${value}` : `${value.length} bytes: ${value.join()}`,
  );
  if (left === right) return;
  throw new Error(`${what}: ${left?.slice(0, 200)}\ninstead of ${right?.slice(0, 200)}`);
}

/** What a call fails with, thrown or rejected. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

async function failsWith(call: () => unknown, kind: ErrorConstructor, what: string): Promise<void> {
  const error = await failureOf(call);
  if (!(error instanceof kind)) throw new Error(`${what}: ${error} is no ${kind.name}`);
}

/** The bytes [position, position + length) that there are. */
async function bytesOf(backing: Backing, position: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length);
  return into.subarray(0, await backing.read(position, into));
}

async function holds(backing: Backing, want: Uint8Array, what: string): Promise<void> {
  same(await backing.size(), want.length, `${what}, size`);
  same(await bytesOf(backing, 0, want.length + 1), want, what);
}

/** What a random history does. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      at: fc.nat(20_000),
      bytes: fc.uint8Array({ maxLength: 9_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      at: fc.nat(30_000),
      length: fc.nat(10_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("truncate" as const), bytes: fc.nat(30_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sync" as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** The same history on an array of bytes, which is made anew each time. */
class Naive {
  bytes = new Uint8Array(0);

  write(position: number, from: Uint8Array): void {
    if (from.length === 0) return;
    this.truncate(Math.max(this.bytes.length, position + from.length));
    this.bytes.set(from, position);
  }

  truncate(length: number): void {
    const next = new Uint8Array(length);
    next.set(this.bytes.subarray(0, length));
    this.bytes = next;
  }
}

async function take(backing: Backing, naive: Naive, one: Step): Promise<void> {
  if (one.do === "write") {
    await backing.write(one.at, one.bytes);
    naive.write(one.at, one.bytes);
  } else if (one.do === "read") {
    const want = naive.bytes.slice(one.at, one.at + one.length);
    same(await bytesOf(backing, one.at, one.length), want, `read at ${one.at}`);
  } else if (one.do === "truncate") {
    await backing.truncate(one.bytes);
    naive.truncate(one.bytes);
  } else {
    await backing.sync();
  }
  same(await backing.size(), naive.bytes.length, `size after ${one.do}`);
}

export const CASES: readonly Case[] = [
  {
    name: "begins with nothing stored",
    async run(backing) {
      await holds(backing, new Uint8Array(0), "at first");
    },
  },
  {
    name: "gives back what was written last, page by page, in any order",
    async run(backing) {
      for (const page of [3, 0, 7, 3]) {
        await backing.write(page * PAGE_SIZE, salted(page, PAGE_SIZE));
      }
      await backing.write(0, salted(100, PAGE_SIZE));
      for (const [page, salt] of [
        [7, 7],
        [0, 100],
        [3, 3],
      ] as const) {
        const got = await bytesOf(backing, page * PAGE_SIZE, PAGE_SIZE);
        same(got, salted(salt, PAGE_SIZE), `page ${page}`);
      }
    },
  },
  {
    name: "keeps what was written when the bytes change afterwards",
    async run(backing) {
      const bytes = salted(1, 100);
      await backing.write(5, bytes);
      bytes.fill(0);
      same(await bytesOf(backing, 5, 100), salted(1, 100), "bytes");
    },
  },
  {
    name: "writes from, and reads into, a part of a larger buffer and nothing beside it",
    async run(backing) {
      const larger = salted(2, 300);
      await backing.write(0, larger.subarray(100, 200));
      const into = new Uint8Array(300).fill(9);
      same(await backing.read(0, into.subarray(50, 150)), 100, "count");
      const want = new Uint8Array(300).fill(9);
      want.set(salted(2, 300).subarray(100, 200), 50);
      same(into, want, "bytes");
      same(larger, salted(2, 300), "what was written from");
    },
  },
  {
    name: "reads fewer bytes only at the end, and leaves the rest as it was",
    async run(backing) {
      await backing.write(0, salted(1, 5_000));
      const into = new Uint8Array(1_000).fill(9);
      same(await backing.read(4_900, into), 100, "at the end");
      same(into.subarray(0, 100), salted(1, 5_000).subarray(4_900), "bytes");
      same(into.subarray(100), new Uint8Array(900).fill(9), "the rest");
      same(await backing.read(5_000, into), 0, "at the very end");
      same(await backing.read(1_000_000, into), 0, "beyond");
      same(await backing.read(10, new Uint8Array(0)), 0, "nothing");
    },
  },
  {
    name: "what was never written reads as zeros",
    async run(backing) {
      await backing.write(10_000, salted(1, 3));
      const want = new Uint8Array(10_003);
      want.set(salted(1, 3), 10_000);
      await holds(backing, want, "a gap");
    },
  },
  {
    name: "a write of nothing grows nothing",
    async run(backing) {
      await backing.write(5_000, new Uint8Array(0));
      await holds(backing, new Uint8Array(0), "after it");
    },
  },
  {
    name: "cut off and grown again it is zeros",
    async run(backing) {
      await backing.write(0, salted(1, 10_000));
      await backing.truncate(5_001);
      await holds(backing, salted(1, 10_000).slice(0, 5_001), "cut");
      await backing.truncate(12_000);
      const want = new Uint8Array(12_000);
      want.set(salted(1, 10_000).subarray(0, 5_001));
      await holds(backing, want, "grown");
      await backing.truncate(0);
      await backing.truncate(8_192);
      await holds(backing, new Uint8Array(8_192), "emptied and grown");
    },
  },
  {
    name: "many at once, on different bytes",
    async run(backing) {
      const all = Array.from({ length: 50 }, (_, index) => index);
      const at = (index: number) => index * 1_000 + (index % 3);
      await Promise.all(all.map((index) => backing.write(at(index), salted(index, 900))));
      await backing.sync();
      const got = await Promise.all(all.map((index) => bytesOf(backing, at(index), 900)));
      for (const index of all) same(got[index] ?? -1, salted(index, 900), `write ${index}`);
    },
  },
  {
    name: "of two writes to the same bytes, one after the other, the second stays",
    async run(backing) {
      await backing.write(0, salted(1, 6_000));
      await backing.write(4_000, salted(2, 4_000));
      const want = new Uint8Array(8_000);
      want.set(salted(1, 6_000));
      want.set(salted(2, 4_000), 4_000);
      await holds(backing, want, "both");
    },
  },
  {
    name: "a sync while writes are under way ends, and so do they",
    async run(backing) {
      const first = backing.write(0, salted(1, 100_000));
      const synced = backing.sync();
      const second = backing.write(100_000, salted(2, 100_000));
      await Promise.all([first, synced, second]);
      same(await backing.size(), 200_000, "size");
    },
  },
  {
    name: "a megabyte and a bit in one call",
    async run(backing) {
      const bytes = salted(3, 1_048_576 + 13);
      await backing.write(7, bytes);
      same(await bytesOf(backing, 7, bytes.length + 5), bytes, "bytes");
    },
  },
  {
    name: "positions that are none are refused, and change nothing",
    async run(backing) {
      await backing.write(0, salted(1, 10));
      for (const [position, kind] of [
        [-1, RangeError],
        [2 ** 60, RangeError],
        [0.5, TypeError],
        [Number.NaN, TypeError],
        ["0", TypeError],
      ] as const) {
        const wrong = position as number;
        await failsWith(() => backing.read(wrong, new Uint8Array(1)), kind, "read");
        await failsWith(() => backing.write(wrong, new Uint8Array(1)), kind, "write");
        await failsWith(() => backing.truncate(wrong), kind, "truncate");
      }
      await holds(backing, salted(1, 10), "afterwards");
    },
  },
  {
    name: "after close every call fails, but for another close",
    async run(backing) {
      const written = backing.write(0, salted(1, 10));
      await backing.close?.();
      await written;
      await failsWith(() => backing.read(0, new Uint8Array(1)), Error, "read");
      await failsWith(() => backing.write(0, new Uint8Array(1)), Error, "write");
      await failsWith(() => backing.size(), Error, "size");
      await failsWith(() => backing.truncate(0), Error, "truncate");
      await failsWith(() => backing.sync(), Error, "sync");
      await backing.close?.();
    },
  },
  {
    name: "a random history leaves what it leaves in an array of bytes",
    async run(backing, seed) {
      const history = async (steps: Step[]) => {
        const naive = new Naive();
        await backing.truncate(0);
        for (const one of steps) await take(backing, naive, one);
        await holds(backing, naive.bytes, "at last");
      };
      const steps = fc.array(step, { maxLength: 30, size: "max" });
      await fc.assert(fc.asyncProperty(steps, history), { seed, numRuns: 30 });
    },
  },
];
