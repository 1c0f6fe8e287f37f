// Pages that MREMAP_DONTUNMAP leaves locked in an area that is not (as Linux mm/mremap.c).

import { expect, test } from "vitest";
import {
  MADV_FREE,
  MADV_PAGEOUT,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
} from "../../src/constants.ts";
import { at, PAGE, pages, range, strip } from "../support/boot.ts";
import { hold } from "../support/holder.ts";
import { swapping } from "../support/swapping.ts";

const MOVE = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** Pages 0 to 3 are locked; 0 and 1 move away, and 2 and 3 are left. */
function leftLocked() {
  const scene = swapping();
  scene.mm.mlockSync(...pages(0, 4));
  scene.mm.mremapSync(at(0), 2 * PAGE, 2 * PAGE, MOVE, at(64));
  return scene;
}

test("reclaim passes over them, and tells nobody", async () => {
  const scene = leftLocked();
  const { mm, machine } = scene;
  const { subscriber, diary } = hold(scene);
  await subscriber.exportRange(mm, ...range(2, 4));
  await mm.madvise(...pages(2, 4), MADV_PAGEOUT);
  expect(diary).toEqual([]);
  expect(strip(mm, 4)).toBe("__WW");
  expect(machine.check()).toBe(0);
});

test("so does reclaim by lists, whoever holds them", async () => {
  const scene = leftLocked();
  const { mm, machine } = scene;
  const { subscriber, diary } = hold(scene);
  await subscriber.export(mm, at(2));
  const { skipped } = await machine.reclaim({ pages: 100 });
  expect(skipped.locked).toBeGreaterThanOrEqual(2);
  expect([strip(mm, 4), diary]).toEqual(["__Ww", []]);
});

test("MADV_FREE leaves them where they stand", () => {
  const { mm, machine } = leftLocked();
  const { nr_inactive_file } = machine.vmstat();
  mm.madviseSync(...pages(2, 4), MADV_FREE);
  expect(machine.check()).toBe(0);
  expect(machine.vmstat().nr_inactive_file).toBe(nr_inactive_file);
});

test("one munlock takes back one mlock, and they are left", () => {
  const { mm } = leftLocked();
  mm.mlockSync(...pages(2, 4));
  mm.munlockSync(...pages(2, 4));
  mm.madviseSync(...pages(2, 4), MADV_PAGEOUT);
  expect(strip(mm, 4)).toBe("__ww");
});

test("once reclaim has met them, an munlock frees them", () => {
  const { mm, machine } = leftLocked();
  mm.madviseSync(...pages(2, 3), MADV_PAGEOUT);
  mm.mlockSync(...pages(2, 4));
  mm.munlockSync(...pages(2, 4));
  mm.madviseSync(...pages(2, 4), MADV_PAGEOUT);
  expect(strip(mm, 4)).toBe("___w");
  expect(machine.check()).toBe(0);
});

test("MADV_FREE does not make them free to drop", () => {
  const { mm, stat } = leftLocked();
  mm.madviseSync(...pages(2, 4), MADV_FREE);
  mm.madviseSync(...pages(2, 4), MADV_PAGEOUT);
  mm.mlockSync(...pages(2, 4));
  mm.munlockSync(...pages(2, 4));
  mm.madviseSync(...pages(2, 4), MADV_PAGEOUT);
  expect(strip(mm, 4)).toBe("____");
  expect(stat()).toMatchObject({ out: 2 });
});

test("they keep their lock in another frame", async () => {
  const { mm, machine } = leftLocked();
  await machine.migrate(mm.page(at(2))?.pfn ?? 0);
  mm.madviseSync(...pages(2, 4), MADV_PAGEOUT);
  expect(strip(mm, 4)).toBe("__ww");
  expect(machine.check()).toBe(0);
});
