// Files that shrink: who is told before pages go, what waits meanwhile, and what is left.

import { describe, expect, test } from "vitest";
import { MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import { at, PAGE, READ_WRITE, range, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { errorOf, hold, watchPromise } from "../support/holder.ts";
import { FILE_PAGES, holdFile, shareFile, show } from "../support/shared-file.ts";

describe("before pages go", () => {
  test("each holder is told once, with every process range that shows them", async () => {
    const scene = shareFile();
    const { file, mm, other } = scene;
    const seen: string[] = [];
    const answer = () => void seen.push(strip(mm), strip(other), `${file.size / PAGE}`);
    const { subscriber, diary, whys, files } = holdFile(scene, { answer });
    await subscriber.exportRange(mm, ...range(2, 6));
    await subscriber.exportRange(other, ...range(5, 7));
    await file.truncate(3 * PAGE + 100);
    expect(diary).toEqual(["truncate 4-end in 2", "end done"]);
    expect(files).toEqual([file]);
    expect(whys[0]).toMatchObject({ reason: "truncate", demand: "all", canWait: true, places: [] });
    expect(whys[0]?.mm).toBe(null);
    expect(whys[0]?.ranges).toEqual([
      { mm, start: at(4), end: at(8) },
      { mm: other, start: at(4), end: at(8) },
    ]);
    expect(seen).toEqual(["wwWWWWww", "wwwwwWWw", "8"]);
    expect([strip(mm), strip(other)]).toEqual(["wwWW____", "wwww____"]);
    expect(file.size).toBe(3 * PAGE + 100);
    expect(scene.machine.check()).toBe(0);
  });

  test("nobody else: not whose pages are below the cut, not who holds nothing", async () => {
    const scene = shareFile();
    const below = holdFile(scene, { name: "below" });
    const none = holdFile(scene, { name: "none" });
    const watcher = holdFile(scene, { name: "watcher" });
    await below.subscriber.exportRange(scene.mm, ...range(0, 3));
    watcher.subscriber.watch(scene.other);
    await scene.file.truncate(3 * PAGE);
    expect([below.diary, none.diary]).toEqual([[], []]);
    expect(watcher.diary).toEqual(["truncate 3-end in 2", "end done"]);
    expect(below.subscriber.exportedCount).toBe(3);
  });

  test("nor anybody when the file grows, or stays as it is", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    subscriber.watch(scene.mm);
    await scene.file.truncate(9 * PAGE);
    await scene.file.truncate(9 * PAGE);
    expect(diary).toEqual([]);
    expect(scene.file.size).toBe(9 * PAGE);
  });

  test("without holders it is done at once", () => {
    const scene = shareFile();
    const { free } = scene.machine.frames;
    const promise = scene.file.truncate(0);
    expect([strip(scene.mm), strip(scene.other)]).toEqual(["________", "________"]);
    expect(scene.machine.frames.free).toBeGreaterThanOrEqual(free + FILE_PAGES);
    return promise;
  });
});

describe("a subscriber that hears of process ranges only", () => {
  test("is told range by range, of those that reach it, and ends once", async () => {
    const scene = shareFile();
    const third = scene.machine.createMm();
    show(third, scene.file);
    const { subscriber, diary, whys } = hold(scene);
    const spaces: unknown[] = [];
    const both = hold(scene, {
      name: "both",
      invalidateProcessRange(mm, start, end) {
        spaces.push(mm);
        both.subscriber.unexportRange(mm, start, end);
      },
    });
    await subscriber.export(scene.other, at(7));
    await both.subscriber.export(scene.mm, at(6));
    await both.subscriber.export(third, at(6));
    await scene.file.truncate(5 * PAGE);
    expect(diary).toEqual(["truncate 5-8", "end done"]);
    expect(whys[0]?.mm?.id).toBe(scene.other.id);
    expect(spaces).toEqual([scene.mm, third]);
  });

  test("comes in the order of registration, beside those that hear of files", async () => {
    for (const parallel of [false, true]) {
      const scene = shareFile({ exportNotifiers: { parallel } });
      const diary: string[] = [];
      const holders = [
        hold(scene, { name: "a" }, diary),
        holdFile(scene, { name: "b" }, diary),
        hold(scene, { name: "c" }, diary),
      ];
      for (const { subscriber } of holders) await subscriber.export(scene.mm, at(7));
      await scene.file.truncate(PAGE);
      expect(diary).toEqual([
        "a truncate 1-8",
        "b truncate 1-end in 2",
        "c truncate 1-8",
        "c end done",
        "b end done",
        "a end done",
      ]);
    }
  });

  test("that refuses the second range gets its end, and nothing has changed", async () => {
    const scene = shareFile();
    let told = 0;
    const ends: boolean[] = [];
    const { subscriber } = hold(scene, {
      invalidateProcessRange() {
        told++;
        if (told === 2) throw new Error("not that one");
      },
      end: (_bracket, { committed }) => void ends.push(committed),
    });
    await subscriber.export(scene.mm, at(7));
    await subscriber.export(scene.other, at(7));
    const error = await errorOf(scene.file.truncate(0));
    expect(error).toMatchObject({ code: "EBUSY", op: "ftruncate", holder: "holder" });
    expect([told, ends, scene.file.size]).toEqual([2, [false], FILE_PAGES * PAGE]);
  });
});

describe("what is not to be", () => {
  test("EBUSY names who still holds a page, and nothing has changed", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene, { name: "keeper", letsGo: false });
    await subscriber.export(scene.other, at(6));
    const before = await scene.file.read(0, FILE_PAGES * PAGE);
    const error = await errorOf(scene.file.truncate(100));
    expect(error).toMatchObject({
      code: "EBUSY",
      op: "ftruncate",
      holder: "keeper",
      address: at(6),
    });
    expect(diary).toEqual(["truncate 1-end in 2", "end aborted"]);
    expect([strip(scene.mm), strip(scene.other)]).toEqual(["wwwwwwww", "wwwwwwWw"]);
    expect(await scene.file.read(0, FILE_PAGES * PAGE)).toEqual(before);
  });

  test("a refusal, a deadline, a caller that gives up: nothing has changed", async () => {
    const refuse = () => {
      throw new Error("not now");
    };
    const hang = () => new Promise<void>(() => {});
    for (const [answer, code] of [
      [refuse, "EBUSY"],
      [hang, "ETIMEDOUT"],
    ] as const) {
      const scene = shareFile();
      const { subscriber } = holdFile(scene, { answer });
      await subscriber.export(scene.mm, at(6));
      const cut = watchPromise(scene.file.truncate(100, { deadline: 50 }));
      await scene.clock.advance(100);
      expect(cut.state).toBe(code);
      expect([scene.file.size, strip(scene.mm)]).toEqual([FILE_PAGES * PAGE, "wwwwwwWw"]);
      expect(scene.file.readSync(50, 1)[0]).toBe(1);
    }
    const scene = shareFile();
    const { subscriber } = holdFile(scene, { answer: hang });
    await subscriber.export(scene.mm, at(6));
    const controller = new AbortController();
    const cut = watchPromise(scene.file.truncate(0));
    const queued = watchPromise(scene.file.truncate(0, { signal: controller.signal }));
    controller.abort(Object.assign(new Error("enough"), { code: "enough" }));
    await settle();
    expect([cut.state, queued.state]).toEqual(["pending", "enough"]);
  });

  test("a sync call reaches declared subscribers only", async () => {
    const scene = shareFile();
    const quick = holdFile(scene, { name: "quick", sync: true });
    await quick.subscriber.export(scene.mm, at(6));
    scene.file.truncateSync(4 * PAGE);
    expect(quick.diary).toEqual(["truncate 4-end in 2", "end done"]);
    const slow = holdFile(scene, { name: "slow" });
    await slow.subscriber.export(scene.mm, at(2));
    expect(() => scene.file.truncateSync(0)).toThrow(/EAGAIN.*"slow" is not declared sync/);
    expect([slow.diary, scene.file.size]).toEqual([[], 4 * PAGE]);
  });

  test("bad arguments are refused before anybody is told", async () => {
    const scene = shareFile();
    const { subscriber, diary } = holdFile(scene);
    subscriber.watch(scene.mm);
    for (const size of [-1, -PAGE, 2 ** 63, 2 ** 64, 1e300]) {
      expect(() => scene.file.truncateSync(size)).toThrow(/ftruncate: EINVAL/);
      expect(await errorOf(scene.file.truncate(size))).toMatchObject({ code: "EINVAL" });
    }
    for (const size of [Number.NaN, 1.5, Number.POSITIVE_INFINITY, "9", null]) {
      expect(() => scene.file.truncateSync(size as number)).toThrow(TypeError);
    }
    expect([diary, scene.file.size]).toEqual([[], FILE_PAGES * PAGE]);
    scene.file.release();
    expect(() => scene.file.truncateSync(0)).toThrow(/ftruncate: EBADF/);
  });
});

describe("what is left", () => {
  test("the rest of the last page is zero, by file and by address, and stays so", async () => {
    const scene = shareFile();
    const { file, mm } = scene;
    await file.truncate(2 * PAGE + 10);
    await file.truncate(4 * PAGE);
    const expected = [...new Uint8Array(10).fill(3), ...new Uint8Array(PAGE - 10)];
    expect([...(await file.read(2 * PAGE, PAGE))]).toEqual(expected);
    expect([...(await mm.read(at(2), PAGE))]).toEqual(expected);
    expect([...(await mm.read(at(3), 4))]).toEqual([0, 0, 0, 0]);
  });

  test("SIGBUS beyond the end, zeros once it has grown again", async () => {
    const scene = shareFile();
    await scene.file.truncate(2 * PAGE + 10);
    expect(scene.mm.readSync(at(2) + 4000, 1)[0]).toBe(0);
    expect(await errorOf(scene.mm.read(at(3), 1))).toMatchObject({ code: "SIGBUS" });
    expect(await errorOf(scene.mm.write(at(7), Uint8Array.of(1)))).toMatchObject({
      code: "SIGBUS",
      siCode: "BUS_ADRERR",
    });
    await scene.file.write(4 * PAGE, Uint8Array.of(9));
    expect([scene.mm.readSync(at(3), 1)[0], scene.mm.readSync(at(4), 1)[0]]).toEqual([0, 9]);
  });

  // erratum: "It cannot tell truncation (private copies go too) from dropping the page cache."
  test("private copies go as well, and their records must", async () => {
    const scene = shareFile();
    const owner = scene.machine.createMm();
    show(owner, scene.file, "private", 4);
    const { subscriber, diary } = holdFile(scene);
    await subscriber.exportRange(owner, ...range(0, 4), { write: true });
    await scene.file.truncate(2 * PAGE);
    expect(diary).toEqual(["truncate 2-end in 3", "end done"]);
    expect(strip(owner)).toBe("WW______");
    expect(subscriber.exportedCount).toBe(2);
    expect(await errorOf(owner.read(at(3), 1))).toMatchObject({ code: "SIGBUS" });
  });

  // erratum: "unmap_mapping_range passes a length as the end; a length of 0 means to the end."
  test("a range is half open; to the end of the file is 2 ** 63", async () => {
    const scene = shareFile();
    const ends: number[][] = [];
    const holder = hold(scene, {
      invalidateMappingRange(_file, start, end, { ranges }) {
        ends.push([start, end]);
        for (const { mm, start, end } of ranges) holder.subscriber.unexportRange(mm, start, end);
      },
    });
    await holder.subscriber.exportRange(scene.mm, ...range(0, 8));
    await scene.file.punch(2 * PAGE, 3 * PAGE);
    await scene.file.truncate(0);
    expect(ends).toEqual([
      [2 * PAGE, 5 * PAGE],
      [0, 2 ** 63],
    ]);
    expect(holder.subscriber.exportedCount).toBe(0);
  });

  test("an area that shows another part of the file is hit where it shows it", async () => {
    const scene = shareFile();
    const part = scene.machine.createMm();
    part.mmapSync(at(0), 2 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, scene.file, 5 * PAGE);
    const { subscriber, whys } = holdFile(scene);
    await subscriber.exportRange(part, ...range(0, 2));
    await scene.file.truncate(6 * PAGE);
    const mine = whys[0]?.ranges.filter(({ mm }) => mm === part);
    expect(mine).toEqual([{ mm: part, start: at(1), end: at(2) }]);
    expect(strip(part, 2)).toBe("W_");
  });
});
