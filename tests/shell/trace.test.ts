// The trace: free when off, bounded when on, readable by Chrome.

import { expect, test } from "vitest";
import { at, boot, pages, strip } from "../support/boot.ts";
import { errorOf, hold } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

test("off, nothing is kept", async () => {
  const { machine, mm } = boot("ww");
  await mm.munmap(...pages(0, 1));
  expect([machine.trace.isOn, machine.trace.events()]).toEqual([false, []]);
});

test("on, calls and callbacks are kept with their times and results", async () => {
  const booted = boot("ww");
  const { machine, mm, clock } = booted;
  const sleeper = gate();
  const { subscriber } = hold(booted, { name: "nic", answer: () => sleeper.promise });
  await subscriber.export(mm, at(0));
  machine.trace.start();
  mm.munmapSync(...pages(1, 2));
  const unmap = mm.munmap(...pages(0, 1));
  await clock.advance(25);
  expect(machine.trace.events().at(-1)).toMatchObject({ duration: null, result: null });
  sleeper.open();
  await unmap;
  machine.trace.stop();
  await mm.mmap(at(0), 4096, 3, 0x22);
  expect(
    machine.trace.events().map(({ name, result, duration }) => [name, result, duration]),
  ).toEqual([
    ["munmap", "done", 0],
    ["munmap", "done", 25],
    ["nic.invalidateProcessRange", "accepted", 25],
  ]);
});

test("what failed says how", async () => {
  const booted = boot("w", { trace: true });
  const { subscriber } = hold(booted, {
    answer() {
      throw new Error("no");
    },
  });
  await subscriber.export(booted.mm, at(0));
  booted.machine.trace.clear();
  await errorOf(booted.mm.munmap(...pages(0, 1)));
  const results = booted.machine.trace.events().map(({ name, result }) => `${name} ${result}`);
  expect(results).toContain("holder.invalidateProcessRange refused");
  expect(results).toContain("munmap failed");
});

test("the ring is bounded and says how many it lost", () => {
  const { machine, mm } = boot("w", { trace: 8 });
  for (let round = 0; round < 50; round++) mm.madviseSync(...pages(0, 1), 0);
  const events = machine.trace.events();
  expect(events).toHaveLength(8);
  const ids = events.map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(machine.trace.lost).toBe(ids[0] === undefined ? -1 : ids[0] - 1);
});

test("as a Chrome trace: microseconds, complete events, plain JSON", async () => {
  const { machine, mm, clock } = boot("w", { trace: true });
  await clock.advance(3);
  machine.trace.clear();
  mm.munmapSync(...pages(0, 1));
  const trace = JSON.parse(JSON.stringify(machine.trace.toChromeTrace()));
  expect(trace.traceEvents).toEqual([
    {
      name: "munmap",
      cat: "call",
      ph: "X",
      ts: 3000,
      dur: 0,
      pid: 1,
      tid: 1,
      args: { result: "done" },
    },
  ]);
  expect(strip(mm, 1)).toBe(".");
});

test("a call that was under way when the trace was cleared ends no other event", async () => {
  const booted = boot("ww", { trace: true });
  const sleeper = gate();
  const { subscriber } = hold(booted, { answer: () => sleeper.promise });
  await subscriber.export(booted.mm, at(0));
  const { trace } = booted.machine;
  trace.clear();
  const unmap = booted.mm.munmap(...pages(0, 1));
  expect(trace.events().map(({ name }) => name)).toEqual([
    "munmap",
    "holder.invalidateProcessRange",
  ]);
  trace.clear();
  expect([trace.events(), trace.lost]).toEqual([[], 0]);
  for (const name of ["one", "two"]) trace.begin(name, "call");
  sleeper.open();
  await unmap;
  expect(trace.events().map(({ result }) => result)).toEqual([null, null]);
});
