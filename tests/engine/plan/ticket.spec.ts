// A ticket's life, and what its freeze keeps from happening meanwhile.

import {
  Access,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  PROT_READ,
  ResultField,
  Rights,
  Status,
  TICKETS_MAX,
} from "../../../assembly/abi";
import { framesReserved } from "../../../assembly/frame/buddy";
import { Mapping } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { pteGet } from "../../../assembly/map/table";
import { resultGet, resultGet64 } from "../../../assembly/mem/result";
import { ticketAbort, ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { exit } from "../../../assembly/op/exit";
import { exportAdd, exportRemove, mmWatch } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { fileGrow, filePage } from "../../../assembly/op/file";
import { fork } from "../../../assembly/op/fork";
import { importPage } from "../../../assembly/op/import";
import { madvise } from "../../../assembly/op/madvise";
import { pageMigrate } from "../../../assembly/op/migrate";
import { mlock } from "../../../assembly/op/mlock";
import { mmap } from "../../../assembly/op/mmap";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import { freezeConflict, Key, KeyKind, keyCreate, keyFirst } from "../../../assembly/plan/freeze";
import {
  Ticket,
  TicketState,
  ticketHandle,
  ticketOf,
  ticketsOpen,
} from "../../../assembly/plan/ticket";
import {
  area,
  boot,
  closeFile,
  countAll,
  expectEmpty,
  expectSound,
  file,
  giveBack,
  leave,
  mapAnon,
  mapFile,
  page,
  pfnAt,
  READ_WRITE,
  space,
  takeAllBut,
  touch,
} from "../op/world";
import { opened, planUnmap } from "./opened";

const PAGE: u64 = 4096;
const HOLDER: u32 = 9;

let mm = changetype<Mm>(0);

/** Expects that what answered `status` was told to wait for `ticket`. */
function expectWait(status: i32, ticket: Ticket): void {
  expect<i32>(status).toBe(Status.EAGAIN);
  expect<u32>(resultGet(ResultField.Blocker)).toBe(<u32>ticketHandle(changetype<usize>(ticket)));
}

//   pages   0 ──────── 8         10
//           rw, touched          rw, untouched
function begin(): void {
  boot(4096);
  countAll();
  mm = space();
  mapAnon(mm, 0, 8);
  mapAnon(mm, 10, 12);
  touch(mm, 0, 8);
  mmWatch(mm, 1);
}

function finish(): void {
  expect<u32>(ticketsOpen).toBe(0);
  mmWatch(mm, -1);
  leave(mm);
  expectEmpty();
}

describe("ticket: its life", () => {
  beforeEach(begin);
  afterEach(finish);

  test("planned, aborted: everything is as it was", () => {
    const pfn = pfnAt(mm, 3);
    const ticket = planUnmap(mm, 2, 5);
    expect<u32>(ticket.state).toBe(TicketState.Planned);
    expect<u32>(ticketsOpen).toBe(1);
    expectSound();
    expect<i32>(ticketAbort(ticket)).toBe(0);
    expect<u32>(mm.mapCount).toBe(2);
    expect<u32>(pfnAt(mm, 3)).toBe(pfn);
    expect<u32>(mm.freezes).toBe(0);
  });

  test("planned, committed, ended: the freeze lasts until the end", () => {
    const ticket = planUnmap(mm, 2, 5);
    expect<i32>(ticketCommit(ticket)).toBe(0);
    expect<u32>(ticket.state).toBe(TicketState.Committed);
    expect<u64>(pteGet(mm, page(3))).toBe(0);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    expectWait(mmap(mm, page(3), PAGE, READ_WRITE, flags, 0, 0), ticket);
    expectSound();
    expect<i32>(ticketEnd(ticket)).toBe(0);
    expect<i32>(mmap(mm, page(3), PAGE, READ_WRITE, flags, 0, 0)).toBe(0);
  });

  test("no step may be taken twice, or out of turn", () => {
    const ticket = planUnmap(mm, 2, 5);
    expect<i32>(ticketEnd(ticket)).toBe(Status.EINVAL);
    ticketCommit(ticket);
    expect<i32>(ticketCommit(ticket)).toBe(Status.EINVAL);
    expect<i32>(ticketAbort(ticket)).toBe(Status.EINVAL);
    ticketEnd(ticket);
    expect<bool>(ticketOf(<u32>ticketHandle(changetype<usize>(ticket))) == null).toBe(true);
    expect<bool>(ticketOf(0) == null).toBe(true);
  });

  test("P3: a commit is refused while a holder is left, and says who and where", () => {
    exportAdd(HOLDER, mm, page(4), Rights.Read);
    const ticket = planUnmap(mm, 2, 6);
    expect<i32>(ticketCommit(ticket)).toBe(Status.EBUSY);
    expect<u32>(resultGet(ResultField.Holder)).toBe(HOLDER);
    expect<u64>(resultGet64(ResultField.HolderLo)).toBe(page(4));
    expect<u32>(ticket.state).toBe(TicketState.Planned);
    expectSound();
    expect<i32>(exportRemove(HOLDER, mm.handle, page(4))).toBe(1);
    expect<i32>(ticketCommit(ticket)).toBe(0);
    ticketEnd(ticket);
  });

  test("P3: a holder outside the range does not matter", () => {
    exportAdd(HOLDER, mm, page(6), Rights.Read);
    const ticket = planUnmap(mm, 2, 6);
    expect<i32>(ticketCommit(ticket)).toBe(0);
    ticketEnd(ticket);
    exportRemove(HOLDER, mm.handle, page(6));
  });

  test("no memory for a ticket: nothing is planned, nothing set aside", () => {
    takeAllBut(0);
    expect<i32>(fork(mm)).toBe(Status.ENOMEM);
    expect<u32>(framesReserved()).toBe(0);
    giveBack();
    expect<u32>(ticketsOpen).toBe(0);
    expectSound();
  });

  test("the limit of open tickets has an error of its own", () => {
    mapAnon(mm, 100, 100 + 2 * TICKETS_MAX + 2);
    for (let at: u32 = 0; at < TICKETS_MAX; at++) planUnmap(mm, 100 + 2 * at, 101 + 2 * at);
    expect<u32>(ticketsOpen).toBe(TICKETS_MAX);
    const over = page(100 + 2 * TICKETS_MAX);
    expect<i32>(munmap(mm, over, PAGE)).toBe(Status.ENFILE);
    expectSound();
    while (keyFirst()) ticketAbort(firstOpen());
    expectSound();
  });
});

/** A ticket that holds a key. */
function firstOpen(): Ticket {
  return changetype<Ticket>(changetype<Key>(keyFirst()).ticket);
}

describe("ticket: what waits for it", () => {
  beforeEach(begin);
  afterEach(finish);

  test("P1: reads and writes of pages that are there go on", () => {
    const ticket = planUnmap(mm, 0, 8);
    expect<i32>(access(mm, page(3), Access.Read)).toBe(0);
    expect<i32>(access(mm, page(3), Access.Write)).toBe(0);
    ticketAbort(ticket);
  });

  test("P1: writes wait where pages are about to lose the right to be written", () => {
    const ticket = opened(mprotect(mm, page(0), 8 * PAGE, PROT_READ));
    expect<i32>(access(mm, page(3), Access.Read)).toBe(0);
    expectWait(access(mm, page(3), Access.Write), ticket);
    ticketAbort(ticket);
    expect<i32>(access(mm, page(3), Access.Write)).toBe(0);
  });

  test("P1: nothing becomes present, by a fault or by hand", () => {
    mapAnon(mm, 8, 9);
    const ticket = planUnmap(mm, 6, 9);
    expectWait(access(mm, page(8), Access.Read), ticket);
    expectWait(access(mm, page(8), Access.Write), ticket);
    expectWait(importPage(mm, page(8), true), ticket);
    expect<u64>(pteGet(mm, page(8))).toBe(0);
    ticketAbort(ticket);
  });

  test("P1: nothing becomes exported; what is exported may be let go", () => {
    exportAdd(HOLDER, mm, page(1), Rights.Read);
    const ticket = planUnmap(mm, 0, 3);
    expectWait(exportAdd(HOLDER, mm, page(2), Rights.Read), ticket);
    expectWait(exportAdd(HOLDER, mm, page(1), Rights.Write), ticket);
    expect<i32>(exportRemove(HOLDER, mm.handle, page(1))).toBe(1);
    ticketAbort(ticket);
  });

  test("P2, Z1: every other operation on the range waits, and changes nothing", () => {
    const ticket = planUnmap(mm, 2, 6);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    expectWait(munmap(mm, page(5), 2 * PAGE), ticket);
    expectWait(mmap(mm, page(0), 3 * PAGE, READ_WRITE, flags, 0, 0), ticket);
    expectWait(mprotect(mm, page(0), 8 * PAGE, PROT_READ), ticket);
    expectWait(madvise(mm, page(3), PAGE, MADV_DONTNEED), ticket);
    expectWait(mlock(mm, page(3), PAGE, 0), ticket);
    expectWait(mremap(mm, page(2), PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), ticket);
    expectWait(fork(mm), ticket);
    expectWait(exit(mm), ticket);
    expect<u32>(mm.mapCount).toBe(2);
    expectSound();
    ticketAbort(ticket);
  });

  test("Z1: operations on both sides of the range do not wait", () => {
    const middle = planUnmap(mm, 2, 6);
    const low = planUnmap(mm, 1, 2);
    const high = planUnmap(mm, 6, 7);
    expectSound();
    expect<i32>(ticketCommit(high)).toBe(0);
    expect<i32>(ticketCommit(low)).toBe(0);
    expect<i32>(ticketCommit(middle)).toBe(0);
    ticketEnd(middle);
    ticketEnd(low);
    ticketEnd(high);
    expect<u64>(area(mm, 0).end).toBe(page(1));
    expect<u64>(area(mm, 7).start).toBe(page(7));
  });

  test("Z2: a page that moves is frozen by itself, and at every place that maps it", () => {
    const pfn = pfnAt(mm, 3);
    const ticket = opened(pageMigrate(pfn));
    expect<u32>(mm.freezes).toBe(1);
    expect<usize>(freezeConflict(KeyKind.Frame, pfn, 0, 1)).toBe(changetype<usize>(ticket));
    expectWait(pageMigrate(pfn), ticket);
    expectWait(munmap(mm, page(3), PAGE), ticket);
    expectWait(access(mm, page(3), Access.Write), ticket);
    expect<i32>(ticketCommit(ticket)).toBe(0);
    expect<u32>(pfnAt(mm, 3)).not.toBe(pfn);
    ticketEnd(ticket);
  });

  test("Z2: a part of a file that is frozen takes in no page, and the rest does", () => {
    const mapping = file(8);
    mapFile(mm, 20, 28, mapping, 0);
    const ticket = planUnmap(mm, 0, 1);
    const first = ticket.keys;
    ticket.keys = keyCreate(
      changetype<usize>(ticket),
      first,
      KeyKind.Mapping,
      mapping,
      2 * PAGE,
      4 * PAGE,
    );
    expectSound();
    expectWait(access(mm, page(22), Access.Write), ticket);
    expectWait(filePage(changetype<Mapping>(mapping), 3, true), ticket);
    expect<i32>(access(mm, page(24), Access.Write)).toBe(0);
    expect<i32>(fileGrow(changetype<Mapping>(mapping), 9 * PAGE, 8 * PAGE)).toBe(0);
    ticketAbort(ticket);
    expect<u32>(changetype<Mapping>(mapping).freezes).toBe(0);
    closeFile(mapping);
  });
});
