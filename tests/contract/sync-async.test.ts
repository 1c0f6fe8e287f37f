// protocol.md, "Sync and async".

import { describe, expect, test } from "vitest";
import {
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_POPULATE,
  PROT_NONE,
  PROT_READ,
} from "../../src/constants.ts";
import {
  at,
  type Booted,
  boot,
  PAGE,
  PRIVATE,
  pages,
  pattern,
  READ_WRITE,
  range,
  strip,
} from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
    return "done";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("a sync call fails with EAGAIN, before any callback", () => {
  test("if a plan in conflict is open", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber, diary } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = booted.mm.munmap(...pages(0, 1));
    expect(codeOf(() => booted.mm.munmapSync(...pages(0, 2)))).toBe("EAGAIN");
    expect(diary).toEqual(["unmap 0-1"]);
    sleeper.open();
    await open;
  });

  test("if a plan in conflict is only queued", async () => {
    const booted = boot("wwww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = booted.mm.munmap(...pages(0, 1));
    const queued = booted.mm.mprotect(...pages(0, 3), PROT_NONE);
    queued.catch(() => {});
    expect(codeOf(() => booted.mm.munmapSync(...pages(2, 3)))).toBe("EAGAIN");
    expect(codeOf(() => booted.mm.munmapSync(...pages(3, 4)))).toBe("done");
    sleeper.open();
    await open;
    expect((await errorOf(queued)).code).toBe("ENOMEM");
  });

  test("if a subscriber it reaches is not declared sync, though others are", async () => {
    const booted = boot("ww");
    const diary: string[] = [];
    const one = hold(booted, { name: "one", sync: true }, diary);
    const two = hold(booted, { name: "two" }, diary);
    await one.subscriber.export(booted.mm, at(0));
    await two.subscriber.export(booted.mm, at(0));
    expect(() => booted.mm.munmapSync(...pages(0, 2))).toThrow(
      /EAGAIN.*"two" is not declared sync/,
    );
    expect(diary).toEqual([]);
    expect(strip(booted.mm, 2)).toBe("Ww");
    two.subscriber.release();
    booted.mm.munmapSync(...pages(0, 2));
    expect(diary).toEqual(["one unmap 0-2", "one end done"]);
    expect(strip(booted.mm, 2)).toBe("..");
  });

  test("if a subscriber it reaches owes an answer", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    let lazy = true;
    const { subscriber } = hold(booted, {
      sync: true,
      answer: () => (lazy ? sleeper.promise : undefined),
    });
    await subscriber.exportRange(booted.mm, ...range(0, 2));
    expect(codeOf(() => booted.mm.munmapSync(...pages(0, 1)))).toBe("EAGAIN");
    lazy = false;
    expect(() => booted.mm.munmapSync(...pages(1, 2))).toThrow(/owes an answer/);
    sleeper.open();
    await settle();
    expect(codeOf(() => booted.mm.munmapSync(...pages(1, 2)))).toBe("done");
  });
});

test("a declared one returns a thenable: abort, EAGAIN, its end when that settles", async () => {
  const booted = boot("ww");
  const sleeper = gate();
  const { subscriber, diary, whys } = hold(booted, { sync: true, answer: () => sleeper.promise });
  await subscriber.export(booted.mm, at(0));
  expect(() => booted.mm.munmapSync(...pages(0, 2))).toThrow(/EAGAIN.*promise/);
  expect(whys[0]?.canWait).toBe(false);
  expect(whys[0]?.signal.aborted).toBe(true);
  expect(diary).toEqual(["unmap 0-2"]);
  expect(strip(booted.mm, 2)).toBe("Ww");
  sleeper.open();
  await settle();
  expect(diary).toEqual(["unmap 0-2", "end aborted"]);
});

test("who accepted before it gets its end at once", () => {
  const booted = boot("ww");
  const diary: string[] = [];
  const sleeper = gate();
  const polite = hold(booted, { name: "polite", sync: true }, diary);
  const liar = hold(booted, { name: "liar", sync: true, answer: () => sleeper.promise }, diary);
  polite.subscriber.exportSync(booted.mm, at(0));
  liar.subscriber.exportSync(booted.mm, at(0));
  expect(codeOf(() => booted.mm.munmapSync(...pages(0, 1)))).toBe("EAGAIN");
  expect(diary).toEqual(["polite unmap 0-1", "liar unmap 0-1", "polite end aborted"]);
});

describe("an async call that needs no wait has committed when it returns its promise", () => {
  test("when nothing is exported", () => {
    const booted = boot("ww");
    const promise = booted.mm.munmap(...pages(0, 1));
    expect(strip(booted.mm, 2)).toBe(".w");
    return promise;
  });

  test("when every subscriber answers at once, sync or not", async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    const promise = booted.mm.munmap(...pages(0, 1));
    expect(diary).toEqual(["unmap 0-1", "end done"]);
    expect(strip(booted.mm, 2)).toBe(".w");
    await promise;
  });

  test("also all at once, also a fork, also a read", async () => {
    const booted = boot("w_", { exportNotifiers: { parallel: true } });
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0), { write: true });
    const fork = booted.mm.fork();
    expect(booted.machine.mms).toHaveLength(2);
    const read = booted.mm.write(at(1), pattern(0, 1));
    expect(strip(booted.mm, 2)).toBe("Rw");
    await Promise.all([fork, read]);
  });
});

describe("that is so of calls in several steps, too", () => {
  const KINDS: Record<string, (booted: Booted) => Promise<() => void>> = {
    "on a quiet machine": async () => () => {},
    "with a trace": async ({ machine }) => {
      machine.trace.start();
      return () => machine.trace.stop();
    },
    "while others wait for each other elsewhere": async (booted) => {
      const sleeper = gate();
      const { subscriber } = hold(booted, { answer: () => sleeper.promise });
      await subscriber.export(booted.mm, at(7));
      const ends = [booted.mm.munmap(...pages(7, 8)), booted.mm.munmap(...pages(7, 8))];
      expect(booted.machine.load).toEqual({ brackets: 1, waiting: 1 });
      return async () => {
        sleeper.open();
        await Promise.all(ends);
      };
    },
  };

  test.each(Object.keys(KINDS))("%s", async (kind) => {
    const booted = boot("___.ww.w");
    const { mm, machine } = booted;
    const end = await KINDS[kind]?.(booted);
    const holder = booted.register({});
    const calls: Promise<unknown>[] = [mm.write(at(0), pattern(0, 3 * PAGE))];
    expect(strip(mm, 7)).toBe("www.ww.");
    calls.push(holder.exportRange(mm, ...range(0, 3)));
    expect([strip(mm, 7), holder.exportedCount]).toEqual(["WWW.ww.", 3]);
    calls.push(mm.mmap(at(3), PAGE, READ_WRITE, PRIVATE | MAP_FIXED | MAP_POPULATE));
    expect(strip(mm, 7)).toBe("WWWwww.");
    calls.push(mm.madvise(...pages(4, 6), MADV_DONTNEED), mm.mlock(...pages(4, 6)));
    expect(strip(mm, 7)).toBe("WWWwww.");
    const file = machine.createFile({});
    calls.push(file.write(0, pattern(0, 3 * PAGE)));
    expect(file.size).toBe(3 * PAGE);
    const child = machine.createMm();
    calls.push(child.exit());
    expect(child.isAlive).toBe(false);
    await Promise.all(calls);
    await end?.();
  });
});

describe("reads and writes of several pages are not atomic", () => {
  test("an error carries how many bytes were done", async () => {
    const booted = boot("ww.");
    const start = at(0) + 100;
    for (const run of [
      () => booted.mm.write(start, pattern(0, 3 * PAGE)),
      () => booted.mm.read(start, 3 * PAGE),
    ]) {
      const error = await errorOf(run());
      expect(error).toMatchObject({ code: "SIGSEGV", done: 2 * PAGE - 100, address: at(2) });
    }
    try {
      booted.mm.readSync(start, 3 * PAGE);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ siCode: "SEGV_MAPERR", done: 2 * PAGE - 100, op: "read" });
    }
  });

  test("a sync write that meets a freeze in its middle says how far it came", async () => {
    const booted = boot("ww");
    const child = booted.mm.forkSync();
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(1));
    try {
      booted.mm.writeSync(at(0), pattern(5, 2 * PAGE));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "EAGAIN", done: PAGE, op: "write" });
    }
    expect(booted.mm.readSync(at(0), 1)).toEqual(pattern(5, 1));
    expect(child.readSync(at(0), 1)).toEqual(pattern(0, 1));
  });
});

test("one body, two drivers: the order of callbacks is the same", async () => {
  const runs = await Promise.all(
    [true, false].map(async (sync) => {
      const booted = boot("wwww");
      const diary: string[] = [];
      for (const name of ["a", "b"]) {
        const { subscriber } = hold(booted, { name, sync: true }, diary);
        subscriber.exportRangeSync(booted.mm, ...range(0, 4), { write: true });
      }
      if (sync) {
        booted.mm.forkSync();
        booted.mm.mprotectSync(...pages(1, 2), PROT_READ);
        booted.mm.munmapSync(...pages(0, 4));
      } else {
        await booted.mm.fork();
        await booted.mm.mprotect(...pages(1, 2), PROT_READ);
        await booted.mm.munmap(...pages(0, 4));
      }
      return diary;
    }),
  );
  expect(runs[0]).toEqual(runs[1]);
  expect(runs[0]?.length).toBeGreaterThan(6);
});

test("a call that failed leaves nothing open and nobody waiting", async () => {
  const booted = boot("ww");
  const { subscriber } = hold(booted, { letsGo: false });
  await subscriber.export(booted.mm, at(0));
  const state = watchPromise(booted.mm.munmap(...pages(0, 1)));
  await settle();
  expect(state.state).toBe("EBUSY");
  expect(booted.machine.load).toEqual({ brackets: 0, waiting: 0 });
});
