// protocol.md, "Answers": everything has a limit with an error of its own.

import { describe, expect, test } from "vitest";
import { SUBSCRIBERS_MAX, TICKETS_MAX } from "../../assembly/abi.ts";
import { WAITERS_MAX } from "../../src/gate.ts";
import { at, boot, draw, MIB, PAGE, pages } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("everything has a limit with an error of its own", () => {
  test("subscribers: EUSERS", () => {
    const booted = boot();
    for (let index = 0; index < SUBSCRIBERS_MAX; index++) booted.register({ name: `s${index}` });
    expect(() => booted.register({ name: "more" })).toThrow(/register: EUSERS/);
    booted.machine.exportNotifiers.unregisterSync(
      booted.machine.exportNotifiers.subscribers[7] as never,
    );
    booted.register({ name: "room again" });
  });

  test("open plans: ENFILE, nothing changed", async () => {
    const count = TICKETS_MAX + 1;
    const booted = boot("", { memory: 32 * MIB, build: "release" });
    const start = booted.mm.mmapSync(0, count * PAGE, 3, 0x22);
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.exportRange(booted.mm, start, start + count * PAGE);
    const opened = Array.from({ length: TICKETS_MAX }, (_, index) =>
      booted.mm.munmap(start + index * PAGE, PAGE),
    );
    const last = start + TICKETS_MAX * PAGE;
    expect(await errorOf(booted.mm.munmap(last, PAGE))).toMatchObject({ code: "ENFILE" });
    sleeper.open();
    await Promise.all(opened);
    await booted.mm.munmap(last, PAGE);
  });

  test("waiters: EOVERFLOW", async () => {
    const booted = boot("ww", { build: "release" });
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = booted.mm.munmap(...pages(0, 1));
    const waiting = Array.from({ length: WAITERS_MAX }, () => booted.mm.munmap(...pages(0, 1)));
    expect(await errorOf(booted.mm.munmap(...pages(0, 1)))).toMatchObject({ code: "EOVERFLOW" });
    sleeper.open();
    await Promise.all([open, ...waiting]);
  });

  test("waiters: an exit that has to wait does, behind however many", async () => {
    const booted = boot("w", { build: "release" });
    const other = booted.machine.createMm();
    draw(other, "w");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    for (const mm of [booted.mm, other]) await subscriber.export(mm, at(0));
    const open = booted.mm.munmap(...pages(0, 1));
    const waiting = Array.from({ length: WAITERS_MAX }, () => booted.mm.munmap(...pages(0, 1)));
    const unmap = errorOf(other.munmap(...pages(0, 1)));
    const exit = watchPromise(other.exit());
    await settle();
    expect(exit.state).toBe("pending");
    sleeper.open();
    await Promise.all([open, ...waiting]);
    expect(await unmap).toMatchObject({ code: "ESRCH" });
    await settle();
    expect([exit.state, other.isAlive]).toEqual(["done", false]);
  });

  test("records: ENOMEM before their own limit where memory is small, nothing leaked", async () => {
    const booted = boot("", { memory: MIB, build: "release" });
    const { subscriber } = hold(booted);
    const start = booted.mm.mmapSync(0, 200 * PAGE, 1, 0x22);
    const subscribers = Array.from({ length: 200 }, (_, index) =>
      booted.register({ name: `${index}` }),
    );
    const exportAll = () => {
      for (const each of subscribers) each.exportRangeSync(booted.mm, start, start + 200 * PAGE);
    };
    expect(exportAll).toThrow(/ENOMEM/);
    expect(booted.machine.check()).toBe(0);
    for (const each of subscribers) each.release();
    subscriber.exportRangeSync(booted.mm, start, start + 200 * PAGE);
    expect(booted.machine.check()).toBe(0);
  });
});
