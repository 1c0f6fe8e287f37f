// Accesses, exports and pins, by their name in docs/operations.md.

import { expect } from "vitest";
import { MADV_PAGEOUT, PROT_READ } from "../../../src/constants.ts";
import { at, boot, PAGE, PRIVATE, pages } from "../../support/boot.ts";
import { mergeAll, twins } from "../../support/twins.ts";
import { type Scene, scene } from "./scene.ts";

const ONE = Uint8Array.of(1);

const untouched = () => boot("__");
const written = () => boot("ww");

function forked() {
  const booted = boot("ww");
  return { ...booted, other: booted.mm.forkSync() };
}

function zeroed() {
  const booted = boot("_");
  booted.mm.readSync(at(0), 1);
  return booted;
}

function merged() {
  const booted = twins();
  mergeAll(booted.machine);
  return booted;
}

function swapped() {
  const booted = boot("wwww", { swap: { pages: 16 } });
  booted.mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
  return booted;
}

export const ACCESSES: Readonly<Record<string, Scene>> = {
  "a first fault, a read, the zero page": scene(untouched, async ({ mm }) => {
    await mm.read(at(0), 1);
    await mm.write(at(1), ONE);
    await mm.fault(at(1));
    const more = await mm.mmap(0, PAGE, PROT_READ, PRIVATE);
    await mm.read(more, 1);
  }),
  "a write that breaks a copy on write": scene(forked, ({ mm }) => mm.write(at(0), ONE)),
  "a write to a merged page": scene(merged, ({ mm }) => mm.write(at(0), ONE)),
  "a first write to a zero page that is held": scene(zeroed, ({ mm }) => mm.write(at(0), ONE)),
  "a read or write of a page that is swapped out": scene(swapped, async ({ mm }) => {
    await mm.read(at(0), 1);
    await mm.write(at(3), ONE);
  }),
  "a write that reuses the page": scene(written, ({ mm }) => mm.write(at(0), ONE)),
  "pin of a private page that others show as well": scene(forked, ({ mm }) =>
    mm.pin(...pages(0, 1), { write: true }),
  ),
  "pin of any other page, its read and store, unpin": scene(written, async ({ mm }) => {
    const pin = await mm.pin(...pages(0, 2), { write: true });
    pin.store(pin.read(0, 1));
    pin.unpin();
  }),
  "export, exportRange, unexport, unexportRange, lower": scene(written, async (stage) => {
    const { machine, mm } = stage;
    const another = machine.exportNotifiers.register({ name: "another" });
    await another.export(mm, at(0), { write: true });
    await another.exportRange(mm, at(0), at(2));
    another.lower(mm, at(0), at(1));
    another.unexport(mm, at(0));
    expect(another.unexportRange(mm, at(0), at(2))).toBe(1);
  }),
  "setDirty, markAccessed, watch, unwatch, onIdle, exported": scene(written, async (stage) => {
    const { machine, mm } = stage;
    const another = machine.exportNotifiers.register({ name: "another" });
    another.watch(mm);
    await another.export(mm, at(0), { write: true });
    another.setDirty(mm, at(0));
    expect(another.markAccessed(mm, at(0), at(2))).toBe(1);
    expect([...another.exported()]).toHaveLength(1);
    another.onIdle(() => {});
    another.unwatch(mm);
  }),
  "register, unregister, release of a subscriber, fence": scene(
    written,
    async ({ machine: { exportNotifiers }, mm }) => {
      for (const leave of ["release", "unregister", "fence"] as const) {
        const another = exportNotifiers.register({ name: "another" });
        await another.export(mm, at(0), { write: true });
        await exportNotifiers[leave](another);
        expect(another.exportedCount).toBe(0);
      }
    },
  ),
};
