// Operations on address spaces, by their name in docs/operations.md.

import {
  MADV_COLD,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_MERGEABLE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_REMOVE,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MAP_FIXED,
  MCL_CURRENT,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../../src/constants.ts";
import { at, boot, draw, PAGE, PRIVATE, pages, READ_WRITE } from "../../support/boot.ts";
import { driver, show } from "../../support/driver.ts";
import { shareFile } from "../../support/shared-file.ts";
import { mergeAll, twins } from "../../support/twins.ts";
import { type Scene, scene } from "./scene.ts";

const drawn = () => boot("wwww..ww");
const readable = () => boot("rrww");
const swapping = () => boot("wwww", { swap: { pages: 16 } });

function heap() {
  const booted = boot();
  const start = booted.mm.brkSync(0);
  booted.mm.brkSync(start + 4 * PAGE);
  booted.mm.writeSync(start, new Uint8Array(4 * PAGE));
  return { ...booted, start };
}

function merged() {
  const booted = twins();
  mergeAll(booted.machine);
  return booted;
}

/** Two machines: `mm` gets the image of another one, with fewer pages. */
function replica() {
  const source = boot("rw");
  source.mm.writeSync(at(1), Uint8Array.of(99));
  return { ...boot("ww.ww"), diff: source.mm.snapshotSync() };
}

const move = MREMAP_MAYMOVE | MREMAP_FIXED;

export const SPACES: Readonly<Record<string, Scene>> = {
  munmap: scene(drawn, ({ mm }) => mm.munmap(...pages(1, 7))),
  "munmap of nothing": scene(drawn, ({ mm }) => mm.munmap(...pages(4, 6))),
  "mmap with MAP_FIXED over a mapping": scene(drawn, ({ mm }) =>
    mm.mmap(...pages(2, 4), READ_WRITE, PRIVATE | MAP_FIXED),
  ),
  "mmap elsewhere": scene(drawn, ({ mm }) => mm.mmap(...pages(4, 5), READ_WRITE, PRIVATE)),
  "brk that shrinks": scene(heap, ({ mm, start }) => mm.brk(start + PAGE)),
  "brk that grows": scene(heap, ({ mm, start }) => mm.brk(start + 5 * PAGE)),
  "mprotect that takes write away": scene(drawn, ({ mm }) =>
    mm.mprotect(...pages(0, 2), PROT_READ),
  ),
  "mprotect to none": scene(drawn, ({ mm }) => mm.mprotect(...pages(0, 2), PROT_NONE)),
  "mprotect that gives more": scene(readable, ({ mm }) => mm.mprotect(...pages(0, 2), READ_WRITE)),
  "mprotect that changes nothing": scene(drawn, ({ mm }) =>
    mm.mprotect(...pages(0, 2), READ_WRITE),
  ),
  "mremap that moves": scene(drawn, ({ mm }) => mm.mremap(at(0), 2 * PAGE, 2 * PAGE, move, at(6))),
  "mremap that shrinks": scene(drawn, ({ mm }) => mm.mremap(at(0), 4 * PAGE, PAGE)),
  "mremap that grows in place": scene(drawn, ({ mm }) => mm.mremap(at(6), 2 * PAGE, 3 * PAGE)),
  "madvise DONTNEED, FREE": scene(drawn, async ({ mm }) => {
    await mm.madvise(...pages(0, 1), MADV_DONTNEED);
    await mm.madvise(...pages(1, 2), MADV_FREE);
  }),
  "madvise REMOVE": scene(shareFile, ({ mm }) => mm.madvise(...pages(1, 3), MADV_REMOVE)),
  "madvise PAGEOUT": scene(swapping, ({ mm }) => mm.madvise(...pages(0, 2), MADV_PAGEOUT)),
  "madvise UNMERGEABLE": scene(merged, ({ mm }) => mm.madvise(...pages(0, 2), MADV_UNMERGEABLE)),
  "madvise NORMAL, WILLNEED, COLD, DONTFORK, MERGEABLE": scene(drawn, async ({ mm }) => {
    const advices = [MADV_NORMAL, MADV_WILLNEED, MADV_COLD, MADV_DONTFORK, MADV_MERGEABLE];
    for (const advice of advices) await mm.madvise(...pages(0, 2), advice);
  }),
  "mlock, munlock, mlockall, munlockall": scene(drawn, async ({ mm }) => {
    await mm.mlock(...pages(0, 2));
    await mm.munlock(...pages(0, 2));
    await mm.mlockall(MCL_CURRENT);
    await mm.munlockall();
  }),
  "remapPfnRange over a page that is present": scene(
    () => {
      const booted = driver();
      booted.mm.writeSync(at(9), Uint8Array.of(1));
      return booted;
    },
    ({ mm, device }) => mm.remapPfnRange(at(8), device.pfn, 4 * PAGE, READ_WRITE),
  ),
  "remapPfnRange where nothing is": scene(driver, (stage) => show(stage)),
  applyToPageRange: scene(driver, ({ mm, device }) =>
    mm.applyToPageRange(...pages(8, 12), () => ({ pfn: device.pfn })),
  ),
  fork: scene(drawn, ({ mm }) => mm.fork()),
  clearSoftDirty: scene(drawn, ({ mm }) => mm.clearSoftDirty()),
  "snapshot, changes": scene(drawn, async ({ mm }) => {
    await mm.changes(await mm.snapshot());
  }),
  "machine.apply": scene(replica, ({ machine, mm, diff }) => machine.apply(diff, mm)),
  clearReferenced: scene(drawn, ({ mm }) => mm.clearReferenced()),
  "maps, smaps, smapsAreas, smapsRollup, smapsTotal": scene(drawn, ({ mm }) => {
    mm.maps();
    mm.smaps();
    mm.smapsAreas();
    mm.smapsRollup();
    mm.smapsTotal();
  }),
  "pagemap, pagemapScan, mincore, page, mappedIn, translateRange, translateMany, areas, layout":
    scene(drawn, ({ mm }) => {
      mm.translateRange(at(0), PAGE);
      mm.translateMany(Float64Array.of(at(0)));
      mm.pagemapScan();
      mm.mappedIn(at(0), [...mm.pagemap()][0]?.pfn ?? 0);
      mm.page(at(0));
      mm.areas();
      mm.layout();
      return mm.mincore(at(0), PAGE);
    }),
  exit: scene(drawn, ({ mm }) => mm.exit()),
  "createMm, createGroup": scene(drawn, ({ machine }) => {
    const group = machine.createGroup({ memory: 8 * PAGE });
    draw(machine.createMm({ group }), "ww");
  }),
};
