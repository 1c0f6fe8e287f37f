// Operations on huge pages, by their name in docs/operations.md.

import {
  MADV_DONTNEED,
  MADV_REMOVE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
} from "../../../src/constants.ts";
import { PAGE, READ_WRITE } from "../../support/boot.ts";
import { bootHuge, HUGE, HUGE_SHARED, huge, hugePages, mapHuge, put } from "../../support/huge.ts";
import { refused, type Scene, scene } from "./scene.ts";

const ONE = Uint8Array.of(1);

function mapped(flags?: number, count = 5) {
  const booted = bootHuge(count);
  mapHuge(booted.mm, 0, 2, flags);
  for (const index of [0, 1]) put(booted.mm, index, 5);
  return booted;
}

function forked(count = 5) {
  const booted = mapped(undefined, count);
  return { ...booted, other: booted.mm.forkSync() };
}

const move = MREMAP_MAYMOVE | MREMAP_FIXED;

export const HUGE_PAGES: Readonly<Record<string, Scene>> = {
  "munmap of huge pages": scene(mapped, ({ mm }) => mm.munmap(...hugePages(0, 1))),
  "mprotect of huge pages that takes write away": scene(mapped, ({ mm }) =>
    mm.mprotect(...hugePages(0, 1), PROT_READ),
  ),
  "mprotect of huge pages to none": scene(mapped, ({ mm }) =>
    mm.mprotect(...hugePages(0, 1), PROT_NONE),
  ),
  "mremap of huge pages": scene(mapped, ({ mm }) => mm.mremap(huge(0), HUGE, HUGE, move, huge(8))),
  "madvise DONTNEED of huge pages": scene(mapped, ({ mm }) =>
    mm.madvise(huge(0), HUGE + PAGE, MADV_DONTNEED),
  ),
  "madvise REMOVE of huge pages": scene(
    () => mapped(HUGE_SHARED),
    ({ mm }) => mm.madvise(huge(0), HUGE + PAGE, MADV_REMOVE),
  ),
  "fork of huge pages": scene(mapped, ({ mm }) => mm.fork()),
  "a write to a huge page that breaks a copy on write": scene(forked, ({ mm }) =>
    mm.write(huge(0), ONE),
  ),
  "the same, where the pool has no page and the writer owns the promise": scene(
    () => forked(2),
    ({ mm }) => mm.write(huge(0), ONE),
  ),
  "a first fault of a huge page, a write that reuses it": scene(mapped, async ({ mm }) => {
    await mm.write(huge(0), ONE);
    await mm.mmap(...hugePages(4, 5), READ_WRITE, HUGE_SHARED);
    await mm.write(huge(4), ONE);
  }),
  "munmap, mprotect, mremap that would cut a huge page": scene(mapped, ({ mm }) =>
    refused(
      () => mm.munmap(huge(0), PAGE),
      () => mm.mprotect(huge(0, PAGE), PAGE, PROT_READ),
      () => mm.mremap(huge(0), HUGE, HUGE, move, huge(8, PAGE)),
    ),
  ),
  "machine.migrate of a huge page": scene(mapped, ({ machine, mm }) =>
    refused(() => machine.migrate(mm.page(huge(0))?.pfn ?? 0)),
  ),
  "exit with huge pages": scene(mapped, ({ mm }) => mm.exit()),
};
