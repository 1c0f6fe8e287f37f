// Do parents and children that share slots of swap keep apart what each has written?

import { expect, test } from "vitest";
import { MADV_PAGEOUT } from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { at, boot, pages, pattern, strip } from "../support/boot.ts";
import { settle } from "../support/clock.ts";
import { hold } from "../support/holder.ts";
import { prng, SEED } from "../support/prng.ts";
import { gate } from "../support/sleeper.ts";
import { storeOf } from "../support/store.ts";

const PAGES = 8;

/** An address space, and the first byte of each page that it must have. */
interface Expected {
  readonly mm: Mm;
  readonly bytes: number[];
}

test("two that shared a slot share its page until one of them writes", async () => {
  const { mm, machine } = boot("w", { swap: { pages: 1 } });
  mm.madviseSync(...pages(0, 1), MADV_PAGEOUT);
  const child = mm.forkSync();
  for (const each of [mm, child]) expect(each.readSync(at(0), 1)).toEqual(pattern(0, 1));
  expect([mm.page(at(0))?.mapCount, child.page(at(0))?.writable]).toEqual([2, false]);
  expect(machine.check()).toBe(0);
  child.writeSync(at(0), Uint8Array.of(99));
  expect(mm.readSync(at(0), 1)).toEqual(pattern(0, 1));
  expect(machine.check()).toBe(0);
});

test("a page that is alone only when a child is gone stays with who holds it", async () => {
  const made = boot("ww", { swap: { pages: 16 } });
  const child = made.mm.forkSync();
  made.mm.writeSync(at(0), Uint8Array.of(1));
  const asked = gate();
  const { subscriber } = hold(made, { answer: () => asked.promise });
  for (const page of [0, 1]) await subscriber.export(made.mm, at(page), { write: false });
  const out = made.mm.madvise(...pages(0, 2), MADV_PAGEOUT);
  await settle();
  child.exitSync();
  asked.open();
  await out;
  expect([strip(made.mm, 2), subscriber.exportedCount]).toEqual(["_R", 1]);
});

test(`a random history of a family, SEED=${SEED}`, async () => {
  const random = prng(SEED);
  const store = storeOf(true);
  const { mm, machine } = boot("w".repeat(PAGES), { swap: { pages: 64, backing: store } });
  const family: Expected[] = [{ mm, bytes: Array.from({ length: PAGES }, (_, page) => page + 1) }];
  const step = async ({ mm: one, bytes }: Expected, page: number) => {
    const kind = random.below(6);
    if (kind === 0) return one.madvise(...pages(page, PAGES), MADV_PAGEOUT);
    if (kind === 1) {
      bytes[page] = random.below(256);
      return one.write(at(page), Uint8Array.of(bytes[page]));
    }
    if (kind > 2) return expect((await one.read(at(page), 1))[0]).toBe(bytes[page]);
    if (family.length > 3) return family.splice(1, 1)[0]?.mm.exit();
    family.push({ mm: await one.fork(), bytes: [...bytes] });
  };
  for (let turn = 0; turn < 400; turn++) {
    const done = step(random.pick(family), random.below(PAGES));
    await settle();
    await store.answer();
    await done;
    expect(machine.check()).toBe(0);
  }
  expect(machine.vmstat().pswpin).toBeGreaterThan(0);
});
