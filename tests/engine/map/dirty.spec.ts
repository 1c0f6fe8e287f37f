// Are dirty pages found, counted and cleaned, does writing one again make it dirty again, and do
// the checkers see what is broken on purpose?

import {
  Access,
  FileKind,
  FilePage,
  PG,
  ResultField,
  Status,
  Vmstat,
  WritebackMode,
} from "../../../assembly/abi";
import { flagClear, flagSet, flagTest } from "../../../assembly/frame/flags";
import { frameOf } from "../../../assembly/frame/frame";
import { DirtyInvariant } from "../../../assembly/map/check-dirty";
import { dirtyFirst, dirtyNext, NO_PAGE } from "../../../assembly/map/dirty";
import { cacheGet, Mapping, nodeTags } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { D, W } from "../../../assembly/map/pte";
import { pteGet, pteSlot } from "../../../assembly/map/table";
import { resultGet } from "../../../assembly/mem/result";
import { statGet } from "../../../assembly/mem/vmstat";
import { access } from "../../../assembly/op/fault";
import { fileCreate, fileOf, fileOpen, filePage } from "../../../assembly/op/file";
import { fileFilled, fileReadBegin } from "../../../assembly/op/file-read";
import { filePunch, fileTruncate } from "../../../assembly/op/truncate";
import { fileRedirty, fileWriteback, fileWritten } from "../../../assembly/op/writeback";
import { boot, closeFile, expectSound, leave, mapFile, page, space, touch } from "../op/world";
import { expectBroken } from "./broken";

const PAGES: u64 = 10000;

let mm = changetype<Mm>(0);
let disk = changetype<Mapping>(0);
let backed = changetype<Mapping>(0);

function opened(handle: i32): Mapping {
  assert(handle > 0, "no file for the test");
  return changetype<Mapping>(fileOf(<u32>handle));
}

function write(mapping: Mapping, index: u64): u32 {
  assert(filePage(mapping, index, FilePage.Overwrite) == 0, "a page to write");
  return resultGet(ResultField.Pfn);
}

/** Writes pages [first, end) back: how many there were. */
function clean(mapping: Mapping, first: u64, end: u64, mode: u32 = WritebackMode.Integrity): i32 {
  const status = fileWriteback(mapping, first, end, 64, mode);
  return status ? status : <i32>resultGet(ResultField.Count);
}

function written(index: u64, failed: bool): void {
  assert(fileWritten(backed, index, 4096, failed) == 0, "a page that is being written");
}

//   pages   0 ─ 8 the file on a disk   16 ─ 24 the file that a host keeps, from its page 2
describe("dirty pages", () => {
  beforeEach(() => {
    boot(1024);
    mm = space();
    disk = opened(fileCreate(FileKind.Disk, PAGES << 12));
    backed = opened(fileOpen(PAGES << 12));
    mapFile(mm, 0, 8, changetype<usize>(disk), 0);
    mapFile(mm, 16, 24, changetype<usize>(backed), 2);
  });
  afterEach(() => {
    expectSound();
    leave(mm);
    closeFile(changetype<usize>(disk));
    closeFile(changetype<usize>(backed));
    expectSound();
    expect<f64>(statGet(Vmstat.nr_dirty)).toBe(0);
    expect<f64>(statGet(Vmstat.nr_writeback)).toBe(0);
    expect<usize>(dirtyFirst).toBe(0);
  });

  test("L1: the tags lead to each dirty page, however far apart, and to no other", () => {
    write(disk, 9000);
    expectSound();
    write(disk, 3);
    write(disk, 64);
    expectSound();
    expect<u64>(dirtyNext(disk, 0)).toBe(3);
    expect<u64>(dirtyNext(disk, 4)).toBe(64);
    expect<u64>(dirtyNext(disk, 65)).toBe(9000);
    expect<u64>(dirtyNext(disk, 9001)).toBe(NO_PAGE);
    expect<i32>(clean(disk, 4, 9000)).toBe(1);
    expect<u64>(dirtyNext(disk, 4)).toBe(9000);
    expectSound();
    expect<i32>(clean(disk, 0, NO_PAGE)).toBe(2);
    expect<u64>(dirtyNext(disk, 0)).toBe(NO_PAGE);
  });

  test("L1: a page that is cut off is dirty no more", () => {
    write(disk, 3);
    write(disk, 700);
    expect<i32>(fileTruncate(disk, 100 << 12)).toBe(0);
    expectSound();
    expect<f64>(statGet(Vmstat.nr_dirty)).toBe(1);
    expect<i32>(filePunch(disk, 3 << 12, 4096)).toBe(0);
    expect<f64>(statGet(Vmstat.nr_dirty)).toBe(0);
    expect<usize>(dirtyFirst).toBe(0);
  });

  test("L1: a tag, a count or a place in the list that is not what the pages say", () => {
    write(disk, 3);
    const tags = nodeTags(disk.root);
    store<u64>(tags, load<u64>(tags) | 1);
    expectBroken(DirtyInvariant.Tags);
    store<u64>(tags, 8);
    disk.dirty = 2;
    expectBroken(DirtyInvariant.Tags);
    disk.dirty = 1;
    disk.dirtyNext = changetype<usize>(disk);
    expectBroken(DirtyInvariant.Tags);
    disk.dirtyNext = 0;
    flagClear(PG.dirty, cacheGet(disk, 3));
    expectBroken(DirtyInvariant.Tags);
    flagSet(PG.dirty, cacheGet(disk, 3));
  });

  test("L2: after a writeback the next write through a shared pte faults, and is seen", () => {
    const dirtied = statGet(Vmstat.nr_dirtied);
    const stored = statGet(Vmstat.nr_written);
    touch(mm, 2, 3);
    expect<bool>((pteGet(mm, page(2)) & W) != 0).toBe(true);
    expect<i32>(clean(disk, 0, 8)).toBe(1);
    expect<u64>(pteGet(mm, page(2)) & (W | D)).toBe(0);
    expect<u64>(dirtyNext(disk, 0)).toBe(NO_PAGE);
    touch(mm, 2, 3);
    expect<u64>(dirtyNext(disk, 0)).toBe(2);
    expect<f64>(statGet(Vmstat.nr_written) - stored).toBe(1);
    expect<f64>(statGet(Vmstat.nr_dirtied) - dirtied).toBe(2);
  });

  test("L2: a clean page that a shared pte may write", () => {
    assert(access(mm, page(5), Access.Read) == 0, "read");
    const slot = pteSlot(mm, page(5));
    store<u64>(slot, load<u64>(slot) | W);
    expectBroken(DirtyInvariant.Unnoticed);
    store<u64>(slot, load<u64>(slot) & ~W);
  });

  test("L3: a page that is read is nobody's until the host has its bytes", () => {
    expect<i32>(access(mm, page(16), Access.Read)).toBe(Status.NEED_IO);
    expect<u32>(resultGet(ResultField.OffsetLo)).toBe(2);
    expect<i32>(fileReadBegin(backed, 2, 4)).toBe(4);
    expectSound();
    expect<i32>(access(mm, page(17), Access.Write)).toBe(Status.NEED_IO);
    expect<i32>(fileReadBegin(backed, 3, 4)).toBe(0);
    for (let index: u64 = 2; index < 6; index++) {
      expect<i32>(fileFilled(backed, index, index == 5)).toBe(0);
      expectSound();
    }
    expect<i32>(fileFilled(backed, 5, false)).toBe(Status.EBADF);
    expect<i32>(access(mm, page(17), Access.Write)).toBe(0);
    expect<u32>(cacheGet(backed, 5)).toBe(0);
  });

  test("L3: a page that is locked and up to date, neither of them, or counted wrongly", () => {
    expect<i32>(fileReadBegin(backed, 2, 1)).toBe(1);
    const pfn = cacheGet(backed, 2);
    flagSet(PG.uptodate, pfn);
    expectBroken(DirtyInvariant.Reading);
    flagClear(PG.uptodate, pfn);
    flagClear(PG.locked, pfn);
    expectBroken(DirtyInvariant.Reading);
    flagSet(PG.locked, pfn);
    backed.reads = 0;
    expectBroken(DirtyInvariant.Reading);
    backed.reads = 1;
    assert(fileFilled(backed, 2, true) == 0, "a page that is being read");
  });

  test("L4: a page is being written until the host says so, and dirty again when it failed", () => {
    const pfn = write(backed, 7);
    expect<i32>(clean(backed, 0, PAGES)).toBe(1);
    expect<bool>(flagTest(PG.writeback, pfn)).toBe(true);
    expect<bool>(flagTest(PG.dirty, pfn)).toBe(false);
    expectSound();
    written(7, true);
    expect<bool>(flagTest(PG.dirty, pfn)).toBe(true);
    expect<i32>(clean(backed, 0, PAGES)).toBe(1);
    written(7, false);
    expect<i32>(fileWritten(backed, 7, 4096, false)).toBe(Status.EBADF);
    expect<i32>(fileRedirty(backed, 7)).toBe(1);
    // Not cached: what the host has of it is read back; beyond the file it has nothing.
    expect<i32>(fileRedirty(backed, 8)).toBe(2);
    expect<i32>(fileRedirty(backed, PAGES)).toBe(0);
  });

  test("L4: dirty again while it is written: an fsync waits, the background does not", () => {
    write(backed, 7);
    clean(backed, 0, PAGES);
    write(backed, 7);
    expect<i32>(clean(backed, 0, PAGES, WritebackMode.Background)).toBe(0);
    expect<i32>(clean(backed, 0, PAGES)).toBe(Status.NEED_IO);
    expect<i32>(fileTruncate(backed, 4096)).toBe(Status.NEED_IO);
    expect<i32>(filePunch(backed, 7 << 12, 4096)).toBe(Status.NEED_IO);
    written(7, false);
    expect<i32>(clean(backed, 0, PAGES)).toBe(1);
    written(7, false);
  });

  test("L4: a count of writes that is not the pages', and one that nobody does", () => {
    const pfn = write(disk, 7);
    flagSet(PG.writeback, pfn);
    expectBroken(DirtyInvariant.Writing);
    disk.writebacks = 1;
    expectBroken(DirtyInvariant.Writing);
    disk.writebacks = 0;
    flagClear(PG.writeback, pfn);
    expect<u32>(frameOf(pfn).refcount).toBe(1);
  });
});
