// Does the disk that loses power hold what a disk may hold, and does it catch who misuses it?

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { failingBacking, shuffledBacking } from "../support/backings.ts";
import { settle } from "../support/clock.ts";
import { errorOf } from "../support/holder.ts";
import { recordingBacking } from "../support/power-cut.ts";
import { prng, SEED } from "../support/prng.ts";
import { type Gate, gate } from "../support/sleeper.ts";
import { CASES } from "./suite.ts";

/** The first byte of each sector, a letter each; `-` is zero. */
function draw(bytes: Uint8Array): string {
  const sectors = Array.from({ length: Math.ceil(bytes.length / 512) }, (_, at) => bytes[at * 512]);
  return sectors.map((byte) => (byte ? String.fromCharCode(byte) : "-")).join("");
}

/** A sector for each letter. */
function sectors(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 512);
  for (const [index, letter] of [...text].entries()) {
    bytes.fill(letter.charCodeAt(0), index * 512, (index + 1) * 512);
  }
  return bytes;
}

const random = prng(SEED);
const drawAll = (disk: ReturnType<typeof recordingBacking>, count = 1_000) =>
  [...disk.crashes(random, count)].map(draw).sort();

describe("what a crash leaves", () => {
  test("of what was synced everything, of what was not any sector", () => {
    const disk = recordingBacking();
    disk.write(0, sectors("aa"));
    disk.sync();
    expect(drawAll(disk)).toEqual(["aa"]);
    disk.write(0, sectors("bb"));
    expect(disk.outcomes).toBe(4);
    expect(drawAll(disk)).toEqual(["aa", "ab", "ba", "bb"]);
    disk.sync();
    expect(drawAll(disk)).toEqual(["bb"]);
  });

  test("of several writes to a sector any one", () => {
    const disk = recordingBacking({ stored: sectors("a") });
    disk.write(0, sectors("b"));
    disk.write(0, sectors("c"));
    expect(drawAll(disk)).toEqual(["a", "b", "c"]);
  });

  test("a size that is old or new, with zeros where bytes did not arrive", () => {
    const disk = recordingBacking({ stored: sectors("a") });
    disk.write(512, sectors("b"));
    expect(new Set(drawAll(disk))).toEqual(new Set(["a", "a-", "ab"]));
    disk.sync();
    disk.truncate(512);
    expect(new Set(drawAll(disk))).toEqual(new Set(["a", "a-", "ab"]));
  });

  test("whole pages, where those are what goes to it", () => {
    const disk = recordingBacking({ sector: 4096, stored: sectors("aaaaaaaa") });
    disk.write(0, sectors("bbbbbbbb"));
    expect(drawAll(disk)).toEqual(["aaaaaaaa", "bbbbbbbb"]);
  });

  test("a sample has nothing, everything, and only what is possible", () => {
    const disk = recordingBacking({ stored: sectors("a".repeat(64)) });
    disk.write(0, sectors("b".repeat(64)));
    expect(disk.outcomes).toBe(Infinity);
    const images = [...disk.crashes(random, 20)].map(draw);
    expect(images.slice(0, 2)).toEqual(["a".repeat(64), "b".repeat(64)]);
    expect(images.length).toBe(20);
    for (const image of images) expect(image).toMatch(/^[ab]{64}$/);
  });

  test("says what is synced: a range, and these bytes", () => {
    const disk = recordingBacking();
    disk.write(0, sectors("ab"));
    expect(disk.synced(0, 1)).toBe(false);
    disk.sync();
    expect([disk.synced(0, 1024), disk.synced(0, sectors("ab"))]).toEqual([true, true]);
    expect([disk.synced(0, 1025), disk.synced(0, sectors("aa"))]).toEqual([false, false]);
    disk.write(600, Uint8Array.of(1));
    expect([disk.synced(0, 600), disk.synced(600, 1), disk.synced(601, 423)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

/** A disk whose calls are settled by hand. */
function slowDisk(text: string) {
  const open: Gate<void>[] = [];
  const wait = () => {
    const one = gate();
    open.push(one);
    return one.promise;
  };
  return { disk: recordingBacking({ stored: sectors(text), wait }), open };
}

describe("what is under way", () => {
  test("may be there already, and a sync asked for before it ended skips it", async () => {
    const { disk, open } = slowDisk("aa");
    const [one, two] = [disk.write(0, sectors("b")), disk.write(512, sectors("b"))];
    open[0]?.open();
    await one;
    const synced = disk.sync();
    open[1]?.open();
    await two;
    expect(drawAll(disk)).toEqual(["aa", "ab", "ba", "bb"]);
    open[2]?.open();
    await synced;
    expect(drawAll(disk)).toEqual(["ba", "bb"]);
    expect(disk.diary.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "write settled",
      "write settled",
      "sync settled",
    ]);
    expect(disk.breaches).toEqual([]);
  });

  test("a write that failed may be there, and no sync covers it", async () => {
    const { disk, open } = slowDisk("a");
    const failing = errorOf(Promise.resolve(disk.write(0, sectors("b"))));
    open[0]?.fail(new Error("bad sector"));
    expect((await failing).message).toBe("bad sector");
    expect(draw(disk.current)).toBe("a");
    const synced = disk.sync();
    open[1]?.open();
    await synced;
    expect(drawAll(disk)).toEqual(["a", "b"]);
    const again = [disk.write(0, sectors("c")), settle(), disk.sync()];
    for (const one of open.splice(2)) one.open();
    await Promise.all(again);
    const last = disk.sync();
    open.pop()?.open();
    await last;
    expect(drawAll(disk)).toEqual(["c"]);
  });

  test("two calls on the same bytes are a breach, two reads are none", async () => {
    const { disk, open } = slowDisk("aa");
    const calls = [
      disk.read(0, new Uint8Array(512)),
      disk.read(0, new Uint8Array(600)),
      disk.write(599, Uint8Array.of(1)),
      disk.truncate(5),
    ];
    expect(disk.breaches[0]).toBe("write 599 + 1 beside read 0 + 600");
    expect(disk.breaches.length).toBe(4);
    for (const one of open) one.open();
    await Promise.all(calls);
    disk.write(0, sectors("c"));
    expect(disk.breaches.length).toBe(4);
  });
});

describe("backings around a backing", () => {
  test.each([false, true])("the n-th call fails, done all the same: %s", async (isDone) => {
    const inner = memoryBacking();
    const error = new Error("full");
    const backing = failingBacking(inner, { at: 2, question: "write", error, isDone });
    backing.write(0, sectors("a"));
    backing.sync();
    expect(() => backing.write(512, sectors("b"))).toThrow(error);
    expect(inner.size()).toBe(isDone ? 1024 : 512);
    backing.write(1024, sectors("c"));
    expect(inner.size()).toBe(1536);
  });

  test(`answers come in any order, SEED=${SEED}`, async () => {
    const orders = new Set<string>();
    for (let run = 0; run < 20; run++) {
      const { backing, waiting } = shuffledBacking(memoryBacking(), prng(SEED + run));
      const order: number[] = [];
      const note = (index: number) => async () => {
        await backing.write(index, Uint8Array.of(index));
        order.push(index);
      };
      const all = [0, 1, 2].map((index) => note(index)());
      await settle();
      expect(waiting.size).toBe(3);
      await waiting.wakeAll();
      await Promise.all(all);
      orders.add(order.join());
    }
    expect(orders.size).toBeGreaterThan(1);
  });
});

test.each(CASES.filter(({ name }) => !/positions|close/.test(name)))("$name", async ({ run }) => {
  const disk = recordingBacking();
  await run(disk, SEED);
  expect(disk.breaches).toEqual([]);
});
