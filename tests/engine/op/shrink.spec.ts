// Which pages go, in which order, and which stay whatever they are asked?

import {
  Access,
  Fate,
  FileKind,
  LruKind,
  MADV_COLD,
  MADV_FREE,
  PG,
  ResultField,
  Rights,
  ScanField,
  Status,
} from "../../../assembly/abi";
import { abortEntry } from "../../../assembly/entry/ticket";
import { framesReserve, framesUnreserve, freeFrames } from "../../../assembly/frame/buddy";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameAddress } from "../../../assembly/frame/frame";
import { lruActivate, lruList, lruOf } from "../../../assembly/frame/lru";
import { GroupInvariant } from "../../../assembly/map/check-group";
import { groupAt } from "../../../assembly/map/group";
import { Mapping, mappingPut } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { P } from "../../../assembly/map/pte";
import { isSwap, slotCount, swapOn, swapSlot, swapUsed } from "../../../assembly/map/swap";
import { pteGet } from "../../../assembly/map/table";
import { windowBase } from "../../../assembly/mem/layout";
import { resultGet } from "../../../assembly/mem/result";
import { pageEvict } from "../../../assembly/op/evict";
import { exportAdd, exportRemoveAll } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { fileCreate, fileOf } from "../../../assembly/op/file";
import { groupEnter, groupMake, groupPages, groupRelease } from "../../../assembly/op/group";
import { machineCheck } from "../../../assembly/op/machine";
import { madvise } from "../../../assembly/op/madvise";
import { mlock, munlock } from "../../../assembly/op/mlock";
import { munmap } from "../../../assembly/op/munmap";
import { ageNext, judge, shrink } from "../../../assembly/op/shrink";
import { swapFilled, swapNext, swapNextRead, swapWritten } from "../../../assembly/op/swap-in";
import { TicketInvariant } from "../../../assembly/plan/check-ticket";
import { promiseKeep, promiseMake, reclaimsSet, wanting } from "../../../assembly/plan/lack";
import {
  boot,
  closeFile,
  file,
  forked,
  giveBack,
  leave,
  mapAnon,
  mapFile,
  page,
  read,
  space,
  takeAllBut,
  touch,
} from "./world";

const ALL: u32 = 1000;
const SLOTS: u32 = 64;
/** What the host has written: byte 0 of a page standing for all. */
const disk = memory.data(64);

let mm: Mm = changetype<Mm>(0);

function hostWrites(fails: bool = false): u32 {
  let count: u32 = 0;
  while (swapNext(1)) {
    const slot = resultGet(ResultField.Count);
    store<u8>(disk + slot, load<u8>(frameAddress(resultGet(ResultField.Pfn))));
    swapWritten(slot, fails);
    count++;
  }
  return count;
}

/** The host reads what is wanted, and what is read ahead with it. */
function hostReads(): void {
  while (swapNextRead(1)) {
    const slot = resultGet(ResultField.Count);
    store<u8>(frameAddress(resultGet(ResultField.Pfn)), load<u8>(disk + slot));
    swapFilled(slot, false);
  }
}

function byteAt(owner: Mm, index: u32): i32 {
  let status = access(owner, page(index), Access.Read);
  if (status == Status.NEED_IO) {
    hostReads();
    status = access(owner, page(index), Access.Read);
  }
  return status ? status : <i32>load<u8>(frameAddress(resultGet(ResultField.Pfn)));
}

function fateCount(fate: Fate): u32 {
  return load<u32>(windowBase + ((<usize>(ScanField.Fates + fate)) << 2));
}

function isOut(owner: Mm, index: u32): bool {
  return isSwap(pteGet(owner, page(index)));
}

describe("shrink", () => {
  beforeAll(() => {
    boot(400);
    assert(swapOn(SLOTS) == 0, "no swap for the test");
  });

  beforeEach(() => {
    mm = space();
    mapAnon(mm, 0, 16);
    touch(mm, 0, 8);
    for (let i: u32 = 0; i < 8; i++) store<u8>(frameAddress(read(mm, i)), <u8>(i + 1));
  });

  afterEach(() => {
    hostWrites();
    leave(mm);
    assert(swapUsed == 0, "a slot is left");
    assert(machineCheck() == 0, "the machine is sound");
  });

  test("what was used once goes at the second look, oldest first, and comes back whole", () => {
    expect<u32>(shrink(3, 0, false)).toBe(3);
    expect<bool>(isOut(mm, 0) && isOut(mm, 1) && isOut(mm, 2)).toBe(true);
    expect<bool>((pteGet(mm, page(3)) & P) != 0).toBe(true);
    expect<u32>(hostWrites()).toBe(3);
    for (let i: u32 = 0; i < 8; i++) expect<i32>(byteAt(mm, i)).toBe(i + 1);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("what is used again between two looks becomes active, and goes last", () => {
    const pfn = read(mm, 0);
    flagSet(PG.referenced, pfn);
    expect<u32>(shrink(4, 0, false)).toBe(4);
    expect<bool>(isOut(mm, 0)).toBe(false);
    expect<u32>(lruList(lruOf(0, LruKind.ActiveAnon)).head).toBe(pfn);
    expect<u32>(shrink(ALL, 0, false)).toBe(3);
    hostWrites();
    expect<bool>(isOut(mm, 0)).toBe(false);
    expect<u32>(shrink(ALL, 0, false)).toBe(1);
    expect<bool>(isOut(mm, 0)).toBe(true);
  });

  test("a page that parent and child share goes with every pte, into one slot", () => {
    const child = forked(mm);
    expect<u32>(shrink(ALL, 0, true)).toBe(8);
    expect<u32>(slotCount(swapSlot(pteGet(mm, page(5))))).toBe(2);
    expect<u64>(pteGet(child, page(5))).toBe(pteGet(mm, page(5)));
    hostWrites();
    expect<i32>(byteAt(child, 5)).toBe(6);
    expect<i32>(byteAt(mm, 5)).toBe(6);
    // Its slot has gone with the last entry: out again, it gets another.
    shrink(ALL, 0, true);
    expect<bool>(isOut(mm, 5) && isOut(child, 5)).toBe(true);
    expect<u32>(machineCheck()).toBe(0);
    hostWrites();
    leave(child);
  });

  test("a page of which one sharer has an entry yet goes back to its slot", () => {
    const child = forked(mm);
    shrink(ALL, 0, true);
    hostWrites();
    const slot = swapSlot(pteGet(mm, page(5)));
    expect<i32>(byteAt(child, 5)).toBe(6);
    shrink(ALL, 0, true);
    expect<u32>(swapSlot(pteGet(child, page(5)))).toBe(slot);
    expect<u32>(slotCount(slot)).toBe(2);
    hostWrites();
    leave(child);
  });

  test("what could not be written is tried again", () => {
    shrink(1, 0, false);
    expect<u32>(hostWrites(true)).toBe(1);
    expect<u32>(shrink(1, 0, false)).toBe(1);
    expect<u32>(hostWrites()).toBe(1);
    expect<i32>(byteAt(mm, 0)).toBe(1);
  });

  test("MADV_FREE pages go first and need no swap; one that was written again is not lost", () => {
    madvise(mm, page(6), 8192, MADV_FREE);
    touch(mm, 7, 8);
    expect<u32>(shrink(1, 0, false)).toBe(1);
    expect<u64>(pteGet(mm, page(6))).toBe(0);
    expect<u32>(swapUsed).toBe(0);
    shrink(ALL, 0, false);
    hostWrites();
    expect<i32>(byteAt(mm, 7)).toBe(8);
  });

  test("MADV_COLD pages go before those that were used before them", () => {
    for (let i: u32 = 0; i < 8; i++) lruActivate(read(mm, i));
    madvise(mm, page(5), 4096, MADV_COLD);
    expect<u32>(shrink(1, 0, false)).toBe(1);
    expect<bool>(isOut(mm, 5)).toBe(true);
  });

  test("locked and pinned pages stay, and are counted", () => {
    mlock(mm, page(0), 4 << 12, 0);
    const pfn = read(mm, 4);
    flagSet(PG.pinned, pfn);
    expect<u32>(shrink(ALL, 0, false)).toBe(3);
    expect<bool>(fateCount(Fate.Locked) > 3).toBe(true);
    expect<bool>(fateCount(Fate.Pinned) > 0).toBe(true);
    flagClear(PG.pinned, pfn);
    munlock(mm, page(0), 4 << 12);
  });

  test("files without a backing stay; with one, clean pages go and dirty ones wait", () => {
    const handle = fileOf(<u32>fileCreate(FileKind.Disk, 4 << 12));
    const mapping = changetype<Mapping>(handle);
    mapFile(mm, 20, 24, handle, 0);
    for (let i: u32 = 20; i < 24; i++) read(mm, i);
    shrink(ALL, 0, false);
    expect<u32>(mapping.pages).toBe(4);
    expect<bool>(fateCount(Fate.Unbacked) > 0).toBe(true);
    hostWrites();
    mapping.isBacked = 1;
    touch(mm, 21, 22);
    shrink(ALL, 0, false);
    expect<u32>(mapping.pages).toBe(1);
    expect<bool>(fateCount(Fate.Dirty) > 0).toBe(true);
    expect<u64>(pteGet(mm, page(20))).toBe(0);
    expect<bool>((pteGet(mm, page(21)) & P) != 0).toBe(true);
    mapping.isBacked = 0;
    mappingPut(mapping);
  });

  test("where swap is full, pages stay and nothing is looked at in vain", () => {
    mapAnon(mm, 100, 200);
    touch(mm, 100, 200);
    expect<u32>(shrink(ALL, 0, false)).toBe(SLOTS);
    expect<u32>(shrink(ALL, 0, false)).toBe(0);
    expect<u32>(load<u32>(windowBase)).toBe(0);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("held pages are passed over, listed with their references, and go in a bracket", () => {
    expect<i32>(exportAdd(0, mm, page(2), Rights.Read)).toBe(0);
    const pfn = resultGet(ResultField.Pfn);
    expect<u32>(shrink(ALL, 0, false)).toBe(7);
    expect<u32>(ageNext(0, 32)).toBe(1);
    expect<u32>(load<u32>(windowBase)).toBe(pfn);
    expect<u32>(load<u32>(windowBase, 4)).toBe(1);
    expect<i32>(judge(pfn, 1)).toBe(Fate.Kept);
    expect<i32>(judge(pfn, 0)).toBe(Fate.Reclaimed);
    const ticket = pageEvict(pfn);
    expect<bool>(ticket > 0).toBe(true);
    expect<i32>(abortEntry(ticket)).toBe(0);
    exportRemoveAll(0);
  });

  test("a page that is no page is not evicted", () => {
    expect<i32>(pageEvict(0)).toBe(Status.EINVAL);
    expect<i32>(pageEvict(u32.MAX_VALUE)).toBe(Status.EINVAL);
    expect<i32>(pageEvict(mm.pgd)).toBe(Status.EINVAL);
  });

  test("shared memory goes to swap, and its slots with its file", () => {
    const shared = file(2);
    mapFile(mm, 30, 32, shared, 0);
    touch(mm, 30, 32);
    shrink(ALL, 0, false);
    const used = swapUsed;
    expect<u32>(changetype<Mapping>(shared).pages).toBe(0);
    expect<u32>(changetype<Mapping>(shared).swapped).toBe(2);
    hostWrites();
    closeFile(shared);
    munmap(mm, page(30), 2 << 12);
    expect<u32>(swapUsed).toBe(used - 2);
  });

  test("a group pays for what its own touch, and its scan takes nobody else's", () => {
    const group = <u32>groupMake(4);
    const other = space();
    groupEnter(other, group);
    mapAnon(other, 0, 8);
    touch(other, 0, 4);
    expect<u32>(groupPages(group)).toBe(4);
    expect<i32>(access(other, page(4), Access.Write)).toBe(Status.ENOMEM);
    const child = forked(other);
    expect<u32>(child.group).toBe(group);
    expect<u32>(shrink(ALL, group, true)).toBe(4);
    hostWrites();
    expect<u32>(groupPages(group)).toBe(0);
    expect<bool>(isOut(mm, 0)).toBe(false);
    expect<i32>(access(other, page(4), Access.Write)).toBe(0);
    expect<i32>(groupRelease(group)).toBe(Status.EBUSY);
    leave(child);
    leave(other);
    expect<i32>(groupRelease(group)).toBe(0);
    expect<i32>(groupRelease(group)).toBe(Status.EBADF);
  });

  test("want of frames is NEED_MEMORY where somebody reclaims, ENOMEM where nobody does", () => {
    takeAllBut(0);
    expect<i32>(wanting(access(mm, page(9), Access.Write))).toBe(Status.ENOMEM);
    reclaimsSet(true);
    expect<i32>(wanting(access(mm, page(9), Access.Write))).toBe(Status.NEED_MEMORY);
    expect<u32>(resultGet(ResultField.LackFrames)).toBe(1);
    expect<i32>(wanting(Status.ENOMEM)).toBe(Status.ENOMEM);
    reclaimsSet(false);
    giveBack();
  });

  test("L10: a member too many", () => {
    const group = <u32>groupMake(4);
    groupAt(group).members++;
    expect<u32>(machineCheck()).toBe(GroupInvariant.Members);
    groupAt(group).members--;
    groupRelease(group);
  });

  test("U4: more is aside than reserved", () => {
    expect<bool>(promiseMake(3)).toBe(true);
    framesUnreserve(1);
    expect<u32>(machineCheck()).toBe(TicketInvariant.Reserve);
    framesReserve(1);
    promiseKeep(3);
    expect<bool>(promiseMake(freeFrames() + 1)).toBe(false);
  });
});
