// Is anything lost when the backing of a swap area fails, and who hears of it?

import { describe, expect, test } from "vitest";
import { memoryBacking } from "../../src/backing/memory.ts";
import { MADV_PAGEOUT } from "../../src/constants.ts";
import { at, boot, PAGE, pages, pattern, strip } from "../support/boot.ts";
import { errorOf, watchPromise } from "../support/holder.ts";
import { swapping } from "../support/swapping.ts";

describe("a backing that fails", () => {
  test.each([true, false])(
    "B4: a read (slow: %s) is EIO, and the next reads again",
    async (isSlow) => {
      const { mm, machine, store, out, reports } = swapping({ isSlow });
      await out(0, 1);
      store.failure = { on: "read", error: new Error("bad sector") };
      const failing = errorOf(mm.read(at(0), 1));
      await store.answer();
      const error = await failing;
      expect(error).toMatchObject({ code: "EIO", op: "read", address: at(0), done: 0 });
      expect(error.message).toContain("bad sector");
      expect(machine.check()).toBe(0);
      const reading = mm.read(at(0), 1);
      await store.answer();
      expect(await reading).toEqual(pattern(0, 1));
      expect(store.diary).toEqual(["write 0", "read 0", "read 0"]);
      expect(reports).toEqual([]);
    },
  );

  test.each<[unknown, string]>([
    [PAGE - 1, "4095"],
    [0, "0"],
    [undefined, "undefined"],
    [Promise.resolve(7), "7"],
  ])("B4: a page of %s bytes is EIO, and nothing of it is mapped", async (count, words) => {
    const backing = { read: () => count as number, write() {} };
    const { mm, machine, reports } = boot("w", { swap: { pages: 1, backing } });
    await mm.madvise(...pages(0, 1), MADV_PAGEOUT);
    const error = await errorOf(mm.read(at(0), 1));
    expect(error).toMatchObject({ code: "EIO", op: "read", address: at(0) });
    expect(error.message).toContain(`slot 0: of a page, ${words} bytes`);
    expect(strip(mm, 1)).toBe("_");
    expect(machine.check()).toBe(0);
    expect(reports).toEqual([]);
  });

  test("everybody who waits for a read that fails hears of it", async () => {
    const { mm, store, out } = swapping({ isSlow: true });
    await out(0, 1);
    store.failure = { on: "read", error: new Error("bad sector") };
    const both = [watchPromise(mm.read(at(0), 1)), watchPromise(mm.fault(at(0)))];
    await store.answer();
    expect(both.map(({ state }) => state)).toEqual(["EIO", "EIO"]);
  });

  test("a read that nobody waits for any more reports its failure", async () => {
    const { mm, store, out, reports } = swapping({ isSlow: true });
    await out(0, 1);
    store.failure = { on: "read", error: new Error("bad sector") };
    expect(() => mm.readSync(at(0), 1)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    await store.answer();
    expect(reports).toEqual([{ error: new Error("bad sector"), where: "swap.read" }]);
  });

  test.each([true, false])("B4: a write (slow: %s) is reported, its page stays", async (isSlow) => {
    const { mm, machine, store, out, reports, stat } = swapping({ isSlow });
    store.failure = { on: "write", error: new Error("disk full") };
    await out(0, 2);
    expect(reports).toEqual([{ error: new Error("disk full"), where: "swap.write" }]);
    expect(stat()).toEqual({ in: 0, out: 1, slots: 2 });
    expect(machine.check()).toBe(0);
    expect(mm.readSync(at(0), 1)).toEqual(pattern(0, 1));
    // Both together first, then each alone.
    expect(store.diary).toEqual(["write 0", "write 1", "write 0", "write 1"]);
  });

  test("one bad slot is one page's: those beside it are stored", async () => {
    const memory = memoryBacking();
    const write = (position: number, from: Uint8Array) => {
      if (position <= 3 * PAGE && position + from.length > 3 * PAGE) throw new Error("bad sector");
      memory.write(position, from);
    };
    const backing = { write, read: memory.read.bind(memory) };
    const { mm, machine, reports } = boot("wwwwwwww", { swap: { pages: 128, backing } });
    await mm.madvise(...pages(0, 8), MADV_PAGEOUT);
    expect(machine.vmstat().pswpout).toBe(7);
    expect(reports).toHaveLength(1);
    expect(mm.readSync(at(0), 8 * PAGE)).toEqual(pattern(0, 8 * PAGE));
    expect(machine.check()).toBe(0);
  });

  test("a buffer that a backing moves elsewhere is not used again", async () => {
    const memory = memoryBacking();
    const write = (position: number, from: Uint8Array) => {
      memory.write(position, from);
      if (position % (2 * PAGE) === 0) structuredClone(null, { transfer: [from.buffer] });
    };
    const backing = { write, read: memory.read.bind(memory) };
    const { mm, machine, reports } = boot("wwwwwwww", { swap: { pages: 128, backing } });
    for (let page = 0; page < 8; page++) await mm.madvise(...pages(page, page + 1), MADV_PAGEOUT);
    expect(mm.readSync(at(0), 8 * PAGE)).toEqual(pattern(0, 8 * PAGE));
    expect([reports, machine.check()]).toEqual([[], 0]);
  });
});
