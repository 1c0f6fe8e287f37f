// Each invariant of records, freezes and tickets, broken on purpose: the checker names it.

import { PG, PROT_READ, Rights, Vmstat } from "../../../assembly/abi";
import { framesReserve, framesUnreserve } from "../../../assembly/frame/buddy";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { Frame, frameOf } from "../../../assembly/frame/frame";
import { poolReserve, poolUnreserve } from "../../../assembly/frame/pool";
import { Mapping, nodePool } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { framePin, frameUnpin } from "../../../assembly/map/pin";
import { A, D, E, P, pteWithPfn, W } from "../../../assembly/map/pte";
import { pteSet, pteSlot } from "../../../assembly/map/table";
import { vmaPool } from "../../../assembly/map/vma";
import { statAdd } from "../../../assembly/mem/vmstat";
import { ticketAbort, ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { exportAdd, exportLowerRange, exportRemove } from "../../../assembly/op/export";
import { mprotect } from "../../../assembly/op/mprotect";
import { munmap } from "../../../assembly/op/munmap";
import { checkPlans, RecordInvariant } from "../../../assembly/plan/check";
import { FreezeInvariant } from "../../../assembly/plan/check-freeze";
import { GaugeInvariant } from "../../../assembly/plan/check-gauge";
import { PinInvariant } from "../../../assembly/plan/check-pin";
import { TicketInvariant } from "../../../assembly/plan/check-ticket";
import { Key } from "../../../assembly/plan/freeze";
import { ExportRecord, recordAdd, recordFind, recordRemove } from "../../../assembly/plan/record";
import { Ticket, TicketState, ticketNeed } from "../../../assembly/plan/ticket";
import {
  boot,
  closeFile,
  expectSound,
  file,
  leave,
  mapAnon,
  page,
  pfnAt,
  space,
  touch,
} from "../op/world";
import { opened, planUnmap } from "./opened";

const HOLDER: u32 = 3;

let mm = changetype<Mm>(0);
let stranger = changetype<Mm>(0);

/** Expects `invariant` of a machine that the test has just broken. */
function expectBroken(invariant: u32): void {
  expect<u32>(checkPlans()).toBe(invariant);
}

function slotOf(index: u32): usize {
  return pteSlot(mm, page(index));
}

function frameAt(index: u32): Frame {
  return frameOf(pfnAt(mm, index));
}

function recordAt(index: u32): ExportRecord {
  return changetype<ExportRecord>(recordFind(pfnAt(mm, index), HOLDER, mm.handle, page(index)));
}

function keyOf(ticket: Ticket): Key {
  return changetype<Key>(ticket.keys);
}

//   pages   0 ──────────── 8
//           held: 0, 1, 4
function begin(): void {
  boot(2048);
  mm = space();
  stranger = space();
  mapAnon(mm, 0, 8);
  touch(mm, 0, 8);
  exportAdd(HOLDER, mm, page(0), Rights.Read);
  exportAdd(HOLDER, mm, page(1), Rights.Read | Rights.Write);
  exportAdd(HOLDER, mm, page(4), Rights.Read);
  expectSound();
}

function finish(): void {
  expectSound();
  for (let index: u32 = 0; index < 8; index++) exportRemove(HOLDER, mm.handle, page(index));
  leave(stranger);
  leave(mm);
  expectSound();
}

describe("the checker of records", () => {
  beforeEach(begin);
  afterEach(finish);

  test("A2: an mm that is not exported though a record names it, and the reverse", () => {
    mm.records = 0;
    expectBroken(RecordInvariant.MmExported);
    mm.records = 3;
    stranger.records = 1;
    expectBroken(RecordInvariant.MmExported);
    stranger.records = 0;
  });

  test("E1: PG.exported without a record, a record without PG.exported", () => {
    flagSet(PG.exported, pfnAt(mm, 2));
    expectBroken(RecordInvariant.Flag);
    flagClear(PG.exported, pfnAt(mm, 2));
    flagClear(PG.exported, pfnAt(mm, 1));
    expectBroken(RecordInvariant.Flag);
    flagSet(PG.exported, pfnAt(mm, 1));
  });

  test("E1: a record in the list of another frame than it names", () => {
    recordAt(1).pfn = pfnAt(mm, 2);
    expectBroken(RecordInvariant.Flag);
    changetype<ExportRecord>(frameAt(1).exports).pfn = pfnAt(mm, 1);
  });

  test("E5: a frame's records out of order, and in a tree that is none", () => {
    exportAdd(HOLDER + 1, mm, page(1), Rights.Read);
    const record = recordAt(1);
    record.subscriber = HOLDER + 2;
    expectBroken(RecordInvariant.Order);
    record.subscriber = HOLDER;
    record.height += 1;
    expectBroken(RecordInvariant.Order);
    record.height -= 1;
    exportRemove(HOLDER + 1, mm.handle, page(1));
  });

  test("E2: an e bit without a record, a record without its e bit", () => {
    pteSet(slotOf(2), load<u64>(slotOf(2)) | E);
    expectBroken(RecordInvariant.Bit);
    pteSet(slotOf(2), load<u64>(slotOf(2)) & ~E);
    pteSet(slotOf(1), load<u64>(slotOf(1)) & ~E);
    expectBroken(RecordInvariant.Bit);
    pteSet(slotOf(1), load<u64>(slotOf(1)) | E);
  });

  test("E2: a record of a page, or of an mm, where it is not", () => {
    const record = recordAt(1);
    record.address = page(2);
    expectBroken(RecordInvariant.Bit);
    record.address = page(1);
    record.mm = stranger.handle;
    expectBroken(RecordInvariant.Bit);
    record.mm = mm.handle;
  });

  test("E3: an mm that counts other records than name it", () => {
    mm.records += 1;
    expectBroken(RecordInvariant.Count);
    mm.records -= 1;
  });

  test("E3: a subscriber's list with a record of another, or that does not lead back", () => {
    const record = recordAt(1);
    record.subscriber = HOLDER + 1;
    expectBroken(RecordInvariant.Count);
    record.subscriber = HOLDER;
    const prev = record.prev;
    record.prev = 0;
    expectBroken(RecordInvariant.Count);
    record.prev = prev;
  });

  test("E3: a subscriber's list that lacks a record", () => {
    const record = recordAt(4);
    const next = record.next;
    record.next = 0;
    expectBroken(RecordInvariant.Count);
    record.next = next;
  });

  test("E4: PG.quarantine while the record's mm is alive, a dead record without it", () => {
    flagSet(PG.quarantine, pfnAt(mm, 1));
    expectBroken(RecordInvariant.Quarantine);
    flagClear(PG.quarantine, pfnAt(mm, 1));
    const record = recordAt(1);
    record.dead = 1;
    expectBroken(RecordInvariant.Quarantine);
    record.dead = 0;
  });

  test("E4: PG.quarantine on a frame that nobody holds", () => {
    flagSet(PG.quarantine, pfnAt(mm, 2));
    expectBroken(RecordInvariant.Quarantine);
    flagClear(PG.quarantine, pfnAt(mm, 2));
  });

  test("U2: PG.pinned without a pin, a pin without PG.pinned or without its reference", () => {
    flagSet(PG.pinned, pfnAt(mm, 2));
    expectBroken(PinInvariant.Frame);
    flagClear(PG.pinned, pfnAt(mm, 2));
    framePin(mm, pfnAt(mm, 2));
    expectSound();
    flagClear(PG.pinned, pfnAt(mm, 2));
    expectBroken(PinInvariant.Frame);
    flagSet(PG.pinned, pfnAt(mm, 2));
    frameAt(2).refcount += 1;
    expectBroken(PinInvariant.Frame);
    frameAt(2).refcount -= 1;
    frameUnpin(mm, pfnAt(mm, 2));
  });

  test("U3: an mm that counts a pin that there is not", () => {
    stranger.pins = 1;
    expectBroken(PinInvariant.Mm);
    stranger.pins = 0;
  });

  test("R5: an exported page with another count of references than it has holders", () => {
    frameAt(1).refcount -= 1;
    expectBroken(RecordInvariant.RefCount);
    frameAt(1).refcount += 1;
  });
});

describe("the checker of freezes", () => {
  beforeEach(begin);
  afterEach(finish);

  test("Z1, P2: two tickets that freeze the same page", () => {
    const low = planUnmap(mm, 0, 3);
    const high = planUnmap(mm, 3, 5);
    expect<u32>(checkPlans()).toBe(0);
    keyOf(low).end = page(3) + 1;
    expectBroken(FreezeInvariant.Overlap);
    keyOf(low).end = page(8);
    expectBroken(FreezeInvariant.Overlap);
    keyOf(low).end = page(3);
    expect<u32>(checkPlans()).toBe(0);
    ticketAbort(low);
    ticketAbort(high);
  });

  test("Z2: an mm that counts other keys than name it", () => {
    const ticket = planUnmap(mm, 0, 2);
    mm.freezes = 0;
    expectBroken(FreezeInvariant.Count);
    mm.freezes = 1;
    stranger.freezes = 1;
    expectBroken(FreezeInvariant.Count);
    stranger.freezes = 0;
    ticketAbort(ticket);
  });

  test("Z2: a file that is said to be frozen", () => {
    const mapping = file(1);
    store<u32>(mapping, 1, offsetof<Mapping>("freezes"));
    expectBroken(FreezeInvariant.Count);
    store<u32>(mapping, 0, offsetof<Mapping>("freezes"));
    closeFile(mapping);
  });

  test("Z3: a key whose ticket is closed, or does not list it", () => {
    const ticket = planUnmap(mm, 0, 2);
    ticket.state = TicketState.Free;
    expectBroken(FreezeInvariant.Owner);
    ticket.state = TicketState.Planned;
    const other = planUnmap(mm, 4, 5);
    keyOf(ticket).ticket = changetype<usize>(other);
    expectBroken(FreezeInvariant.Owner);
    keyOf(ticket).ticket = changetype<usize>(ticket);
    ticketAbort(ticket);
    ticketAbort(other);
  });

  test("the list of keys is as it was after it has been looked at", () => {
    const a = planUnmap(mm, 4, 5);
    const b = planUnmap(mm, 0, 1);
    const c = planUnmap(mm, 1, 2);
    expect<u32>(checkPlans()).toBe(0);
    expect<usize>(keyOf(c).all).toBe(b.keys);
    expect<usize>(keyOf(b).all).toBe(a.keys);
    expect<usize>(keyOf(a).all).toBe(0);
    ticketAbort(b);
    ticketAbort(c);
    ticketAbort(a);
  });
});

describe("the checker of tickets", () => {
  beforeEach(begin);
  afterEach(finish);

  test("N1: frames or records that are set aside for no ticket", () => {
    framesReserve(1);
    expectBroken(TicketInvariant.Reserve);
    framesUnreserve(1);
    poolReserve(vmaPool, 1);
    expectBroken(TicketInvariant.Reserve);
    poolUnreserve(vmaPool, 1);
    poolReserve(nodePool, 1);
    expectBroken(TicketInvariant.Reserve);
    poolUnreserve(nodePool, 1);
  });

  test("N1: a ticket that counts on more, or less, than is set aside", () => {
    const ticket = planUnmap(mm, 0, 2);
    expect<u32>(vmaPool.reserved).toBe(2);
    ticketNeed(ticket).links += 1;
    expectBroken(TicketInvariant.Reserve);
    ticketNeed(ticket).links -= 1;
    ticketNeed(ticket).vmas = 0;
    expectBroken(TicketInvariant.Reserve);
    ticketNeed(ticket).vmas = 2;
    ticketAbort(ticket);
  });

  test("P1: a frozen page that loses a right, goes, or names another frame", () => {
    const ticket = planUnmap(mm, 0, 3);
    expect<u32>(checkPlans()).toBe(0);
    const slot = slotOf(2);
    const pte = load<u64>(slot);
    store<u64>(slot, pte & ~W);
    expectBroken(TicketInvariant.Frozen);
    expectBroken(TicketInvariant.Frozen);
    store<u64>(slot, pte & ~P);
    expectBroken(TicketInvariant.Frozen);
    store<u64>(slot, pteWithPfn(pte, pfnAt(mm, 7)));
    expectBroken(TicketInvariant.Frozen);
    store<u64>(slot, pte);
    expect<u32>(checkPlans()).toBe(0);
    ticketAbort(ticket);
  });

  test("P1: a page that becomes present, or exported, in a frozen range", () => {
    const ticket = planUnmap(mm, 0, 10);
    expect<u32>(checkPlans()).toBe(0);
    store<u64>(slotOf(9), load<u64>(slotOf(7)));
    expectBroken(TicketInvariant.Frozen);
    store<u64>(slotOf(9), 0);
    recordAdd(HOLDER, mm, page(5), Rights.Read);
    expectBroken(TicketInvariant.Frozen);
    exportRemove(HOLDER, mm.handle, page(5));
    expect<u32>(checkPlans()).toBe(0);
    ticketAbort(ticket);
  });

  test("P1: accesses go on and holders let go: neither is a change", () => {
    const ticket = planUnmap(mm, 0, 3);
    expect<u32>(checkPlans()).toBe(0);
    store<u64>(slotOf(2), load<u64>(slotOf(2)) & ~(A | D));
    exportRemove(HOLDER, mm.handle, page(1));
    touch(mm, 0, 3);
    expect<u32>(checkPlans()).toBe(0);
    ticketAbort(ticket);
  });

  test("P1: a page outside the frozen range may change", () => {
    const ticket = planUnmap(mm, 0, 3);
    expect<u32>(checkPlans()).toBe(0);
    expect<i32>(munmap(mm, page(5), 4096)).toBe(0);
    expect<u32>(checkPlans()).toBe(0);
    ticketAbort(ticket);
  });

  test("P3: a record that the notices demanded gone, after the commit", () => {
    const ticket = opened(mprotect(mm, page(0), 8 << 12, PROT_READ));
    exportLowerRange(HOLDER, mm, page(0), page(8));
    expect<i32>(ticketCommit(ticket)).toBe(0);
    expect<u32>(checkPlans()).toBe(0);
    recordAdd(HOLDER + 1, mm, page(2), Rights.Write);
    expectBroken(TicketInvariant.Holder);
    recordRemove(recordFind(pfnAt(mm, 2), HOLDER + 1, mm.handle, page(2)));
    recordAdd(HOLDER + 1, mm, page(2), Rights.Read);
    expect<u32>(checkPlans()).toBe(0);
    recordRemove(recordFind(pfnAt(mm, 2), HOLDER + 1, mm.handle, page(2)));
    ticketEnd(ticket);
  });
});

describe("the checker of counters", () => {
  beforeEach(begin);
  afterEach(finish);

  test("S1: a gauge that is not what there is to count, each of them", () => {
    for (let gauge: i32 = Vmstat.nr_page_table_pages; gauge <= Vmstat.nr_quarantined; gauge++) {
      statAdd(gauge, 1.0);
      expectBroken(GaugeInvariant.Gauge);
      statAdd(gauge, -1.0);
    }
  });

  test("S2: an event counter, or a high-water mark, that falls", () => {
    expect<u32>(checkPlans()).toBe(0);
    statAdd(Vmstat.pgfault, -1.0);
    expectBroken(GaugeInvariant.Fallen);
    statAdd(Vmstat.pgfault, 1.0);
    statAdd(Vmstat.peak_frames, -1.0);
    expectBroken(GaugeInvariant.Fallen);
    statAdd(Vmstat.peak_frames, 1.0);
  });
});
