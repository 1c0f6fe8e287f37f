// What a commit will take is set aside by its plan: all of it or nothing, and not a record longer
// than the ticket.

import {
  Access,
  MADV_RANDOM,
  MREMAP_MAYMOVE,
  PROT_READ,
  ResultField,
  Rights,
} from "../../../assembly/abi";
import { framesReserved, freeFrames } from "../../../assembly/frame/buddy";
import { Pool, poolsHead, poolUsed } from "../../../assembly/frame/pool";
import { areaNodePool } from "../../../assembly/map/area-node";
import { Mm, mmFirst, mmOf } from "../../../assembly/map/mm";
import { resultGet } from "../../../assembly/mem/result";
import { ticketAbort, ticketCommit, ticketEnd } from "../../../assembly/op/commit";
import { exportAdd, exportRemoveAll, mmWatch } from "../../../assembly/op/export";
import { access } from "../../../assembly/op/fault";
import { fork } from "../../../assembly/op/fork";
import { madvise } from "../../../assembly/op/madvise";
import { mprotect } from "../../../assembly/op/mprotect";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import { checkPlans } from "../../../assembly/plan/check";
import { TicketInvariant } from "../../../assembly/plan/check-ticket";
import { needNodes } from "../../../assembly/plan/leaf-room";
import {
  Need,
  need,
  needClear,
  needNodesInOrder,
  needRange,
  needRelease,
  needTake,
} from "../../../assembly/plan/need";
import { Ticket, ticketNeed } from "../../../assembly/plan/ticket";
import {
  area,
  boot,
  countAll,
  expectEmpty,
  expectSound,
  forked,
  giveBack,
  leave,
  mapAnon,
  mapEveryOther,
  page,
  read,
  space,
  takeAllBut,
  touch,
} from "../op/world";
import { opened } from "./opened";

const PAGE: u64 = 4096;
const HOLDER: u32 = 1;
/** More of anything than the machine has room for. */
const TOO_MANY: u32 = 10000000;

let mm = changetype<Mm>(0);
let child = changetype<Mm>(0);

/** Records and frames that are set aside, of all kinds. */
function reserved(): u32 {
  let count = framesReserved();
  for (let at = poolsHead; at; at = changetype<Pool>(at).next) {
    count += changetype<Pool>(at).reserved;
  }
  // What the exit of an exported mm will take is no plan's: a ticket, a key and a notice.
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next)
    count -= 3 * changetype<Mm>(at).farewell;
  return count;
}

/** Something of everything. */
function needSome(): void {
  needClear();
  need.frames = 3;
  need.vmas = 5;
  need.links = 200;
  need.anonVmas = 2;
  need.mappings = 4;
  need.nodes = 7;
  need.mms = 1;
  need.areaNodes = 9;
}

/** Expects that nothing is set aside, and that no frame is missing. */
function expectNothing(free: u32): void {
  expect<u32>(reserved()).toBe(0);
  expect<u32>(freeFrames()).toBe(free);
}

describe("need: all or nothing", () => {
  beforeEach(() => {
    boot(2048);
    needSome();
    needTake();
    needRelease(need);
  });

  test("N1: what is taken is set aside, in every pool, and handed back", () => {
    const free = freeFrames();
    needSome();
    expect<bool>(needTake()).toBe(true);
    expect<u32>(reserved()).toBe(3 + 5 + 200 + 2 + 4 + 7 + 1 + 9);
    needRelease(need);
    expectNothing(free);
  });

  test("N1: too much of any one thing leaves nothing of the others", () => {
    const free = freeFrames();
    for (let kind: usize = 0; kind < offsetof<Need>(); kind += 4) {
      needSome();
      store<u32>(changetype<usize>(need) + kind, TOO_MANY);
      expect<bool>(needTake()).toBe(false);
      expectNothing(free);
    }
  });

  test("N1: frames that records would take are no longer there to be set aside", () => {
    needClear();
    takeAllBut(4);
    need.frames = 4;
    need.vmas = 1000;
    expect<bool>(needTake()).toBe(false);
    expectNothing(4);
    need.frames = 0;
    need.vmas = 100;
    expect<bool>(needTake()).toBe(true);
    needRelease(need);
    giveBack();
  });

  test("a plan that needs nothing takes nothing", () => {
    const free = freeFrames();
    needClear();
    expect<bool>(needTake()).toBe(true);
    expectNothing(free);
  });
});

/** Nodes for a change to one page. */
function nodesFor(waits: bool): u32 {
  needClear();
  needRange(mm, page(1), page(2));
  needNodes(waits);
  return need.areaNodes;
}

describe("need: what a range may take", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 1);
    needClear();
  });
  afterEach(() => leave(mm));

  test("two areas for its two ends, and the links that they would have", () => {
    needRange(mm, page(1), page(2));
    expect<u32>(need.vmas).toBe(2);
    expect<u32>(need.links).toBe(8);
  });

  test("the longest chain counts, a neighbour's too", () => {
    child = forked(mm);
    const grandchild = forked(child);
    mapAnon(grandchild, 4, 6, PROT_READ);
    needClear();
    needRange(grandchild, page(4), page(5));
    expect<u32>(area(grandchild, 0).chainCount).toBe(3);
    expect<u32>(need.links).toBe(16);
    leave(grandchild);
    leave(child);
  });

  test("nodes: none while the areas fit a leaf, then by levels, the most for a ticket", () => {
    expect<u32>(nodesFor(false)).toBe(0);
    mapEveryOther(mm, 8, 17);
    expect<u32>(mm.mapCount).toBe(18);
    expect<u32>(nodesFor(false)).toBe(0);
    mapEveryOther(mm, 60, 1);
    expect<u32>(nodesFor(false)).toBe(2);
    mapEveryOther(mm, 70, 2);
    expect<u32>(mm.levels).toBe(2);
    expect<u32>(nodesFor(false)).toBe(2 + 2);
    expect<u32>(nodesFor(true)).toBe(2 * 6 + 2);
  });

  test("nodes: as many as areas in order take, whatever their number", () => {
    const bare = space();
    let lacking: u32 = 0;
    for (let areas: u32 = 1; areas < 900; areas++) {
      mapAnon(bare, 2 * areas, 2 * areas + 1);
      needClear();
      needNodesInOrder(areas);
      // The other mm has one.
      if (poolUsed(areaNodePool) > need.areaNodes + 1) lacking += 1;
    }
    expect<u32>(bare.mapCount).toBe(899);
    expect<u32>(lacking).toBe(0);
    leave(bare);
  });

  test("a range without areas needs nothing", () => {
    needRange(mm, page(8), page(9));
    expect<u32>(need.vmas).toBe(0);
    expect<u32>(need.links).toBe(0);
  });
});

/** Takes a ticket through to its end, with no frame left for the commit; `other` stays open. */
function commitInWant(ticket: Ticket, other: Ticket | null = null): void {
  expectSound();
  takeAllBut(framesReserved());
  expect<i32>(ticketCommit(ticket)).toBe(0);
  expectSound();
  giveBack();
  ticketEnd(ticket);
  if (!other) expect<u32>(reserved()).toBe(0);
}

//   pages   0 ──────────── 8
//           rw, touched; a child has them too; the mm is watched
describe("need: a commit that finds no memory left", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    mapAnon(mm, 0, 8);
    touch(mm, 0, 8);
    child = forked(mm);
    mmWatch(mm, 1);
  });
  afterEach(() => {
    mmWatch(mm, -1);
    expect<u32>(reserved()).toBe(0);
    leave(child);
    leave(mm);
    expectEmpty();
  });

  test("N1: munmap of the middle splits all the same", () => {
    commitInWant(opened(munmap(mm, page(3), 2 * PAGE)));
    expect<u32>(mm.mapCount).toBe(2);
  });

  test("N1: mprotect of the middle splits in three", () => {
    commitInWant(opened(mprotect(mm, page(3), 2 * PAGE, PROT_READ)));
    expect<u32>(mm.mapCount).toBe(3);
  });

  test("N1: a move makes its areas, its links and its tables", () => {
    mapAnon(mm, 10, 11);
    commitInWant(opened(mremap(mm, page(2), 2 * PAGE, 300 * PAGE, MREMAP_MAYMOVE, 0)));
    expect<u32>(mm.mapCount).toBe(4);
  });

  test("N1: a COW break has its copy", () => {
    commitInWant(opened(access(mm, page(3), Access.Write)));
    expect<u32>(read(mm, 3)).not.toBe(read(child, 3));
  });

  test("N1: a fork has its child", () => {
    exportAdd(HOLDER, mm, page(1), Rights.Read);
    commitInWant(opened(fork(mm)));
    leave(changetype<Mm>(changetype<usize>(mmOf(resultGet(ResultField.ValueLo)))));
    exportRemoveAll(HOLDER);
  });

  test("N1: an abort hands everything back, whatever was planned", () => {
    const free = freeFrames();
    ticketAbort(opened(munmap(mm, page(3), 2 * PAGE)));
    ticketAbort(opened(mprotect(mm, page(3), 2 * PAGE, PROT_READ)));
    ticketAbort(opened(mremap(mm, page(2), 2 * PAGE, 300 * PAGE, MREMAP_MAYMOVE, 0)));
    ticketAbort(opened(fork(mm)));
    expect<u32>(reserved()).toBe(0);
    // Tickets, keys and notices have a slab of their own by now.
    expect<bool>(free - freeFrames() <= 3).toBe(true);
  });

  test("N2: a ticket counts on the leaf, and is given nodes when the leaf is outgrown", () => {
    const ticket = opened(munmap(mm, page(3), 2 * PAGE));
    expect<u32>(ticketNeed(ticket).areaNodes).toBe(0);
    expect<u32>(ticket.inLeaf).toBe(1);
    for (let at: u32 = 0; at < 17; at++) mapAnon(mm, 20 + 2 * at, 21 + 2 * at);
    expect<u32>(ticket.inLeaf).toBe(1);
    expectSound();
    mapAnon(mm, 80, 81);
    expect<u32>(ticket.inLeaf).toBe(0);
    expect<u32>(ticketNeed(ticket).areaNodes).toBe(2 * 7 + 2);
    for (let at: u32 = 0; at < 40; at++) mapAnon(mm, 90 + 2 * at, 91 + 2 * at);
    commitInWant(ticket);
    expect<u32>(mm.mapCount).toBe(60);
  });

  test("N2: a ticket that counts on a leaf without so much room", () => {
    const ticket = opened(munmap(mm, page(3), PAGE));
    ticket.places += 20;
    expect<u32>(checkPlans()).toBe(TicketInvariant.Room);
    ticket.places -= 20;
    expectSound();
    ticketAbort(ticket);
  });

  test("N2: tickets count on the leaf one after the other", () => {
    for (let at: u32 = 0; at < 15; at++) mapAnon(mm, 20 + 2 * at, 21 + 2 * at);
    const first = opened(munmap(mm, page(1), PAGE));
    const second = opened(munmap(mm, page(3), PAGE));
    expect<u32>(first.inLeaf + second.inLeaf).toBe(2);
    const third = opened(munmap(mm, page(5), PAGE));
    expect<u32>(first.inLeaf + second.inLeaf + third.inLeaf).toBe(0);
    expectSound();
    ticketCommit(first);
    ticketEnd(first);
    ticketCommit(third);
    ticketEnd(third);
    commitInWant(second);
    expect<u32>(mm.mapCount).toBe(19);
  });

  test("N2: what a ticket with nodes of its own may add takes room in the leaf too", () => {
    for (let at: u32 = 0; at < 40; at++) mapAnon(mm, 20 + 2 * at, 21 + 2 * at);
    const large = opened(munmap(mm, page(1), PAGE));
    expect<u32>(large.inLeaf).toBe(0);
    commitInWant(opened(munmap(mm, page(25), 100 * PAGE)), large);
    for (let at: u32 = 0; at < 13; at++) mapAnon(mm, 30 + 2 * at, 31 + 2 * at);
    expect<u32>(mm.levels).toBe(1);
    expect<u32>(mm.mapCount).toBe(17);
    const third = opened(munmap(mm, page(3), PAGE));
    expect<u32>(third.inLeaf).toBe(0);
    ticketAbort(third);
    commitInWant(opened(munmap(mm, page(30), PAGE)), large);
    const small = opened(munmap(mm, page(5), PAGE));
    expect<u32>(small.inLeaf).toBe(1);
    commitInWant(large, small);
    commitInWant(small);
    expect<u32>(mm.mapCount).toBe(18);
  });

  test("N1: an operation that tells nobody has nothing set aside afterwards", () => {
    expect<i32>(madvise(child, page(2), 2 * PAGE, MADV_RANDOM)).toBe(0);
    expect<u32>(reserved()).toBe(0);
    expect<i32>(mprotect(child, page(5), PAGE, PROT_READ)).toBe(0);
    expect<u32>(reserved()).toBe(0);
    expect<i32>(munmap(child, page(6), PAGE)).toBe(0);
    expect<u32>(reserved()).toBe(0);
    expect<u32>(child.mapCount).toBe(5);
  });
});
