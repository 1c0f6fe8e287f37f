// A bracket of several notices: what moves over a mapping announces the target, then the source.

import { describe, expect, test } from "vitest";
import { PROT_READ } from "../../src/constants.ts";
import type { Why } from "../../src/notifier/ops.ts";
import { at, boot, PAGE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

const refuse = () => {
  throw new Error("busy here");
};

describe("a bracket of several notices", () => {
  const setUp = async (answer: (why: Why) => void | Promise<void>) => {
    const booted = boot("w.w");
    booted.mm.mprotectSync(at(2), PAGE, PROT_READ);
    const holder = hold(booted, { answer });
    await holder.subscriber.export(booted.mm, at(0));
    await holder.subscriber.export(booted.mm, at(2));
    const move = () => booted.mm.mremap(at(0), PAGE, PAGE, 1 | 2, at(2));
    return { booted, ...holder, move };
  };

  test("gives each subscriber exactly one end", async () => {
    const { move, diary } = await setUp(() => {});
    await move();
    const ends = diary.filter((line) => line.startsWith("end"));
    expect(diary.length - ends.length).toBeGreaterThan(1);
    expect(ends).toEqual(["end done"]);
  });

  test("who accepted one and refused the next is not left waiting for its end", async () => {
    let told = 0;
    const { booted, move, diary } = await setUp(() => {
      told++;
      if (told > 1) refuse();
    });
    expect(await errorOf(move())).toMatchObject({ code: "EBUSY" });
    expect(diary.at(-1)).toBe("end aborted");
    expect(diary.filter((line) => line.startsWith("end"))).toHaveLength(1);
    expect(strip(booted.mm, 3)).toMatch(/^w\.[rR]$/i);
  });

  test("who accepted one and is late with the next gets its end when it settles", async () => {
    const sleeper = gate();
    let told = 0;
    const { booted, move, diary } = await setUp(() => {
      told++;
      return told > 1 ? sleeper.promise : undefined;
    });
    const failure = errorOf(move());
    await booted.clock.advance(10_000);
    expect(await failure).toMatchObject({ code: "ETIMEDOUT" });
    expect(diary.filter((line) => line.startsWith("end"))).toEqual([]);
    sleeper.open();
    await settle();
    expect(diary.filter((line) => line.startsWith("end"))).toEqual(["end aborted"]);
  });
});
