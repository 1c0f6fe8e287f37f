// A subscriber's handle: what it lists and lets go of is what the engine has recorded.

import { expect, test } from "vitest";
import { at, boot, MIB, PAGE, PRIVATE, READ_WRITE } from "../support/boot.ts";
import { hold } from "../support/holder.ts";

test("a range that begins or ends within a page: pages and records agree", async () => {
  for (const isGone of [false, true]) {
    const booted = boot("wwww");
    const { subscriber } = hold(booted, { letsGo: false });
    const held = [];
    for (let page = 0; page < 4; page++) {
      held.push(await subscriber.export(booted.mm, at(page), { write: true }));
    }
    if (isGone) await booted.mm.exit();
    subscriber.lower(booted.mm, at(2) + 1, at(3) + 1);
    const rights = [...subscriber.exported()].map(({ address, write }) => [address, write]);
    for (const page of held) {
      const address = page.export?.address ?? 0;
      expect(rights).toContainEqual([address, page.canWrite]);
    }
    expect(subscriber.unexportRange(booted.mm, at(0) + 1, at(0) + 1)).toBe(0);
    expect(subscriber.unexportRange(booted.mm, at(2), at(0))).toBe(0);
    const count = subscriber.unexportRange(booted.mm, at(0) + 1, at(2) - 1);
    expect(count).toBe(2);
    const left = new Set([...subscriber.exported()].map(({ address }) => address));
    expect(left.size).toBe(4 - count);
    for (const page of held) {
      expect(page.isRevoked).toBe(!left.has(page.export?.address ?? 0));
    }
  }
});

test("exported() lists each record once, though it is let go meanwhile", () => {
  const count = 14_000;
  const booted = boot("", { memory: 80 * MIB, build: "release" });
  const { subscriber } = hold(booted);
  const start = booted.mm.mmapSync(0, count * PAGE, READ_WRITE, PRIVATE);
  const options = { write: true };
  subscriber.exportRangeSync(booted.mm, start, start + count * PAGE, options);
  const seen = new Set<number>();
  for (const { address } of subscriber.exported()) {
    seen.add(address);
    subscriber.unexport(booted.mm, address);
  }
  expect([seen.size, subscriber.exportedCount]).toEqual([count, 0]);
});
