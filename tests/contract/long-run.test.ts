// A machine that runs for long keeps nothing of what is over: no space, subscriber, file, bracket,
// waiter, timer, nor listener.

import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import { at, type Booted, boot, draw, PAGE, pages, READ_WRITE, range } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { hold, watchPromise } from "../support/holder.ts";

const ROUNDS = 200;

function sizes({ core, machine, clock }: Booted, signal: AbortSignal) {
  return {
    spaces: core.spaces.size,
    buried: core.buried.size,
    members: core.members.size,
    files: core.files.size + core.sharedMemory.size,
    brackets: core.brackets.size,
    waiting: machine.load.waiting,
    nested: core.nestedCalls,
    timers: clock.armed,
    listeners: getEventListeners(signal, "abort").length,
    free: machine.frames.free,
  };
}

/** All that a life has: mappings, a file, exports, refusals, waits, nested calls, exit. */
async function live(booted: Booted, signal: AbortSignal, round: number): Promise<void> {
  const { machine, clock } = booted;
  const mm = machine.createMm();
  draw(mm, "wwww");
  const file = machine.createFile({ size: PAGE });
  await mm.mmap(at(4), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  let turn = 0;
  const { subscriber } = hold(booted, {
    deadline: 10,
    async answer(why) {
      turn++;
      if (turn === 1) throw new Error("no");
      await why.mm?.read(at(3), 1);
      await why.machine.within(booted.mm).munmap(at(9), PAGE);
    },
  });
  await subscriber.exportRange(mm, ...range(0, 5));
  subscriber.watch(mm);
  for (let again = 0; again < 2; again++) {
    const both = [1, 2].map(() => watchPromise(mm.munmap(...pages(0, 1), { signal })));
    await settle();
    expect(both.map(({ state }) => state)).not.toContain("pending");
  }
  const child = await mm.fork({ signal });
  await child.exit();
  subscriber.unexport(mm, at(4));
  await file.punch(0, PAGE, { signal });
  file.release();
  if (round % 2 === 0) machine.exportNotifiers.fence(subscriber);
  await mm.exit();
  await machine.exportNotifiers.unregister(subscriber);
  await clock.advance(20);
}

test("nothing is left of what is over", async () => {
  const booted = boot("");
  const { signal } = new AbortController();
  for (let round = 0; round < 4; round++) await live(booted, signal, round);
  const before = sizes(booted, signal);
  for (let round = 0; round < ROUNDS; round++) await live(booted, signal, round);
  expect(sizes(booted, signal)).toEqual(before);
  expect(booted.machine.check()).toBe(0);
  expect(booted.machine.mms).toEqual([booted.mm]);
});
