// Does a backing on the other side of a port do all that one here does, and does nothing hang?

import { afterEach, describe, expect, test } from "vitest";
import type { Backing } from "../../src/backing/backing.ts";
import { memoryBacking } from "../../src/backing/memory.ts";
import { Remote, serveBacking } from "../../src/backing/remote.ts";
import { handleBacking, type SyncAccessHandle } from "../../src/backing/sync-handle.ts";
import { failingBacking, shuffledBacking } from "../support/backings.ts";
import { errorOf } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";
import { CASES, salted } from "./suite.ts";

const opened: Remote[] = [];

afterEach(() => {
  for (const remote of opened.splice(0)) remote.fail(new Error("the test is over"));
});

/** `backing` by way of two ports. */
function remoteOf(backing: Backing | Promise<Backing>, onEnd?: () => void) {
  const { port1, port2 } = new MessageChannel();
  void serveBacking(port2, Promise.resolve(backing));
  const remote = new Remote(port1, onEnd);
  opened.push(remote);
  return { remote, there: port2 };
}

describe(`a memory backing behind a port, SEED=${SEED}`, () => {
  test.each(CASES)("$name", async ({ run }) => {
    const { remote } = remoteOf(memoryBacking());
    await remote.ready;
    await run(remote, SEED);
    await remote.close();
  });
});

describe("R1: each question is answered once", () => {
  test("an error keeps its kind, its message and its code", async () => {
    const error = Object.assign(new RangeError("no more"), { code: "ENOSPC" });
    const { remote } = remoteOf(failingBacking(memoryBacking(), { at: 1, error }));
    const failed = await errorOf(remote.write(0, salted(1, 5)));
    expect(failed).toBeInstanceOf(RangeError);
    expect(failed).toMatchObject({ name: "RangeError", message: "no more", code: "ENOSPC" });
    await remote.write(0, salted(1, 5));
    expect(await remote.size()).toBe(5);
  });

  test("what throws no error at all is an error here", async () => {
    const { remote } = remoteOf({
      ...around(memoryBacking()),
      size: () => Promise.reject("words"),
    });
    expect(await errorOf(remote.size())).toMatchObject({ name: "Error", message: "words" });
  });

  test("what could not be made is an error of `ready`", async () => {
    const { remote } = remoteOf(Promise.reject(new TypeError("no file")));
    expect(await errorOf(remote.ready)).toMatchObject({ name: "TypeError", message: "no file" });
  });

  test("answers may come in any order", async () => {
    const { backing, waiting } = shuffledBacking(memoryBacking(), prng(SEED));
    const [allAsked, readAsked] = [gate(), gate()];
    const write = (position: number, from: Uint8Array) => {
      const written = backing.write(position, from);
      if (waiting.size === 3) allAsked.open();
      return written;
    };
    const read = (position: number, bytes: Uint8Array) => {
      readAsked.open();
      return backing.read(position, bytes);
    };
    const { remote } = remoteOf({ ...around(backing), read, write });
    const writes = Promise.all([0, 1, 2].map((at) => remote.write(at * 9, salted(at, 9))));
    await allAsked.promise;
    await waiting.wakeAll();
    await writes;
    const into = new Uint8Array(9);
    const reading = remote.read(18, into);
    await readAsked.promise;
    await waiting.wakeAll();
    expect([await reading, into]).toEqual([9, salted(2, 9)]);
  });

  test("close waits for what was asked before it, on the other side too", async () => {
    const memory = memoryBacking();
    const slow = gate();
    const write = (position: number, from: Uint8Array) =>
      slow.promise.then(() => memory.write(position, from));
    const ends: string[] = [];
    const { remote } = remoteOf({ ...around(memory), write }, () => ends.push("end"));
    const written = remote.write(0, salted(1, 5)).then(() => ends.push("written"));
    const closed = remote.close().then(() => ends.push("closed"));
    expect(await errorOf(remote.size())).toMatchObject({ code: "EBADF" });
    slow.open();
    await Promise.all([written, closed]);
    expect(ends).toEqual(["written", "end", "closed"]);
  });

  test("when the other side goes, what waits fails, and so does what comes after", async () => {
    const hanging = { ...around(memoryBacking()), size: () => new Promise<number>(() => {}) };
    let ends = 0;
    const { remote, there } = remoteOf(hanging, () => ends++);
    await remote.ready;
    const waiting = errorOf(remote.size());
    there.close();
    expect((await waiting).message).toBe("the other side is gone");
    expect((await errorOf(remote.sync())).message).toBe("the other side is gone");
    await remote.close();
    expect(ends).toBe(1);
  });

  test("when this side goes without a word, the other closes what it had", async () => {
    const memory = memoryBacking();
    const { port1, port2 } = new MessageChannel();
    const closed = gate();
    const close = () => closed.open();
    await serveBacking(port2, Promise.resolve({ ...around(memory), close }));
    port1.close();
    await closed.promise;
  });
});

/** The methods of a backing, free of its class. */
function around(backing: Backing): Backing {
  return {
    read: (position, into) => backing.read(position, into),
    write: (position, from) => backing.write(position, from),
    size: () => backing.size(),
    truncate: (bytes) => backing.truncate(bytes),
    sync: () => backing.sync(),
  };
}

test("R2: what is written does not change with the bytes, which stay the caller's", async () => {
  const { remote } = remoteOf(memoryBacking());
  const bytes = salted(1, 100);
  const written = remote.write(0, bytes.subarray(10, 20));
  bytes.fill(0);
  await written;
  const into = new Uint8Array(10);
  await remote.read(0, into);
  expect([into, bytes.byteLength]).toEqual([salted(1, 100).subarray(10, 20), 100]);
});

/** A handle that does three bytes at a time, or none. */
function hesitant(backing = memoryBacking(), most = 3): SyncAccessHandle {
  return {
    read: (into, { at }) => backing.read(at, into.subarray(0, most)),
    write: (from, { at }) => {
      backing.write(at, from.subarray(0, most));
      return Math.min(most, from.byteLength);
    },
    getSize: () => backing.size(),
    truncate: (bytes) => backing.truncate(bytes),
    flush: () => backing.sync(),
    close: () => backing.close(),
  };
}

describe("a handle that does less than it was asked for", () => {
  test("is asked again", () => {
    const backing = handleBacking(hesitant());
    backing.write(2, salted(1, 11));
    const into = new Uint8Array(20);
    expect(backing.read(2, into)).toBe(11);
    expect(into.subarray(0, 11)).toEqual(salted(1, 11));
  });

  test("is an error where it does nothing", () => {
    const backing = handleBacking(hesitant(memoryBacking(), 0));
    expect(() => backing.write(7, salted(1, 2))).toThrow("byte 7");
  });
});
