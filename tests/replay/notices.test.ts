// Which pages count as announced, missed and extra? The definitions of FORMAT.md, one by one.

import { describe, expect, test } from "vitest";
import { runOf } from "../../src/replay/conformance.ts";
import type { RecordedNotice, RecordedOperation, Recording } from "../../src/replay/format.ts";
import { NoticeLog } from "../../src/replay/notice-log.ts";
import { NoticeComparison } from "../../src/replay/notices.ts";
import { perform } from "../../src/replay/perform.ts";
import { coreFor, replay } from "../../src/replay/replay.ts";
import { World } from "../../src/replay/world.ts";
import { engineModule } from "../support/boot.ts";
import { MAP, op, READ, recording, UNMAP, WRITE } from "./lines.ts";

const engine = engineModule("debug");

async function noticesOf(forged: Recording) {
  return runOf(await replay(forged, { engine })).notices;
}

/** The comparison of one operation, in a machine where nobody listens. */
async function unheard(lines: readonly object[], last: object, ranges: readonly RecordedNotice[]) {
  const source = recording(...lines, last);
  const events = source.events.filter((e): e is RecordedOperation => e.kind === "operation");
  const world = new World(coreFor(source, { engine }), source.header);
  for (const event of events.slice(0, -1)) await perform(world, event);
  const comparison = new NoticeComparison(world, new NoticeLog(), ranges);
  await perform(world, events.at(-1) as RecordedOperation);
  return comparison.finish();
}

const BOTH = { proc: 0, start: 0x10000000, end: 0x10002000 };
const FORK = op("fork", { child: 1, ret: 0, notified: [[0, "10000000", "10002000"]] });

describe("kernelPages", () => {
  test("are the announced pages that were present, once each", async () => {
    const twice = [
      [0, "10000000", "10002000"],
      [0, "10000000", "10001000"],
    ];
    const unmap = { ...UNMAP, notified: twice };
    expect(await noticesOf(recording(MAP, WRITE, unmap))).toEqual({
      kernelPages: 1,
      missed: 0,
      extra: 0,
    });
  });

  test("include the zero page", async () => {
    const zero = { ...READ, ret: 0 };
    expect(await noticesOf(recording(MAP, zero, UNMAP))).toMatchObject({ kernelPages: 1 });
  });

  test("of any process, where the recording says -1", async () => {
    const anyone = op("msync", {
      addr: "10000000",
      len: 8192,
      flags: 4,
      ret: 0,
      notified: [[-1, "10000000", "10002000"]],
    });
    const notices = await noticesOf(recording(MAP, WRITE, FORK, anyone));
    expect(notices).toEqual({ kernelPages: 3, missed: 0, extra: 0 });
  });
});

describe("extra", () => {
  test("is a present page that only the engine announced", async () => {
    const silent = { ...UNMAP, notified: [] };
    expect(await noticesOf(recording(MAP, WRITE, silent))).toEqual({
      kernelPages: 0,
      missed: 0,
      extra: 1,
    });
  });

  test("is not a page that was absent", async () => {
    const silent = { ...UNMAP, notified: [] };
    expect(await noticesOf(recording(MAP, silent))).toMatchObject({ extra: 0 });
  });

  test("is not the release of an address space", async () => {
    const exit = op("exit", { proc: 1, ret: 0 });
    expect(await noticesOf(recording(MAP, WRITE, FORK, exit))).toMatchObject({ extra: 0 });
  });

  test("is not a page outside of the arena, which the recording cannot know", async () => {
    const [addr, ret] = ["30000000", "30000000"];
    const lines = [
      { ...MAP, addr, ret },
      op("write", { addr, byte: 1, ret: 0 }),
      { ...UNMAP, addr, notified: [] },
    ];
    expect(await noticesOf(recording(...lines))).toMatchObject({ extra: 0 });
  });

  test("counts pages of the acting process against its own ranges only", async () => {
    const elsewhere = { ...UNMAP, notified: [[1, "10000000", "10002000"]] };
    const notices = await noticesOf(recording(MAP, WRITE, FORK, elsewhere));
    expect(notices).toEqual({ kernelPages: 2, missed: 0, extra: 1 });
  });
});

describe("missed", () => {
  const PROTECT = op("mprotect", { addr: "10000000", len: 8192, prot: 1, ret: 0 });
  const WIDEN = op("mprotect", { addr: "10000000", len: 8192, prot: 7, ret: 0 });

  test("is a page that was unmapped without a notice", async () => {
    expect(await unheard([MAP, WRITE], UNMAP, [BOTH])).toMatchObject({ kernelPages: 1, missed: 1 });
  });

  test("is a page that was write-protected without a notice", async () => {
    const counts = await unheard([MAP, WRITE], PROTECT, [BOTH]);
    expect(counts).toMatchObject({ missed: 1, example: { address: 0x10000000 } });
  });

  test("is a page that was repointed without a notice", async () => {
    const shared = [MAP, WRITE, op("fork", { child: 1, ret: 0 })];
    expect(await unheard(shared, WRITE, [BOTH])).toMatchObject({ kernelPages: 1, missed: 1 });
  });

  test("is a page of a process that ended without a notice", async () => {
    expect(await unheard([MAP, WRITE], op("exit", { ret: 0 }), [BOTH])).toMatchObject({
      missed: 1,
    });
  });

  test("is not a page that kept all it had", async () => {
    expect(await unheard([MAP, WRITE], WIDEN, [BOTH])).toMatchObject({ kernelPages: 1, missed: 0 });
    expect(await unheard([MAP, WRITE], READ, [BOTH])).toMatchObject({ kernelPages: 1, missed: 0 });
  });

  test("is not a page that was absent", async () => {
    expect(await unheard([MAP], UNMAP, [BOTH])).toMatchObject({ kernelPages: 0, missed: 0 });
  });
});
