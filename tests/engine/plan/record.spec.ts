// Export records: who holds what, against a table of bits, and what becomes of frames meanwhile.

import { Access, PG, ResultField, Rights, Status, SUBSCRIBERS_MAX } from "../../../assembly/abi";
import { flagTest } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { isExported, Mm, mmOf } from "../../../assembly/map/mm";
import { E } from "../../../assembly/map/pte";
import { pteGet } from "../../../assembly/map/table";
import { resultGet } from "../../../assembly/mem/result";
import { ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { exit } from "../../../assembly/op/exit";
import {
  exportAdd,
  exportLowerRange,
  exportRemove,
  exportRemoveAll,
  exportRemoveRange,
} from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { fork } from "../../../assembly/op/fork";
import {
  ExportRecord,
  nextExported,
  quarantined,
  recordAdd,
  recordFind,
  recordRemove,
  scanFirst,
  scanNext,
  subscriberCount,
  subscriberFirst,
} from "../../../assembly/plan/record";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import {
  boot,
  countAll,
  expectEmpty,
  expectSound,
  forked,
  giveBack,
  leave,
  mapAnon,
  page,
  pfnAt,
  read,
  space,
  takeAllBut,
  touch,
} from "../op/world";
import { below, randomReset, seeded } from "../random";

const ONE: u32 = 1;
const TWO: u32 = SUBSCRIBERS_MAX - 1;

let mm = changetype<Mm>(0);

function hasBit(index: u32): bool {
  return (pteGet(mm, page(index)) & E) != 0;
}

function add(subscriber: u32, index: u32, rights: u32 = Rights.Read): i32 {
  return exportAdd(subscriber, mm, page(index), rights);
}

function remove(subscriber: u32, index: u32): i32 {
  return exportRemove(subscriber, mm.handle, page(index));
}

/** Exits with whatever is held. @returns frames put into quarantine. */
function exitHeld(): u32 {
  const handle = exit(mm);
  assert(handle > 0, "somebody is told of the exit");
  const ticket = changetype<Ticket>(changetype<usize>(ticketOf(<u32>handle)));
  expect<i32>(ticketCommit(ticket)).toBe(0);
  const count = resultGet(ResultField.Count);
  ticketEnd(ticket);
  return count;
}

/** Forks with a reader that is told of it and goes on reading. */
function forkedHeld(): Mm {
  const handle = fork(mm);
  assert(handle > 0, "somebody is told of the fork");
  const ticket = changetype<Ticket>(changetype<usize>(ticketOf(<u32>handle)));
  expect<i32>(ticketCommit(ticket)).toBe(0);
  const child = mmOf(resultGet(ResultField.ValueLo));
  ticketEnd(ticket);
  return changetype<Mm>(changetype<usize>(child));
}

function begin(): void {
  boot(2048);
  countAll();
  mm = space();
  mapAnon(mm, 0, 16);
  touch(mm, 0, 8);
}

function finish(): void {
  exportRemoveAll(ONE);
  exportRemoveAll(TWO);
  leave(mm);
  expectEmpty();
}

describe("record: one page", () => {
  beforeEach(begin);
  afterEach(finish);

  test("E1, E2, E3: a record sets the bit, the flag, the counts, and holds the frame", () => {
    expect<i32>(add(ONE, 3)).toBe(0);
    expect<u32>(resultGet(ResultField.Pfn)).toBe(pfnAt(mm, 3));
    expect<bool>(hasBit(3)).toBe(true);
    expect<bool>(flagTest(PG.exported, pfnAt(mm, 3))).toBe(true);
    expect<u32>(frameOf(pfnAt(mm, 3)).refcount).toBe(2);
    expect<u32>(frameOf(pfnAt(mm, 3)).mapcount).toBe(1);
    expect<u32>(mm.records).toBe(1);
    expect<u32>(subscriberCount(ONE)).toBe(1);
    expect<bool>(isExported(mm)).toBe(true);
    expect<i32>(remove(ONE, 3)).toBe(1);
    expect<bool>(hasBit(3)).toBe(false);
    expect<bool>(flagTest(PG.exported, pfnAt(mm, 3))).toBe(false);
    expect<u32>(frameOf(pfnAt(mm, 3)).refcount).toBe(1);
    expect<bool>(isExported(mm)).toBe(false);
  });

  test("the same page again adds rights, not a record", () => {
    add(ONE, 3);
    add(ONE, 3, Rights.Write);
    expect<u32>(subscriberCount(ONE)).toBe(1);
    const record = changetype<ExportRecord>(subscriberFirst(ONE));
    expect<u32>(record.rights).toBe(Rights.Read | Rights.Write);
  });

  test("E2: the bit lasts as long as anybody holds the page", () => {
    add(ONE, 3);
    add(TWO, 3);
    remove(ONE, 3);
    expect<bool>(hasBit(3)).toBe(true);
    expectSound();
    remove(TWO, 3);
    expect<bool>(hasBit(3)).toBe(false);
  });

  test("letting go of what is not held, or twice, is nothing", () => {
    add(ONE, 3);
    expect<i32>(remove(TWO, 3)).toBe(0);
    expect<i32>(remove(ONE, 4)).toBe(0);
    expect<i32>(remove(ONE, 3)).toBe(1);
    expect<i32>(remove(ONE, 3)).toBe(0);
    expect<i32>(exportRemove(ONE, 12345, page(3))).toBe(0);
  });

  test("a page that is absent, may not be written, or is nobody's is refused", () => {
    expect<i32>(add(ONE, 9)).toBe(Status.EFAULT);
    read(mm, 9);
    expect<i32>(add(ONE, 9, Rights.Write)).toBe(Status.EFAULT);
    expect<i32>(add(SUBSCRIBERS_MAX, 3)).toBe(Status.EUSERS);
    expect<i32>(add(ONE, 3, 0)).toBe(Status.EINVAL);
    expect<i32>(exportAdd(ONE, mm, u64.MAX_VALUE, Rights.Read)).toBe(Status.EINVAL);
    expect<u32>(mm.records).toBe(0);
  });

  test("the zero page can be held, at every address that shows it", () => {
    read(mm, 9);
    read(mm, 10);
    expect<i32>(add(ONE, 9)).toBe(0);
    expect<i32>(add(ONE, 10)).toBe(0);
    expect<i32>(add(TWO, 10)).toBe(0);
    expect<bool>(flagTest(PG.exported, 0)).toBe(true);
    expectSound();
    remove(ONE, 9);
    expect<bool>(hasBit(9)).toBe(false);
    expect<bool>(hasBit(10)).toBe(true);
  });

  test("no memory for a record: the page is as it was", () => {
    takeAllBut(0);
    let at: u32 = 0;
    while (at < 8 && add(ONE, at) == 0) at += 1;
    // The pool may have had records to spare for all eight.
    if (at < 8) expect<bool>(hasBit(at)).toBe(false);
    expect<u32>(mm.records).toBe(at);
    expectSound();
    giveBack();
  });

  test("write is lowered to read, and read stays", () => {
    add(ONE, 3, Rights.Read | Rights.Write);
    add(ONE, 4, Rights.Read);
    add(TWO, 3, Rights.Write);
    expect<i32>(exportLowerRange(ONE, mm, page(0), page(8))).toBe(1);
    const lowered = recordFind(pfnAt(mm, 3), ONE, mm.handle, page(3));
    expect<u32>(changetype<ExportRecord>(lowered).rights).toBe(Rights.Read);
    const other = recordFind(pfnAt(mm, 3), TWO, mm.handle, page(3));
    expect<u32>(changetype<ExportRecord>(other).rights).toBe(Rights.Write);
  });
});

describe("record: families and exits", () => {
  beforeEach(begin);
  afterEach(() => {
    exportRemoveAll(ONE);
    exportRemoveAll(TWO);
    expectEmpty();
  });

  test("A2, E2: a child starts with none, and holds the same frame by a record of its own", () => {
    add(ONE, 3);
    const child = forkedHeld();
    expect<bool>(isExported(child)).toBe(false);
    expect<i32>(exportAdd(TWO, child, page(3), Rights.Read)).toBe(0);
    expect<u32>(frameOf(pfnAt(mm, 3)).refcount).toBe(4);
    expectSound();
    remove(ONE, 3);
    expect<bool>(hasBit(3)).toBe(false);
    expect<bool>(flagTest(PG.exported, pfnAt(mm, 3))).toBe(true);
    exportRemoveAll(TWO);
    leave(child);
    leave(mm);
  });

  test("E4: what is held at exit keeps its frame and its bytes until it is let go", () => {
    const pfn = pfnAt(mm, 3);
    store<u64>(frameAddress(pfn), 0x1234567890);
    add(ONE, 3);
    add(TWO, 3);
    add(ONE, 5);
    const handle = mm.handle;
    expect<u32>(exitHeld()).toBe(2);
    expect<u32>(quarantined).toBe(2);
    expect<bool>(flagTest(PG.quarantine, pfn)).toBe(true);
    expect<bool>(flagTest(PG.free, pfn)).toBe(false);
    expect<u64>(load<u64>(frameAddress(pfn))).toBe(0x1234567890);
    expectSound();
    expect<i32>(exportRemove(ONE, handle, page(3))).toBe(1);
    expect<bool>(flagTest(PG.quarantine, pfn)).toBe(true);
    expect<i32>(exportRemoveRange(TWO, handle, 0, page(4))).toBe(1);
    expect<bool>(flagTest(PG.free, pfn)).toBe(true);
    expect<u32>(quarantined).toBe(1);
    expect<i32>(exportRemoveAll(ONE)).toBe(1);
    expect<u32>(quarantined).toBe(0);
  });

  test("E4: a page that a child still maps is not reused either, and the child goes on", () => {
    const child = forked(mm);
    add(ONE, 3);
    const pfn = pfnAt(mm, 3);
    expect<u32>(exitHeld()).toBe(1);
    expect<u32>(read(child, 3)).toBe(pfn);
    expect<i32>(access(child, page(3), Access.Write)).toBe(0);
    expectSound();
    exportRemoveAll(ONE);
    expect<bool>(flagTest(PG.quarantine, pfn)).toBe(false);
    leave(child);
  });

  test("E4: the zero page may be held at exit as well", () => {
    read(mm, 9);
    add(ONE, 9);
    expect<u32>(exitHeld()).toBe(1);
    expectSound();
    exportRemoveAll(ONE);
    expect<bool>(flagTest(PG.reserved, 0)).toBe(true);
  });
});

const PAGES: u32 = 1200;
/** Who holds page i: bit 0 for ONE, bit 1 for TWO. */
const held = new StaticArray<u8>(PAGES);

function flip(subscriber: u32, bit: u8, index: u32): u32 {
  const isHeld = (held[index] & bit) != 0;
  held[index] ^= bit;
  return isHeld ? <u32>(remove(subscriber, index) != 1) : <u32>(add(subscriber, index) != 0);
}

/** Whether a scan of [first, end) comes to each record once, in order of pages. */
function scanIsRight(first: u32, end: u32): bool {
  let want: u32 = 0;
  for (let at = first; at < end; at++) want += <u32>popcnt<u32>(held[at]);
  let got: u32 = 0;
  let last: u64 = 0;
  for (let r = scanFirst(mm, page(first), page(end)); r; r = scanNext(mm)) {
    const address = changetype<ExportRecord>(r).address;
    if (address < last || address < page(first) || address >= page(end)) return false;
    last = address;
    got += 1;
  }
  return got == want;
}

function nextIsRight(first: u32): bool {
  let at = first;
  while (at < PAGES && !held[at]) at += 1;
  return nextExported(mm, page(first), page(PAGES)) == page(at);
}

describe("record: against a table of bits", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    mapAnon(mm, 0, PAGES);
    touch(mm, 0, PAGES);
    for (let at: u32 = 0; at < PAGES; at++) held[at] = 0;
  });
  afterEach(finish);

  test(seeded("E1, E2, E3: scans come to every record of a range, and to no other"), () => {
    randomReset();
    let wrong: u32 = 0;
    for (let step = 0; step < 2000; step++) {
      const index = below(PAGES);
      wrong += below(2) ? flip(ONE, 1, index) : flip(TWO, 2, index);
      const first = below(PAGES);
      if (!scanIsRight(first, first + below(PAGES - first))) wrong += 1;
      if (!nextIsRight(below(PAGES))) wrong += 1;
    }
    expect<u32>(wrong).toBe(0);
    expectSound();
  });

  test("what a scan came to last may be taken away", () => {
    for (let at: u32 = 0; at < PAGES; at += 3) {
      recordAdd(ONE, mm, page(at), Rights.Read);
      recordAdd(TWO, mm, page(at), Rights.Read);
    }
    let count: u32 = 0;
    for (let r = scanFirst(mm, page(0), page(PAGES)); r; r = scanNext(mm)) {
      recordRemove(r);
      count += 1;
    }
    expect<u32>(count).toBe(800);
    expect<u32>(mm.records).toBe(0);
    expectSound();
  });

  test("a range is let go of by one subscriber and kept by the other", () => {
    for (let at: u32 = 0; at < 20; at++) {
      add(ONE, at);
      add(TWO, at);
    }
    expect<i32>(exportRemoveRange(ONE, mm.handle, page(5), page(15))).toBe(10);
    expect<u32>(subscriberCount(ONE)).toBe(10);
    expect<u32>(subscriberCount(TWO)).toBe(20);
    expectSound();
  });
});
