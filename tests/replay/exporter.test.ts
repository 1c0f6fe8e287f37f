// Does the holder outside hold what it can, let go when told, and see when it is left behind?

import { describe, expect, test } from "vitest";
import { Exporter } from "../../src/replay/exporter.ts";
import { HeldPages } from "../../src/replay/held.ts";
import { NoticeLog } from "../../src/replay/notice-log.ts";
import { at, boot, pages, range, strip } from "../support/boot.ts";

const STYLES = [{ answersLater: false }, { answersLater: true }];

describe.each(STYLES)("an exporter ($answersLater)", (options) => {
  function start(drawing: string) {
    const booted = boot(drawing, { debug: true });
    const log = new NoticeLog();
    return { ...booted, log, exporter: new Exporter(booted.machine, log, options) };
  }

  test("holds every present page and faults nothing in", async () => {
    const { mm, exporter } = start("ww_r.-ww");
    await exporter.adopt(mm);
    expect(strip(mm)).toBe("WW_R.-WW");
    expect(exporter.size).toBe(5);
    expect(exporter.audit([mm])).toBe(0);
  });

  test("lets go of what is unmapped, notes it before, and keeps the rest", async () => {
    const { mm, exporter, log } = start("wwwwwwww");
    await exporter.adopt(mm);
    log.begin();
    await mm.munmap(...pages(2, 5));
    expect(log.pages.size).toBe(3);
    expect(log.told).toBe(1);
    expect([log.pages.has(mm, at(2)), log.pages.has(mm, at(5))]).toEqual([true, false]);
    expect(strip(mm)).toBe("WW...WWW");
    expect(exporter.audit([mm])).toBe(0);
  });

  test("takes hold again of what it was told of and is still there", async () => {
    const { mm, exporter } = start("wwww");
    await exporter.adopt(mm);
    await mm.mprotect(...pages(1, 3), 1);
    expect(strip(mm, 4)).toBe("WrrW");
    await exporter.resume();
    expect(strip(mm, 4)).toBe("WRRW");
    expect(exporter.audit([mm])).toBe(0);
  });

  test("follows a copy on write to the new frame", async () => {
    const { mm, exporter } = start("ww");
    await exporter.adopt(mm);
    const child = await mm.fork();
    await exporter.resume();
    await exporter.adopt(child);
    const shared = mm.page(at(0))?.pfn;
    await mm.write(at(0), Uint8Array.of(9));
    await exporter.resume();
    expect(mm.page(at(0))?.pfn).not.toBe(shared);
    expect([strip(mm, 2), strip(child, 2)]).toEqual(["WR", "RR"]);
    expect(exporter.audit([mm, child])).toBe(0);
  });

  test("lets go of everything when the address space exits", async () => {
    const { mm, exporter, log, machine } = start("wwww");
    await exporter.adopt(mm);
    const { quarantined } = await mm.exit();
    expect({ quarantined, size: exporter.size, releases: log.releases }).toEqual({
      quarantined: 0,
      size: 0,
      releases: 1,
    });
    expect(await exporter.hold(mm, ...range(0, 4))).toBe(0);
    await exporter.close();
    expect(machine.exportNotifiers.subscribers).toEqual([]);
  });

  test("holds nothing of an address space that it does not follow", async () => {
    const { mm, exporter } = start("wwww");
    expect(exporter.isFollowing(mm)).toBe(false);
    expect(await exporter.hold(mm, ...range(0, 4))).toBe(0);
    expect(strip(mm, 4)).toBe("wwww");
  });

  test("sees that it is left behind: once fenced, its entries outlive their pages", async () => {
    const { mm, machine, exporter } = start("wwww");
    await exporter.adopt(mm);
    for (const subscriber of machine.exportNotifiers.subscribers) {
      machine.exportNotifiers.fence(subscriber);
    }
    await mm.munmap(...pages(1, 3));
    expect(exporter.audit([mm])).toBeGreaterThanOrEqual(2);
    expect(exporter.violations).toBeGreaterThanOrEqual(2);
  });
});

describe("a reverse map", () => {
  const { mm } = boot();

  test("knows a frame by its entries and an entry by its frame", () => {
    const held = new HeldPages();
    held.add(mm, at(0), 7);
    held.add(mm, at(1), 7);
    held.add(mm, at(2), 8);
    expect([held.size, held.entries(7), held.entries(8)]).toEqual([3, 2, 1]);
    expect([held.pfn(mm, at(1)), held.pfn(mm, at(3))]).toEqual([7, undefined]);
  });

  test("moves an entry that gets another frame", () => {
    const held = new HeldPages();
    held.add(mm, at(0), 7);
    held.add(mm, at(0), 8);
    expect([held.size, held.entries(7), held.entries(8)]).toEqual([1, 0, 1]);
  });

  test("drops a range, half open, whether it or what is held is larger", () => {
    const held = new HeldPages();
    for (let page = 0; page < 4; page++) held.add(mm, at(page), 10 + page);
    held.remove(mm, ...range(1, 3));
    expect(held.addresses(mm, ...range(0, 1000))).toEqual([at(0), at(3)]);
    expect([held.size, held.entries(11), held.entries(13)]).toEqual([2, 0, 1]);
    held.remove(mm, ...range(3, 1000));
    expect(held.addresses(mm, ...range(0, 4))).toEqual([at(0)]);
    held.remove(mm, 0, Number.MAX_SAFE_INTEGER);
    expect(held.size).toBe(0);
  });
});
