// When the backing fails, is late, or lies: does the right call hear of it, once, and is nothing
// lost?

import { describe, expect, test } from "vitest";
import type { Backing } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import { MADV_POPULATE_READ, MAP_FIXED, MAP_SHARED, MS_SYNC } from "../../src/constants.ts";
import { MemoryError } from "../../src/errors.ts";
import { failingBacking, type Question } from "../support/backings.ts";
import { at, BASE, boot, PAGE, pages, pattern, READ_WRITE } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { FileHistory } from "../support/file-history.ts";
import { errorOf, watchPromise } from "../support/holder.ts";
import { recordingBacking } from "../support/power-cut.ts";
import { prng, SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";

const EIO = Object.assign(new Error("the disk is broken"), { code: "EIO" });
const FULL = Object.assign(new Error("the disk is full"), { code: "ENOSPC" });

/** A file of eight pages whose backing a test can break: `broken` is asked before every call. */
async function open() {
  const inner = memoryBacking();
  inner.write(0, pattern(0, 8 * PAGE));
  const state: { broken: ((question: Question, position: number) => unknown) | null } = {
    broken: null,
  };
  const ask = <T>(question: Question, position: number, work: () => T): T | Promise<T> => {
    const answer = state.broken?.(question, position);
    return answer instanceof Promise ? answer.then(work) : work();
  };
  const backing: Backing = {
    read: (position, into) => ask("read", position, () => inner.read(position, into)),
    write: (position, from) => ask("write", position, () => inner.write(position, from)),
    size: () => inner.size(),
    truncate: (bytes) => ask("truncate", bytes, () => inner.truncate(bytes)),
    sync: () => ask("sync", 0, () => undefined),
  };
  const booted = boot("");
  const file = await booted.machine.openFile({ backing });
  booted.mm.mmapSync(BASE, 8 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  return { ...booted, inner, file, state };
}

/** Fails the calls of one kind with `error`. */
function failing(kind: Question, error: Error) {
  return (question: Question) => {
    if (question === kind) throw error;
  };
}

describe("a read that fails", () => {
  test("is SIGBUS by address, EIO by call; and it can be read again", async () => {
    const { mm, file, state, machine } = await open();
    state.broken = failing("read", EIO);
    expect(await errorOf(mm.read(at(1), 1))).toMatchObject({ code: "SIGBUS", cause: EIO });
    expect(await errorOf(file.read(0, 1))).toMatchObject({ code: "EIO", cause: EIO });
    expect(() => mm.writeSync(at(1), Uint8Array.of(1))).toThrow(/SIGBUS/);
    expect(await errorOf(file.write(1, Uint8Array.of(1)))).toMatchObject({ code: "EIO" });
    const populate = mm.madvise(...pages(0, 2), MADV_POPULATE_READ);
    expect(await errorOf(populate)).toMatchObject({ code: "EFAULT" });
    expect(await errorOf(mm.mlock(...pages(0, 2)))).toMatchObject({ code: "ENOMEM" });
    state.broken = null;
    expect(mm.readSync(at(1), 1)[0]).toBe(2);
    expect(machine.check()).toBe(0);
  });

  test("ahead of what is wanted takes nothing away", async () => {
    const { mm, state } = await open();
    let count = 0;
    state.broken = (question) => {
      if (question === "read" && count++ === 0) throw EIO;
    };
    expect(mm.readSync(at(0), 1)[0]).toBe(1);
    expect(mm.readSync(at(1), 1)[0]).toBe(2);
    expect(count).toBe(3);
  });

  test("a short one is an error too", async () => {
    const { mm, inner, machine } = await open();
    inner.truncate(6 * PAGE + 7);
    expect(mm.readSync(at(5), 1)[0]).toBe(6);
    const error = await errorOf(mm.read(at(6), 1));
    expect(error).toMatchObject({ code: "SIGBUS" });
    expect(error.message).toContain("of 4096 bytes at 24576, 7 were there");
    expect(machine.check()).toBe(0);
  });

  test("one that never ends: the caller gives up, and the page comes later", async () => {
    const { mm, state, clock } = await open();
    const late = gate();
    state.broken = () => late.promise;
    const reading = watchPromise(mm.read(at(2), 1, { deadline: 50 }));
    await clock.advance(50);
    expect(reading.state).toBe("ETIMEDOUT");
    late.open();
    await settle();
    expect(mm.readSync(at(2), 1)[0]).toBe(3);
  });
});

describe("a write that fails", () => {
  test.each([
    ["EIO", EIO],
    ["ENOSPC", FULL],
  ])("%s: the sync says so, once, and the next one stores it", async (code, error) => {
    const { file, state, machine, inner } = await open();
    await file.write(PAGE, new Uint8Array(PAGE).fill(9));
    state.broken = failing("write", error);
    expect(await errorOf(file.sync())).toMatchObject({ code, cause: error, op: "fsync" });
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 1, nr_writeback: 0, nr_written: 0 });
    state.broken = null;
    await file.sync();
    const bytes = new Uint8Array(PAGE);
    inner.read(PAGE, bytes);
    expect(bytes).toEqual(new Uint8Array(PAGE).fill(9));
    expect(machine.check()).toBe(0);
  });

  test("in the background: the next msync says so, and the one after it does not", async () => {
    const { mm, state, machine } = await open();
    await mm.write(at(3), Uint8Array.of(9));
    state.broken = failing("write", EIO);
    expect(await machine.writeback()).toBe(0);
    state.broken = null;
    expect(await errorOf(mm.msync(at(0), PAGE, MS_SYNC))).toMatchObject({
      code: "EIO",
      op: "msync",
    });
    await mm.msync(at(0), 8 * PAGE, MS_SYNC);
    expect(machine.vmstat().nr_dirty).toBe(0);
  });

  test("not made durable: what was written is written again", async () => {
    const { file, state, machine } = await open();
    await file.write(PAGE, Uint8Array.of(9));
    state.broken = failing("sync", EIO);
    expect(await errorOf(file.sync())).toMatchObject({ code: "EIO" });
    expect(machine.vmstat().nr_dirty).toBe(1);
    state.broken = null;
    await file.sync();
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 0, nr_written: 2 });
  });

  test("never ends: ETIMEDOUT, and whenever it ends the bytes are stored", async () => {
    const { file, state, clock, machine, inner } = await open();
    await file.write(0, new Uint8Array(PAGE).fill(9));
    const late = gate();
    state.broken = (question) => (question === "write" ? late.promise : undefined);
    const first = watchPromise(file.sync({ deadline: 50 }));
    const second = watchPromise(file.sync({ deadline: 80 }));
    const cut = watchPromise(file.truncate(0, { deadline: 90 }));
    await clock.advance(100);
    expect([first.state, second.state, cut.state]).toEqual(["ETIMEDOUT", "ETIMEDOUT", "ETIMEDOUT"]);
    expect([file.size, file.readSync(0, 1)[0]]).toEqual([8 * PAGE, 9]);
    expect(machine.vmstat()).toMatchObject({ nr_dirty: 0, nr_writeback: 1 });
    late.open();
    await settle();
    await file.sync();
    const bytes = new Uint8Array(1);
    inner.read(0, bytes);
    expect([bytes[0], machine.vmstat().nr_writeback, machine.load.waiting]).toEqual([9, 0, 0]);
  });

  test("who gives up by a signal leaves what was begun to go on", async () => {
    const { file, state } = await open();
    await file.write(0, Uint8Array.of(9));
    const late = gate();
    state.broken = (question) => (question === "write" ? late.promise : undefined);
    const controller = new AbortController();
    const syncing = watchPromise(file.sync({ signal: controller.signal }));
    await settle();
    controller.abort(Object.assign(new Error("enough"), { code: "enough" }));
    await settle();
    expect(syncing.state).toBe("enough");
    late.open();
    await settle();
    await file.sync();
  });

  test("a cut that fails keeps anything from being stored beyond it", async () => {
    const { file, state, inner, machine } = await open();
    file.truncateSync(PAGE);
    file.writeSync(4 * PAGE, Uint8Array.of(9));
    state.broken = failing("truncate", EIO);
    expect(await errorOf(file.sync())).toMatchObject({ code: "EIO" });
    const bytes = new Uint8Array(1);
    inner.read(4 * PAGE, bytes);
    expect([bytes[0], machine.vmstat().nr_dirty]).toEqual([5, 1]);
    state.broken = null;
    await file.sync();
    const all = new Uint8Array(inner.size());
    inner.read(0, all);
    expect(all).toEqual(file.readSync(0, file.size));
  });
});

describe("whatever fails", () => {
  const kinds: readonly Question[] = ["read", "write", "truncate", "sync"];

  test(`at the n-th call of any kind: it is said, nothing is lost (SEED=${SEED})`, async () => {
    const random = prng(SEED);
    for (let run = 0; run < 24; run++) {
      const stored = pattern(0, 5 * PAGE + 100);
      const disk = recordingBacking({ stored });
      const question = random.pick(kinds);
      const isDone = random.oneIn(2);
      const failing = { at: 1 + random.below(6), question, error: EIO, isDone };
      const { machine } = boot("");
      const backing = failingBacking(disk, failing);
      const history = new FileHistory(
        machine,
        await machine.openFile({ backing }),
        stored,
        prng(SEED + run),
      );
      const codes: string[] = [];
      for (let step = 0; step < 40; step++) {
        const error = await history.step().catch((cause: unknown) => cause);
        if (error === undefined) continue;
        expect(error).toBeInstanceOf(MemoryError);
        codes.push((error as MemoryError).code);
      }
      for (let last = 0; last < 2; last++) {
        await history.settled().catch((error: MemoryError) => codes.push(error.code));
      }
      // The n-th call may be of the last of these.
      await history.sync().catch((error: MemoryError) => codes.push(error.code));
      await history.sync();
      expect(codes.length).toBeLessThanOrEqual(1);
      if (codes.length > 0) expect(["EIO", "SIGBUS"]).toContain(codes[0]);
      // The one read that fails may be this one: the next one does not.
      expect(await history.differs().catch(() => history.differs())).toBe(null);
      expect(disk.current).toEqual(await history.file.read(0, history.file.size));
      expect([disk.breaches, machine.check()]).toEqual([[], 0]);
    }
  });
});
