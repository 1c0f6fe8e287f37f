// The checker of tickets: what they set aside, and what they keep others from.
//
// There is no list of tickets. Every ticket that holds something holds keys, and keys are listed;
// one that exits has neither left once it is committed.
//
// Written by: nobody. Read by: check.ts, after the freezes.

import { NoticeKind, Op } from "../abi";
import { framesReserved } from "../frame/buddy";
import { Pool, poolsHead } from "../frame/pool";
import { anonVmaPool } from "../map/anon-vma";
import { areaNodePool } from "../map/area-node";
import { usedFirst, usedNext, weigh } from "../map/check-used";
import { Device, devicePool } from "../map/device";
import { holePool } from "../map/hole";
import { ksmPool } from "../map/ksm";
import { linkPool } from "../map/link";
import { mappingPool, nodePool } from "../map/mapping";
import { Mm, mmFirst, mmOf, mmPool } from "../map/mm";
import { vmaPool } from "../map/vma";
import { watchAgain } from "./check-watch";
import { Key, keyFirst, keyPool } from "./freeze";
import { framesAside } from "./lack";
import { leafHasRoom } from "./leaf-room";
import { Need } from "./need";
import { Notice, noticePool } from "./notice";
import { scanFirst, scanNext, violates } from "./record";
import { Ticket, TicketState, ticketNeed, ticketPool } from "./ticket";

/** Numbers of broken invariants of tickets, 501, 502 and 521..523. */
export const enum TicketInvariant {
  None = 0,
  /** N1, U4: other frames or records are set aside than open tickets say. */
  Reserve = 501,
  /** N2: more areas than the leaf has room for. */
  Room = 502,
  /** Q3: a device counts other plans than there are. */
  Device = 453,
  /** P1: a pte under a planned ticket's keys is another than when it was planned. */
  Frozen = 521,
  /** P3: a committed ticket's range has a record that its notices demanded gone. */
  Holder = 523,
}

/** Sum over the devices that planned tickets will map. */
let planned: u64 = 0;

/** The same, as the devices say. */
function promised(): u64 {
  let total: u64 = 0;
  for (let at = usedFirst(devicePool); at; at = usedNext()) {
    total += weigh(at) * changetype<Device>(at).plans;
  }
  return total;
}

/** What all open tickets have set aside. */
export const sum = changetype<Need>(memory.data(offsetof<Need>()));

/** @returns the number of the first invariant of tickets that does not hold, or 0. */
export function checkTickets(): u32 {
  memory.fill(changetype<usize>(sum), 0, offsetof<Need>());
  planned = 0;
  for (let at = keyFirst(); at; at = changetype<Key>(at).all) {
    const ticket = changetype<Ticket>(changetype<Key>(at).ticket);
    if (ticket.keys != at) continue;
    add(ticketNeed(ticket));
    if (ticket.op == Op.RemapPfn && ticket.e) planned += weigh(<usize>ticket.e);
    if (ticket.inLeaf && !leafHasRoom(changetype<Mm>(ticket.mm), 0)) return TicketInvariant.Room;
    if (ticket.state == TicketState.Committed && isHeld(ticket)) return TicketInvariant.Holder;
  }
  if (!isReserved()) return TicketInvariant.Reserve;
  if (planned != promised()) return TicketInvariant.Device;
  return watchAgain() ? TicketInvariant.None : TicketInvariant.Frozen;
}

function add(taken: Need): void {
  sum.frames += taken.frames;
  sum.vmas += taken.vmas;
  sum.links += taken.links;
  sum.anonVmas += taken.anonVmas;
  sum.mappings += taken.mappings;
  sum.nodes += taken.nodes;
  sum.mms += taken.mms;
  sum.merges += taken.merges;
  sum.holes += taken.holes;
  sum.areaNodes += taken.areaNodes;
  sum.huge += taken.huge;
}

/** Address spaces whose exit is provided for: those that are exported, but for one that exits. */
function farewells(): u32 {
  let count: u32 = 0;
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) count += changetype<Mm>(at).farewell;
  return count;
}

/** Each pool has aside what tickets need of it and what exits will; the others, nothing. */
function isReserved(): bool {
  if (framesReserved() != sum.frames + framesAside()) return false;
  if (vmaPool.reserved != sum.vmas) return false;
  if (linkPool.reserved != sum.links || anonVmaPool.reserved != sum.anonVmas) return false;
  if (mappingPool.reserved != sum.mappings || nodePool.reserved != sum.nodes) return false;
  if (mmPool.reserved != sum.mms || ksmPool.reserved != sum.merges) return false;
  if (holePool.reserved != sum.holes || areaNodePool.reserved != sum.areaNodes) return false;
  const exits = farewells();
  if (ticketPool.reserved != exits || keyPool.reserved != exits) return false;
  if (noticePool.reserved != exits) return false;
  const objects = sum.anonVmas + sum.mappings + sum.nodes + sum.mms + sum.merges + sum.holes;
  const known = sum.vmas + sum.areaNodes + sum.links + objects + 3 * exits;
  let reserved: u32 = 0;
  for (let at = poolsHead; at; at = changetype<Pool>(at).next) {
    reserved += changetype<Pool>(at).reserved;
  }
  return reserved == known;
}

/** The range is frozen until the end, so that what had to go cannot have come back. */
function isHeld(ticket: Ticket): bool {
  for (let at = ticket.notices; at; at = changetype<Notice>(at).next) {
    const notice = changetype<Notice>(at);
    const mm = notice.kind == NoticeKind.ProcessRange ? mmOf(notice.mm) : null;
    if (!mm) continue;
    for (let r = scanFirst(mm, notice.start, notice.end); r; r = scanNext(mm)) {
      if (violates(r, notice.demand)) return true;
    }
  }
  return false;
}
