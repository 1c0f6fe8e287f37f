// Ways round a freeze: what is frozen by file, by the break, or behind a commit, stays as it is.

import {
  Access,
  AreaName,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  ResultField,
  Status,
  VM_READ,
  VM_SHARED,
} from "../../../assembly/abi";
import { Mapping } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { pteGet } from "../../../assembly/map/table";
import { vmaIntersection } from "../../../assembly/map/vma-tree";
import { resultGet } from "../../../assembly/mem/result";
import { brk } from "../../../assembly/op/brk";
import { ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { mmWatch } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { importArea, importPage } from "../../../assembly/op/import";
import { mmap } from "../../../assembly/op/mmap";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import { filePunch } from "../../../assembly/op/truncate";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import {
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
  READ_WRITE,
  read,
  space,
  touch,
} from "./world";

const PAGE: u64 = 4096;

function open(handle: i32): Ticket {
  assert(handle > 0, "no ticket");
  return changetype<Ticket>(changetype<usize>(ticketOf(<u32>handle)));
}

function carryOut(ticket: Ticket): void {
  expect<i32>(ticketCommit(ticket)).toBe(0);
  expect<i32>(ticketEnd(ticket)).toBe(0);
}

function watched(): Mm {
  const mm = space();
  mmWatch(mm, 1);
  return mm;
}

/** Leaves without a bracket of its own. */
function leaveUnwatched(mm: Mm): void {
  mmWatch(mm, -1);
  leave(mm);
}

describe("frozen", () => {
  beforeEach(() => {
    boot(1024);
    countAll();
  });
  afterEach(() => {
    expectSound();
    expectEmpty();
  });

  test("P1: a fault near a frozen part of a file maps nothing of it, in an area made since", () => {
    const mm = watched();
    const shown = file(16);
    mapFile(mm, 0, 16, shown, 0);
    for (let at: u32 = 0; at < 16; at++) access(mm, page(at), Access.Write);
    const ticket = open(filePunch(changetype<Mapping>(shown), 8 * PAGE, 4 * PAGE));
    const other = space();
    mapFile(other, 0, 16, shown, 0);
    read(other, 0);
    expect<u64>(pteGet(other, page(8))).toBe(0);
    expect<i32>(access(other, page(8), Access.Read)).toBe(Status.EAGAIN);
    carryOut(ticket);
    leave(other);
    leaveUnwatched(mm);
    closeFile(shown);
  });

  test("P1: nor does importing a page", () => {
    const mm = watched();
    const shown = file(4);
    mapFile(mm, 0, 4, shown, 0);
    touch(mm, 0, 4);
    const ticket = open(filePunch(changetype<Mapping>(shown), 0, 4 * PAGE));
    const other = space();
    const flags = MAP_PRIVATE | MAP_FIXED;
    expect<i32>(mmap(other, page(0), 4 * PAGE, READ_WRITE, flags, shown, 0)).toBe(0);
    expect<i32>(importPage(other, page(1), false)).toBe(Status.EAGAIN);
    carryOut(ticket);
    expect<i32>(importPage(other, page(1), false)).toBe(0);
    leave(other);
    leaveUnwatched(mm);
    closeFile(shown);
  });

  test("brk that grows waits for one that shrinks, so that nothing is left above the break", () => {
    const mm = watched();
    const heap = mm.brkStart;
    expect<i32>(brk(mm, heap + 16 * PAGE)).toBe(0);
    access(mm, heap + 8 * PAGE, Access.Write);
    const handle = brk(mm, heap + 4 * PAGE);
    const ticket = open(handle);
    expect<i32>(brk(mm, heap + 20 * PAGE)).toBe(Status.EAGAIN);
    expect<u32>(resultGet(ResultField.Blocker)).toBe(<u32>handle);
    carryOut(ticket);
    expect<i32>(brk(mm, heap + 20 * PAGE)).toBe(0);
    expect<u32>(mm.mapCount).toBe(1);
    leaveUnwatched(mm);
  });

  test("P1: a planned mremap does not grow into room that another bracket freezes", () => {
    const mm = watched();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    expect<i32>(mmap(mm, page(4), 4 * PAGE, 1, flags, 0, 0)).toBe(0);
    const remap = open(mremap(mm, page(0), 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, 0));
    const unmap = open(munmap(mm, page(4), 4 * PAGE));
    expect<i32>(ticketCommit(unmap)).toBe(0);
    carryOut(remap);
    expect<usize>(vmaIntersection(mm, page(0), page(8))).toBe(0);
    expect<i32>(ticketEnd(unmap)).toBe(0);
    leaveUnwatched(mm);
  });

  test("an imported area that is shared needs a file", () => {
    const mm = space();
    const shared = VM_READ | VM_SHARED;
    const status = importArea(mm, page(0), page(1), shared, 0, 0, AreaName.None);
    expect<i32>(status).toBe(Status.EINVAL);
    leave(mm);
  });
});
