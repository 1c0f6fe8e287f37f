// Operations on frames and files, by their name in docs/operations.md.

import { memoryBacking } from "../../../src/backing/memory.ts";
import {
  MADV_MERGEABLE,
  MADV_PAGEOUT,
  MAP_FIXED,
  MAP_SHARED,
  MS_SYNC,
} from "../../../src/constants.ts";
import { at, BASE, boot, draw, MIB, PAGE, pages, READ_WRITE } from "../../support/boot.ts";
import { fillMemory, swapping } from "../../support/crowded.ts";
import { FILE_PAGES, shareFile, show } from "../../support/shared-file.ts";
import { mergeAll, twins } from "../../support/twins.ts";
import { type Scene, scene } from "./scene.ts";

const ONE = Uint8Array.of(1);

/** Twins that have been looked at once: the next pass finds the pair. */
function paired() {
  const booted = twins();
  booted.machine.mergePagesSync();
  return booted;
}

/** A merged page, of those that the recorder does not hold, and `mm` with one that is equal. */
function joining() {
  const booted = twins();
  mergeAll(booted.machine);
  const mm = booted.machine.createMm();
  draw(mm, "ww");
  mm.writeSync(at(0), booted.mm.readSync(at(0), PAGE));
  mm.madviseSync(...pages(0, 2), MADV_MERGEABLE);
  const { other: _, ...rest } = booted;
  return { ...rest, mm };
}

/** A file on a disk that `mm` shows, its first two pages dirty. */
function onDisk() {
  const booted = boot();
  const file = booted.machine.openFileSync({ backing: memoryBacking() });
  file.truncateSync(4 * PAGE);
  booted.mm.mmapSync(BASE, 4 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  const dirty = () => booted.mm.writeSync(BASE, new Uint8Array(2 * PAGE).fill(1));
  dirty();
  return { ...booted, file, dirty };
}

/** The same, and nothing is dirty. */
function cleanOnDisk() {
  const stage = onDisk();
  stage.machine.syncSync();
  return stage;
}

/** A file on a disk whose pages are not in memory. */
function unread() {
  const booted = boot();
  const backing = memoryBacking();
  backing.write(0, new Uint8Array(4 * PAGE).fill(7));
  const file = booted.machine.openFileSync({ backing });
  booted.mm.mmapSync(BASE, 4 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  return { ...booted, file };
}

/** `mm` and `other` show a file; `other` has private copies of two of its pages. */
function copied() {
  const { other, ...scene } = shareFile();
  const owner = scene.machine.createMm();
  show(owner, scene.file, "private", 2);
  other.exitSync();
  return { ...scene, other: owner };
}

function swappedOut() {
  const booted = swapping();
  booted.mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
  return booted;
}

/** Shared memory of four pages, and swap. */
function sharing() {
  const booted = boot("", { swap: { pages: 64 } });
  const file = booted.machine.createFile({ size: 4 * PAGE });
  booted.mm.mmapSync(BASE, 4 * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  booted.mm.writeSync(BASE, new Uint8Array(4 * PAGE).fill(1));
  return { ...booted, file };
}

/** The same, in swap. */
function sharedOut() {
  const stage = sharing();
  stage.mm.madviseSync(...pages(0, 4), MADV_PAGEOUT);
  return stage;
}

/** The recorder holds nothing of what is taken. */
function unheld() {
  const booted = swapping();
  return { ...booted, mm: booted.machine.createMm() };
}

/** A group that may have four pages, and has eight. */
function overLimit() {
  const booted = boot("", { swap: { pages: 64 } });
  const group = booted.machine.createGroup({ memory: MIB });
  const mm = booted.machine.createMm({ group });
  draw(mm, "wwwwwwww");
  return { ...booted, mm, group };
}

export const FRAMES: Readonly<Record<string, Scene>> = {
  "machine.migrate": scene(
    () => boot("ww"),
    ({ machine, mm }) => machine.migrate(mm.page(at(0))?.pfn ?? 0),
  ),
  "machine.mergePages, two equal pages": scene(paired, ({ machine }) => machine.mergePages()),
  "machine.mergePages, a page and a merged one": scene(joining, ({ machine }) =>
    machine.mergePages(),
  ),
  "machine.reclaim": scene(swapping, ({ machine }) => machine.reclaim({ pages: 2 })),
  "a call that lacks memory": scene(swapping, (stage) => void fillMemory(stage)),
  "group.setMemory, then reclaim of the group": scene(overLimit, ({ machine, group }) => {
    group.setMemory(4 * PAGE);
    return machine.reclaim({ group });
  }),
  "reclaim of what nobody holds or watches": scene(unheld, ({ machine }) =>
    machine.reclaim({ pages: 2 }),
  ),
  "reclaim of shared memory": scene(sharing, ({ machine }) => machine.reclaim({ pages: 2 })),
  "madvise PAGEOUT of shared memory": scene(sharing, ({ mm }) =>
    mm.madvise(...pages(0, 2), MADV_PAGEOUT),
  ),
  "a read, write or cut of a file whose page is swapped out": scene(sharedOut, async ({ file }) => {
    await file.read(0, PAGE);
    await file.write(PAGE, ONE);
    await file.truncate(4 * PAGE - 1);
  }),
  "machine.swapOn, machine.swapOff": scene(swappedOut, async ({ machine }) => {
    await machine.swapOff();
    machine.swapOn({ pages: 8 });
  }),
  "file.truncate to less": scene(copied, ({ file }) => file.truncate(PAGE)),
  "file.truncate to as much or more": scene(copied, async ({ file }) => {
    await file.truncate(FILE_PAGES * PAGE);
    await file.truncate(2 * FILE_PAGES * PAGE);
  }),
  "file.punch": scene(copied, ({ file }) => file.punch(PAGE, 2 * PAGE)),
  "file.punch within one page": scene(copied, ({ file }) => file.punch(PAGE + 100, 200)),
  "file.punch within the first page": scene(copied, ({ file }) => file.punch(100, 200)),
  "file.write, file.read": scene(copied, async ({ file }) => {
    await file.write(0, ONE);
    await file.read(0, 1);
  }),
  "file.sync, msync with MS_SYNC, machine.sync, machine.writeback": scene(
    onDisk,
    async ({ file, mm, machine, dirty }) => {
      await file.sync();
      for (const sync of [
        () => mm.msync(BASE, 4 * PAGE, MS_SYNC),
        () => machine.sync(),
        () => machine.writeback(),
      ]) {
        dirty();
        await sync();
      }
    },
  ),
  "the same, of clean pages": scene(cleanOnDisk, async ({ file, mm, machine }) => {
    await file.sync();
    await mm.msync(BASE, 4 * PAGE, MS_SYNC);
    await machine.sync();
    await machine.writeback();
  }),
  "a page that is read from a backing": scene(unread, ({ mm }) => mm.read(BASE, 1)),
  "createFile, openFile, file.release": scene(copied, async ({ machine, file }) => {
    await machine.openFile({ backing: memoryBacking() });
    machine.createFile().release();
    file.release();
  }),
  "allocateDevice, device.release": scene(
    () => boot("ww"),
    ({ machine }) => machine.allocateDevice(2).release(),
  ),
  "vmstat, places, frames, trace, check": scene(
    () => boot("ww"),
    ({ machine, mm }) => [
      machine.vmstat(),
      machine.places(mm.page(at(0))?.pfn ?? 0),
      machine.frames,
      machine.trace,
      machine.check(),
    ],
  ),
};
