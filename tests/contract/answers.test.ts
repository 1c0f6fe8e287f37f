// protocol.md, "Answers": refusals, deadlines, owing subscribers, ends, nested calls.

import { describe, expect, test } from "vitest";
import { MAP_FIXED } from "../../src/constants.ts";
import type { Why } from "../../src/notifier/ops.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

const refuse = () => {
  throw new Error("busy here");
};

describe("a refuses (throws or rejects)", () => {
  test("nothing is unmapped, the error names it and carries why", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted, { name: "nic", answer: refuse });
    await subscriber.export(booted.mm, at(0));
    const error = await errorOf(booted.mm.munmap(...pages(0, 2)));
    expect(error).toMatchObject({ code: "EBUSY", holder: "nic", op: "munmap" });
    expect(error.cause).toEqual(new Error("busy here"));
    expect(error.message).toContain('"nic" refused: busy here');
    expect(strip(booted.mm, 2)).toBe("Ww");
  });

  test("rejecting later is the same", async () => {
    const booted = boot("ww");
    const { subscriber, diary } = hold(booted, { answer: async () => refuse() });
    await subscriber.export(booted.mm, at(0));
    expect(await errorOf(booted.mm.munmap(...pages(0, 2)))).toMatchObject({ code: "EBUSY" });
    expect(diary).toEqual(["unmap 0-2"]);
    expect(booted.machine.load.brackets).toBe(0);
  });

  test("signals of those at work abort, each is waited for, the freeze is lifted", async () => {
    const booted = boot("ww", { exportNotifiers: { parallel: true } });
    const [slow, quick] = [gate(), gate()];
    const a = hold(booted, { name: "slow", answer: () => slow.promise });
    const b = hold(booted, {
      name: "quick",
      async answer() {
        await quick.promise;
        refuse();
      },
    });
    await a.subscriber.export(booted.mm, at(0));
    await b.subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 2)));
    const signal = a.whys[0]?.signal;
    expect(signal?.aborted).toBe(false);
    quick.open();
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ holder: "quick" });
    expect([unmap.state, booted.machine.load.brackets]).toEqual(["pending", 1]);
    slow.open();
    await settle();
    expect([unmap.state, booted.machine.load.brackets]).toEqual(["EBUSY", 0]);
    expect(a.diary).toEqual(["unmap 0-2", "end aborted"]);
    expect(b.diary).toEqual(["unmap 0-2"]);
  });

  test("who accepted gets end({ committed: false }); their records are not restored", async () => {
    const booted = boot("ww");
    const diary: string[] = [];
    const first = hold(booted, { name: "first" }, diary);
    const second = hold(booted, { name: "second", answer: refuse }, diary);
    const third = hold(booted, { name: "third" }, diary);
    for (const { subscriber } of [first, second, third]) {
      await subscriber.export(booted.mm, at(0));
    }
    await errorOf(booted.mm.munmap(...pages(0, 2)));
    expect(diary).toEqual(["first unmap 0-2", "second unmap 0-2", "first end aborted"]);
    const counts = [first, second, third].map(({ subscriber }) => subscriber.exportedCount);
    expect(counts).toEqual([0, 1, 1]);
    await first.subscriber.export(booted.mm, at(0));
  });

  test("settled with a record left: accepted, gets end, the operation is EBUSY", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted, { letsGo: false });
    await subscriber.export(booted.mm, at(0));
    expect(await errorOf(booted.mm.munmap(...pages(0, 1)))).toMatchObject({
      code: "EBUSY",
      holder: "holder",
      address: at(0),
    });
    expect(diary).toEqual(["unmap 0-1", "end aborted"]);
  });
});

describe("end", () => {
  test("cannot veto; what it throws is reported, not thrown", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted, {
      end() {
        throw new Error("from end");
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(booted.reports).toEqual([{ error: new Error("from end"), where: "holder.end" }]);
    expect(strip(booted.mm, 1)).toBe(".");
  });

  test("is called after the freeze is lifted: it may map and export again", async () => {
    const booted = boot("w");
    const holder = hold(booted, {
      end() {
        booted.mm.mmapSync(at(0), PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
        holder.subscriber.exportSync(booted.mm, at(0), { write: true });
      },
    });
    await holder.subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(strip(booted.mm, 1)).toBe("W");
  });

  test("a promise that it returns is not waited for; its rejection is reported", async () => {
    const booted = boot("w");
    const end = async () => refuse();
    const { subscriber } = hold(booted, { end });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    await settle();
    expect(booted.reports.map(({ where }) => where)).toEqual(["holder.end"]);
  });
});

describe("every wait has a deadline", () => {
  test("default 10 s per subscriber: aborted, and the error names the late one", async () => {
    const booted = boot("w");
    const { subscriber, whys } = hold(booted, { name: "slow", answer: () => gate().promise });
    await subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.munmap(...pages(0, 1), { deadline: Number.POSITIVE_INFINITY });
    const state = watchPromise(unmap);
    await booted.clock.advance(9_999);
    expect(state.state).toBe("pending");
    await booted.clock.advance(1);
    expect(await errorOf(unmap)).toMatchObject({ code: "ETIMEDOUT", holder: "slow" });
    expect(whys[0]?.signal.aborted).toBe(true);
    expect(strip(booted.mm, 1)).toBe("W");
  });

  test("per subscriber, as it registered; and per call", async () => {
    const booted = boot("ww");
    const { subscriber } = hold(booted, { deadline: 300, answer: () => gate().promise });
    await subscriber.export(booted.mm, at(0));
    const first = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(300);
    expect(first.state).toBe("ETIMEDOUT");
    const other = hold(booted, { name: "other", answer: () => gate().promise });
    await other.subscriber.export(booted.mm, at(1));
    const second = watchPromise(booted.mm.munmap(...pages(1, 2), { deadline: 50 }));
    await booted.clock.advance(50);
    expect(second.state).toBe("ETIMEDOUT");
  });

  test("a call in the queue gives up at its deadline, and leaves the queue", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const queued = watchPromise(booted.mm.munmap(...pages(0, 2), { deadline: 100 }));
    await booted.clock.advance(100);
    expect([open.state, queued.state]).toEqual(["pending", "ETIMEDOUT"]);
    expect(booted.machine.load.waiting).toBe(0);
    sleeper.open();
    await settle();
    expect([open.state, strip(booted.mm, 2)]).toEqual(["done", ".w"]);
  });

  test("the caller may give up: nothing is changed, those at work are asked to stop", async () => {
    const booted = boot("w");
    const sleeper = gate();
    const { subscriber, whys, diary } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const controller = new AbortController();
    const unmap = booted.mm.munmap(...pages(0, 1), { signal: controller.signal });
    const state = watchPromise(unmap);
    controller.abort(new Error("changed my mind"));
    await settle();
    expect([state.state, whys[0]?.signal.aborted]).toEqual(["pending", true]);
    sleeper.open();
    expect((await errorOf(unmap)).message).toBe("changed my mind");
    expect(diary).toEqual(["unmap 0-1", "end aborted"]);
    expect(strip(booted.mm, 1)).toBe("w");
    const early = booted.mm.munmap(...pages(0, 1), {
      signal: AbortSignal.abort(new Error("no")),
    });
    expect((await errorOf(early)).message).toBe("no");
    expect(strip(booted.mm, 1)).toBe("w");
  });
});

test("given up inside the last callback, which accepts: it does not commit", async () => {
  const booted = boot("w");
  const controller = new AbortController();
  const { subscriber, diary } = hold(booted, { answer: () => controller.abort(new Error("no")) });
  await subscriber.export(booted.mm, at(0));
  const unmap = booted.mm.munmap(...pages(0, 1), { signal: controller.signal });
  expect((await errorOf(unmap)).message).toBe("no");
  expect([strip(booted.mm, 1), diary]).toEqual(["w", ["unmap 0-1", "end aborted"]]);
});

describe("a late subscriber stays owing", () => {
  async function late() {
    const booted = boot("www");
    const sleeper = gate();
    let lazy = true;
    const holder = hold(booted, {
      deadline: 100,
      letsGo: false,
      answer: () => (lazy ? sleeper.promise : undefined),
    });
    await holder.subscriber.export(booted.mm, at(0));
    await holder.subscriber.export(booted.mm, at(2));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 2)));
    await booted.clock.advance(100);
    expect(unmap.state).toBe("ETIMEDOUT");
    expect(holder.subscriber.isOwing).toBe(true);
    lazy = false;
    return { booted, ...holder, sleeper };
  }

  test("its end follows when it settles", async () => {
    const { diary, sleeper, subscriber } = await late();
    expect(diary).toEqual(["unmap 0-2"]);
    sleeper.open();
    await settle();
    expect(diary).toEqual(["unmap 0-2", "end aborted"]);
    expect(subscriber.isOwing).toBe(false);
  });

  test("one that settles by refusing gets none", async () => {
    const { diary, sleeper } = await late();
    sleeper.fail(new Error("too late anyway"));
    await settle();
    expect(diary).toEqual(["unmap 0-2"]);
  });

  test("later brackets that reach it wait for it first", async () => {
    const { booted, subscriber, diary, sleeper } = await late();
    subscriber.unexport(booted.mm, at(2));
    subscriber.watch(booted.mm);
    const next = watchPromise(booted.mm.munmap(...pages(2, 3)));
    await settle();
    expect([next.state, diary]).toEqual(["pending", ["unmap 0-2"]]);
    sleeper.open();
    await settle();
    expect(next.state).toBe("done");
    expect(diary).toEqual(["unmap 0-2", "end aborted", "unmap 2-3", "end done"]);
  });

  test("but not for ever: they time out without calling it", async () => {
    const { booted, diary } = await late();
    const next = booted.mm.munmap(...pages(2, 3));
    const failure = errorOf(next);
    await booted.clock.advance(100);
    expect(await failure).toMatchObject({ code: "ETIMEDOUT", holder: "holder" });
    expect(diary).toEqual(["unmap 0-2"]);
  });

  test("its unexports still count", async () => {
    const { booted, subscriber, sleeper } = await late();
    subscriber.unexport(booted.mm, at(0));
    expect(strip(booted.mm, 3)).toBe("wwW");
    booted.mm.munmapSync(...pages(0, 2));
    sleeper.open();
    await settle();
    expect(strip(booted.mm, 3)).toBe("..W");
  });
});

describe("nested calls from a callback go through why.machine", () => {
  test("they work: a callback may map, read and unmap elsewhere", async () => {
    const booted = boot("ww.w");
    const { subscriber } = hold(booted, {
      async answer(why) {
        const mm = why.machine.within(booted.mm);
        expect(why.mm?.id).toBe(mm.id);
        await mm.mmap(at(2), PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
        await mm.write(at(2), await mm.read(at(0), 4));
        await mm.munmap(...pages(3, 4));
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(strip(booted.mm, 4)).toBe(".ww.");
    expect(booted.mm.readSync(at(2), 1)[0]).toBe(1);
  });

  test("an export that carries it does not wait either, whoever's export it is", async () => {
    const booted = boot("w");
    const codes: (string | undefined)[] = [];
    const other = hold(booted, { name: "other" });
    const { subscriber } = hold(booted, {
      async answer(why) {
        const mm = why.machine.within(booted.mm);
        codes.push((await errorOf(other.subscriber.export(mm, at(0)))).code);
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    expect(codes).toEqual(["EAGAIN"]);
  });

  test("what they carry ends with the bracket: afterwards they wait like anybody", async () => {
    const booted = boot("www");
    const { subscriber, whys } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 1));
    const mm = whys[0]?.machine.within(booted.mm);
    const sleeper = gate();
    const other = hold(booted, { name: "other", answer: () => sleeper.promise });
    await other.subscriber.export(booted.mm, at(1));
    const open = booted.mm.munmap(...pages(1, 2));
    const state = watchPromise(subscriber.export(mm ?? booted.mm, at(1)));
    await settle();
    expect(state.state).toBe("pending");
    sleeper.open();
    await open;
    await settle();
    expect(state.state).toBe("SIGSEGV");
  });

  //   munmap [0,2) ── callback ── munmap [1,3) waits for munmap [0,2): for ever
  test("a cycle of waits through it is EDEADLK at once", async () => {
    const booted = boot("www");
    const codes: (string | undefined)[] = [];
    const { subscriber } = hold(booted, {
      async answer(why) {
        const mm = why.machine.within(booted.mm);
        codes.push((await errorOf(mm.munmap(...pages(1, 3)))).code);
        codes.push((await errorOf(mm.exit())).code);
        codes.push((await errorOf(mm.fork())).code);
      },
    });
    await subscriber.export(booted.mm, at(0));
    await booted.mm.munmap(...pages(0, 2));
    expect(codes).toEqual(["EDEADLK", "EDEADLK", "EDEADLK"]);
    expect(strip(booted.mm, 3)).toBe("..w");
  });

  //   A: munmap [0,1) ── a's callback ── munmap [2,3)  waits for B
  //   B: munmap [2,3) ── b's callback ── munmap [0,1)  would wait for A: EDEADLK
  test("also through two brackets", async () => {
    const booted = boot("www");
    const start = gate();
    const codes: (string | undefined)[] = [];
    const crossing = (page: number) => async (why: Why) => {
      await start.promise;
      const mm = why.machine.within(booted.mm);
      codes.push(
        await mm.munmap(...pages(page, page + 1)).then(
          () => "done",
          (error: { code: string }) => error.code,
        ),
      );
    };
    const a = hold(booted, { name: "a", answer: crossing(2) });
    const b = hold(booted, { name: "b", answer: crossing(0) });
    await a.subscriber.export(booted.mm, at(0));
    await b.subscriber.export(booted.mm, at(2));
    const both = [booted.mm.munmap(...pages(0, 1)), booted.mm.munmap(...pages(2, 3))];
    start.open();
    await Promise.all(both);
    expect(codes.sort()).toEqual(["EDEADLK", "done"]);
    expect(strip(booted.mm, 3)).toBe(".w.");
  });

  test("calls that do not carry it wait like anybody else's, until their deadline", async () => {
    const booted = boot("ww");
    const codes: (string | undefined)[] = [];
    const { subscriber } = hold(booted, {
      async answer() {
        const call = booted.mm.munmap(...pages(0, 2), { deadline: 50 });
        codes.push((await errorOf(call)).code);
      },
    });
    await subscriber.export(booted.mm, at(0));
    const unmap = watchPromise(booted.mm.munmap(...pages(0, 1)));
    await booted.clock.advance(50);
    expect([codes, unmap.state]).toEqual([["ETIMEDOUT"], "done"]);
  });
});
