// Lengths, flags and addresses at the ends of what there is: the errno of Linux 6.18, its state,
// and no long way round.

import {
  Access,
  MADV_NORMAL,
  MAP_ABOVE4G,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_HUGE_1GB,
  MAP_HUGE_2MB,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED_VALIDATE,
  MCL_FUTURE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  Populate,
  PROT_NONE,
  PROT_READ,
  ResultField,
  Rights,
  Status,
  VM_LOCKED,
} from "../../../assembly/abi";
import { Mm, mmCreate, mmOf } from "../../../assembly/map/mm";
import { pteGet } from "../../../assembly/map/table";
import { vmaFind } from "../../../assembly/map/vma-tree";
import { resultGet, resultSet } from "../../../assembly/mem/result";
import { ticketAbort } from "../../../assembly/op/commit";
import { commitLimitSet } from "../../../assembly/op/commit-limit";
import { exportAdd, exportRemoveAll } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { madvise } from "../../../assembly/op/madvise";
import { mlockall } from "../../../assembly/op/mlock";
import { mmap } from "../../../assembly/op/mmap";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import {
  area,
  boot,
  closeFile,
  countAll,
  expectEmpty,
  expectSound,
  file,
  leave,
  mapAnon,
  mapFile,
  page,
  space,
  touch,
} from "./world";

const PAGE: u64 = 4096;
const MOVE: i32 = MREMAP_MAYMOVE | MREMAP_FIXED;
const ANYWHERE: i32 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

function address(): u64 {
  return ((<u64>resultGet(ResultField.ValueHi)) << 32) | resultGet(ResultField.ValueLo);
}

function mapValidated(mm: Mm, mapping: usize, flags: i32): i32 {
  return mmap(mm, 0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | flags, mapping, 0);
}

/** An address space whose placement begins at `base`. */
function spaceBelow(base: u64): Mm {
  return changetype<Mm>(changetype<usize>(mmOf(<u32>mmCreate(base, 0x555555559000))));
}

describe("bounds", () => {
  beforeEach(() => {
    boot(1024);
    countAll();
    commitLimitSet(u64.MAX_VALUE);
  });
  afterEach(() => {
    commitLimitSet(0);
    expectSound();
    expectEmpty();
  });

  test("mremap that shrinks a range past the user's half: EINVAL, and nothing is unmapped", () => {
    const mm = space();
    mapAnon(mm, 0, 8);
    mapAnon(mm, 16, 20);
    expect<i32>(mremap(mm, page(0), 1 << 50, PAGE, 0, 0)).toBe(Status.EINVAL);
    expect<i32>(mremap(mm, page(0), 1 << 63, PAGE, 0, 0)).toBe(Status.EINVAL);
    expect<u64>(area(mm, 0).end).toBe(page(8));
    expect<u64>(area(mm, 16).end).toBe(page(20));
    leave(mm);
  });

  test("the same with a move: EINVAL, when its target is gone", () => {
    const mm = space();
    mapAnon(mm, 0, 1);
    mapAnon(mm, 8, 16);
    expect<i32>(mremap(mm, page(8), 1 << 50, PAGE, MOVE, page(0))).toBe(Status.EINVAL);
    expect<u64>(area(mm, 8).end).toBe(page(16));
    expect<u64>(changetype<usize>(vmaFind(mm, page(0)))).toBe(changetype<usize>(area(mm, 8)));
    leave(mm);
  });

  test("lengths of 2^62 find the records of a page below them no more than once", () => {
    const mm = space();
    mapAnon(mm, 0, 256);
    touch(mm, 0, 256);
    for (let at: u32 = 0; at < 256; at++) exportAdd(1, mm, page(at), Rights.Read);
    mapAnon(mm, 512, 513);
    expect<i32>(madvise(mm, page(512), 1 << 62, MADV_NORMAL)).toBe(Status.ENOMEM);
    expect<i32>(mprotect(mm, page(512), 1 << 62, PROT_READ)).toBe(Status.ENOMEM);
    exportRemoveAll(1);
    leave(mm);
  });

  test("P1: a bracket over 2^63 bytes freezes what is a user's, not what wraps around", () => {
    const mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 3, 4);
    exportAdd(1, mm, page(3), Rights.Read);
    const ticket = ticketOf(<u32>mprotect(mm, page(2), 1 << 63, PROT_READ));
    expectSound();
    touch(mm, 0, 1);
    expectSound();
    expect<i32>(ticketAbort(changetype<Ticket>(changetype<usize>(ticket)))).toBe(0);
    exportRemoveAll(1);
    leave(mm);
  });

  test("running what may not run: SEGV_ACCERR, with the page there, as x86 finds out", () => {
    const mm = space();
    mapAnon(mm, 0, 1);
    mapAnon(mm, 1, 2, PROT_NONE);
    const shown = file(1);
    mapFile(mm, 2, 4, shown, 0);
    expect<i32>(access(mm, page(0), Access.Execute)).toBe(Status.SEGV_ACCERR);
    expect<bool>(pteGet(mm, page(0)) != 0).toBe(true);
    expect<i32>(access(mm, page(0), Access.Execute)).toBe(Status.SEGV_ACCERR);
    expect<i32>(access(mm, page(1), Access.Execute)).toBe(Status.SEGV_ACCERR);
    expect<u64>(pteGet(mm, page(1))).toBe(0);
    expect<i32>(access(mm, page(3), Access.Execute)).toBe(Status.BUS_ADRERR);
    leave(mm);
    closeFile(shown);
  });

  test("MAP_DROPPABLE under MCL_FUTURE: populated, and not locked", () => {
    const mm = space();
    expect<i32>(mlockall(mm, MCL_FUTURE)).toBe(0);
    const flags = MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED;
    resultSet(ResultField.PopulateMode, 0);
    expect<i32>(mmap(mm, page(0), PAGE, PROT_READ, flags, 0, 0)).toBe(0);
    expect<u32>(area(mm, 0).flags & VM_LOCKED).toBe(0);
    expect<u32>(resultGet(ResultField.PopulateMode)).toBe(Populate.Quiet);
    leave(mm);
  });

  test("MAP_SHARED_VALIDATE knows MAP_ABOVE4G and the sizes of huge pages, and no more", () => {
    const mm = space();
    const shown = file(1);
    const known = MAP_ABOVE4G | MAP_HUGE_2MB | MAP_HUGE_1GB;
    expect<i32>(mapValidated(mm, shown, known)).toBe(0);
    expect<i32>(mapValidated(mm, shown, 0x200)).toBe(Status.EOPNOTSUPP);
    expect<i32>(mapValidated(mm, shown, 0x2000000)).toBe(Status.EOPNOTSUPP);
    leave(mm);
    closeFile(shown);
  });

  test("MAP_ABOVE4G: the gap below 4 GiB is not taken", () => {
    const mm = spaceBelow(0x100001000);
    const above = ANYWHERE | MAP_ABOVE4G;
    expect<i32>(mmap(mm, 0, PAGE, PROT_NONE, above, 0, 0)).toBe(0);
    expect<u64>(address()).toBe(0x100000000);
    expect<i32>(mmap(mm, 0, PAGE, PROT_NONE, ANYWHERE, 0, 0)).toBe(0);
    expect<u64>(address()).toBe(0xfffff000);
    expect<i32>(mmap(mm, 0, PAGE, PROT_NONE, above, 0, 0)).toBe(0);
    expect<u64>(address()).toBe(0x2aaaaaaaa000);
    leave(mm);
  });

  test("placement stops at 64 KiB, as mmap_min_addr has it", () => {
    const mm = spaceBelow(0x20000);
    expect<i32>(mmap(mm, 0, 0x10000, PROT_NONE, ANYWHERE, 0, 0)).toBe(0);
    expect<u64>(address()).toBe(0x10000);
    expect<i32>(mmap(mm, 0, PAGE, PROT_NONE, ANYWHERE, 0, 0)).toBe(0);
    expect<u64>(address()).toBe(0x2aaaaaaaa000);
    leave(mm);
  });
});
