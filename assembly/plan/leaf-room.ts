// Nodes of an mm's tree of areas that a plan sets aside (Linux: mas_preallocate).
//
//   the areas fit the one leaf that the mm has     none: what waits counts on the room
//   the plan is carried out at once                by the levels that the tree has now
//   it waits, and the mm may grow meanwhile        by the most levels that there may be
//
// So a munmap of a small mm waits with nothing set aside, also where memory is full. A plan that
// outgrows the leaf sets aside for those which counted on it what they would have set aside.
//
// Invariants
//   N2  Where a ticket counts on the leaf of its mm, that has room for what all tickets may add.
//
// Written by: plan.ts. Read by: check-ticket.ts.

import { poolReserve } from "../frame/pool";
import { areaNodePool, SLOTS } from "../map/area-node";
import { LEVELS_MAX } from "../map/area-tree";
import { Mm } from "../map/mm";
import { Key, keyFirst } from "./freeze";
import { need, needGrown, needPlaced, nodesFor } from "./need";
import { Ticket, ticketNeed } from "./ticket";

/** Whether the plan being made counts on room in the leaf. */
export let countsOnLeaf: bool = false;

/** First key, from `at` on, of the next ticket that may add areas to `mm`; or 0. */
function waitingFrom(mm: Mm, at: usize): usize {
  for (; at; at = changetype<Key>(at).all) {
    const ticket = changetype<Ticket>(changetype<Key>(at).ticket);
    const adds = ticket.places != 0 && ticket.mm == changetype<usize>(mm);
    if (adds && ticket.keys == at) return at;
  }
  return 0;
}

function waitingAt(at: usize): Ticket {
  return changetype<Ticket>(changetype<Key>(at).ticket);
}

/** Areas that tickets may add to `mm`, those too that have their nodes. */
function waitingPlaces(mm: Mm): u32 {
  let count: u32 = 0;
  if (!mm.freezes) return count;
  let at = waitingFrom(mm, keyFirst());
  for (; at; at = waitingFrom(mm, changetype<Key>(at).all)) count += waitingAt(at).places;
  return count;
}

/** Whether the leaf of `mm` has room for what all tickets may add, and for `more`. */
export function leafHasRoom(mm: Mm, more: u32): bool {
  return mm.levels < 2 && mm.mapCount + waitingPlaces(mm) + more <= SLOTS;
}

/** Sets aside for each ticket that counts on the leaf what it may need without. */
function provide(mm: Mm): bool {
  let at = waitingFrom(mm, keyFirst());
  for (; at; at = waitingFrom(mm, changetype<Key>(at).all)) {
    const ticket = waitingAt(at);
    if (!ticket.inLeaf) continue;
    const nodes = ticket.places * LEVELS_MAX + 2;
    if (!poolReserve(areaNodePool, nodes)) return false;
    ticketNeed(ticket).areaNodes += nodes;
    ticket.inLeaf = 0;
  }
  return true;
}

/** Adds the nodes of the plan being made. False where those that wait cannot have theirs. */
export function needNodes(waits: bool): bool {
  countsOnLeaf = false;
  const placed = needPlaced();
  if (!placed) return true;
  const mm = needGrown();
  if (leafHasRoom(mm, placed)) {
    need.areaNodes += 1 - mm.levels;
    countsOnLeaf = waits;
    return true;
  }
  need.areaNodes += nodesFor(waits ? LEVELS_MAX : max(mm.levels, 1));
  return !mm.freezes || provide(mm);
}
