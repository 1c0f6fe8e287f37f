// Can an exported address space exit on a machine that has not a frame left?

import { NoticeKind, Rights } from "../../../assembly/abi";
import { freeFrames } from "../../../assembly/frame/buddy";
import { Mm } from "../../../assembly/map/mm";
import { ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { exit } from "../../../assembly/op/exit";
import { exportAdd, exportRemoveAll } from "../../../assembly/op/export";
import { machineCheck } from "../../../assembly/op/machine";
import { Notice } from "../../../assembly/plan/notice";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import { boot, giveBack, mapAnon, page, space, takeAllBut, touch } from "./world";

const HOLDER: u32 = 3;

function planned(status: i32): Ticket {
  const ticket = ticketOf(<u32>status);
  assert(status > 0 && ticket != null, "exit is not planned");
  return changetype<Ticket>(changetype<usize>(ticket));
}

let mm: Mm = changetype<Mm>(0);

describe("the exit of an exported address space", () => {
  beforeEach(() => {
    boot(300);
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    assert(exportAdd(HOLDER, mm, page(1), Rights.Read) == 0, "no record for the test");
    takeAllBut(0);
  });

  afterEach(() => {
    giveBack();
    exportRemoveAll(HOLDER);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("is told on a machine that is full", () => {
    expect<u32>(freeFrames()).toBe(0);
    const ticket = planned(exit(mm));
    expect<u32>(changetype<Notice>(ticket.notices).kind).toBe(NoticeKind.Release);
    expect<i32>(ticketCommit(ticket)).toBe(0);
    expect<i32>(ticketEnd(ticket)).toBe(0);
  });
});
