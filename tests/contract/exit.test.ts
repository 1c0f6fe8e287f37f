// protocol.md, "Answers": exit cannot be refused.

import { describe, expect, test } from "vitest";
import type { Mm } from "../../src/mm.ts";
import { at, boot, draw, MIB, PAGE, pages, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { gate } from "../support/sleeper.ts";

describe("exit cannot be refused", () => {
  test("new and queued calls on the mm fail with ESRCH", async () => {
    const booted = boot("ww");
    const sleeper = gate();
    const { subscriber } = hold(booted, { answer: () => sleeper.promise });
    await subscriber.export(booted.mm, at(0));
    const open = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const queued = watchPromise(booted.mm.munmap(...pages(0, 2)));
    const exit = watchPromise(booted.mm.exit());
    await settle();
    expect(queued.state).toBe("ESRCH");
    expect(await errorOf(booted.mm.mmap(0, PAGE, 3, 0x22))).toMatchObject({ code: "ESRCH" });
    expect(() => booted.mm.readSync(at(0), 1)).toThrow(/ESRCH/);
    expect(await errorOf(booted.mm.exit())).toMatchObject({ code: "ESRCH" });
    expect(exit.state).toBe("pending");
    sleeper.open();
    await settle();
    expect([open.state, exit.state]).toEqual(["ESRCH", "done"]);
  });

  test("the signals of open brackets abort and they settle or time out", async () => {
    const booted = boot("ww");
    const { subscriber, whys, diary } = hold(booted, {
      deadline: 200,
      invalidateProcessRange: (_mm, _start, _end, why) => {
        whys.push(why);
        return gate().promise;
      },
    });
    await subscriber.export(booted.mm, at(0));
    const open = watchPromise(booted.mm.munmap(...pages(0, 1)));
    const exit = watchPromise(booted.mm.exit());
    expect(whys[0]?.signal.aborted).toBe(true);
    await booted.clock.advance(199);
    expect(exit.state).toBe("pending");
    await booted.clock.advance(1);
    expect(open.state).toMatch(/ETIMEDOUT|ESRCH/);
    await booted.clock.advance(200);
    expect(exit.state).toBe("done");
    expect(diary).toEqual([]);
  });

  test("then release(mm) to who has a record or a watch, before anything is freed", async () => {
    const booted = boot("ww");
    const diary: string[] = [];
    const free = booted.machine.frames.free;
    const frames: number[] = [];
    const answer = async () => {
      await null;
      frames.push(booted.machine.frames.free - free);
    };
    const holder = hold(booted, { name: "holder", answer }, diary);
    const watcher = hold(booted, { name: "watcher", answer }, diary);
    hold(booted, { name: "stranger", answer }, diary);
    await holder.subscriber.export(booted.mm, at(0));
    watcher.subscriber.watch(booted.mm);
    frames.length = 0;
    const before = booted.machine.frames.free;
    expect(await booted.mm.exit()).toEqual({ quarantined: 0 });
    expect(diary).toEqual([
      "holder release",
      "watcher release",
      "watcher end done",
      "holder end done",
    ]);
    expect(frames.every((grown) => grown + free <= before + 1)).toBe(true);
    expect(booted.machine.frames.free).toBeGreaterThan(before + 1);
  });

  test("who throws is reported; who is late is owing; both are quarantined", async () => {
    const booted = boot("www");
    const thrower = hold(booted, {
      name: "thrower",
      release() {
        throw new Error("never");
      },
    });
    const sleeper = gate();
    const late = hold(booted, { name: "late", deadline: 5, release: () => sleeper.promise });
    await thrower.subscriber.export(booted.mm, at(0), { write: true });
    await late.subscriber.exportRange(booted.mm, ...range(1, 3));
    const exit = booted.mm.exit();
    await booted.clock.advance(5);
    expect(await exit).toEqual({ quarantined: 3 });
    expect(booted.reports.map(({ where }) => where)).toEqual(["thrower.release", "late.release"]);
    expect(booted.machine.quarantined).toBe(3);
    expect([...thrower.subscriber.exported()][0]).toMatchObject({ address: at(0), write: true });
    thrower.subscriber.unexport(booted.mm, at(0));
    expect(booted.machine.quarantined).toBe(2);
    booted.machine.exportNotifiers.fence(late.subscriber);
    expect(booted.machine.quarantined).toBe(0);
    expect(booted.machine.check()).toBe(0);
  });

  test("a quarantined frame is never reused, and comes back when it is let go", async () => {
    const booted = boot("w", { memory: MIB });
    const { subscriber } = hold(booted, { letsGo: false });
    const page = await subscriber.export(booted.mm, at(0), { write: true });
    await booted.mm.exit();
    page.bytes.fill(0xee);
    const { free } = booted.machine.frames;
    const other = booted.machine.createMm();
    const big = other.mmapSync(0, 1000 * 1024, 3, 0x22);
    const fill = () => {
      for (let offset = 0; offset < 1000 * 1024; offset += PAGE) {
        expect(other.faultSync(big + offset, { write: true })).not.toBe(page.pfn);
      }
    };
    expect(fill).toThrow(/ENOMEM/);
    expect(page.bytes.every((byte) => byte === 0xee)).toBe(true);
    other.exitSync();
    expect(subscriber.release()).toBe(1);
    expect(booted.machine.frames.free).toBeGreaterThan(free);
    expect(booted.machine.check()).toBe(0);
  });

  test("a quarantined frame does not block other mms", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted, { letsGo: false });
    const child = await booted.mm.fork();
    await subscriber.export(booted.mm, at(0));
    expect(await booted.mm.exit()).toEqual({ quarantined: 1 });
    const told = diary.length;
    await child.write(at(0), Uint8Array.of(1));
    await child.munmap(...pages(0, 1));
    await child.exit();
    expect(diary).toHaveLength(told);
  });

  test("exitSync: EAGAIN, nothing changed, where it would have to wait", async () => {
    const booted = boot("w");
    const { subscriber } = hold(booted);
    await subscriber.export(booted.mm, at(0));
    expect(() => booted.mm.exitSync()).toThrow(/EAGAIN/);
    expect([booted.mm.isAlive, strip(booted.mm, 1)]).toEqual([true, "W"]);
    subscriber.release();
    expect(booted.mm.exitSync()).toEqual({ quarantined: 0 });
    expect(booted.mm.isAlive).toBe(false);
    expect(() => booted.mm.maps()).toThrow(/ESRCH/);
  });

  test("a child starts without records, without watches", async () => {
    const booted = boot("w");
    const { subscriber, diary } = hold(booted);
    subscriber.watch(booted.mm);
    await subscriber.export(booted.mm, at(0));
    const child = await booted.mm.fork();
    diary.length = 0;
    expect(strip(child, 1)).toBe("r");
    await child.munmap(...pages(0, 1));
    await child.exit();
    expect(diary).toEqual([]);
  });
});

describe("exit that would wait for itself", () => {
  test("behind a queued call that waits for the callback: EDEADLK, and it lives on", async () => {
    const booted = boot("ww");
    const other = booted.machine.createMm();
    const pfn = booted.mm.page(at(0))?.pfn ?? 0;
    const codes: string[] = [];
    const sleeper = gate();
    const { subscriber } = hold(booted, {
      async answer(why) {
        await sleeper.promise;
        const error = await errorOf(why.machine.within(other).exit());
        codes.push(error.code ?? String(error));
      },
    });
    await subscriber.export(booted.mm, at(0));
    const unmap = booted.mm.munmap(...pages(0, 1));
    const migrate = booted.machine.migrate(pfn);
    migrate.catch(() => {});
    expect(booted.machine.load).toEqual({ brackets: 1, waiting: 1 });
    sleeper.open();
    await unmap;
    await migrate.catch(() => {});
    expect([codes, other.isAlive]).toEqual([["EDEADLK"], true]);
    expect(await other.exit()).toEqual({ quarantined: 0 });
  });
});

test("an address space that has left nothing behind is forgotten", async () => {
  const booted = boot("w");
  const spaces = () => [...booted.core.spaces.values()].length;
  const { subscriber } = hold(booted, { letsGo: false });
  const keeper = hold(booted, { name: "keeper", letsGo: false });
  const kept = booted.machine.createMm();
  draw(kept, "w");
  await keeper.subscriber.export(kept, at(0));
  await kept.exit();
  const before = spaces();
  for (const leave of [
    (mm: Mm) => subscriber.unexport(mm, at(0)),
    () => subscriber.release(),
    () => booted.machine.exportNotifiers.fence(subscriber),
  ]) {
    const mm = booted.machine.createMm();
    draw(mm, "w");
    await subscriber.export(mm, at(0));
    expect(await mm.exit()).toEqual({ quarantined: 1 });
    leave(mm);
  }
  const last = booted.machine.createMm();
  await last.exit();
  expect(spaces()).toBe(before);
  expect([...keeper.subscriber.exported()][0]?.mm).toBe(kept);
});
