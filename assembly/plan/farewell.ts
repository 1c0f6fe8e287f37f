// What the exit of an exported mm takes to tell its holders: a ticket, a key and a notice. They are
// set aside while somebody holds or watches it, so that exit is not refused on a full machine.
//
// Written by: plan/record.ts and op/export.ts when an mm becomes exported or ceases to be;
// op/exit.ts, which uses it up.

import { poolReserve, poolUnreserve } from "../frame/pool";
import { isExported, Mm } from "../map/mm";
import { keyPool } from "./freeze";
import { noticePool } from "./notice";
import { ticketPool } from "./ticket";

/** Sets aside what `mm`'s exit will take. False, and nothing set aside, when memory lacks. */
export function farewellReserve(mm: Mm): bool {
  if (mm.farewell) return true;
  if (!poolReserve(ticketPool, 1)) return false;
  if (poolReserve(keyPool, 1)) {
    if (poolReserve(noticePool, 1)) {
      mm.farewell = 1;
      return true;
    }
    poolUnreserve(keyPool, 1);
  }
  poolUnreserve(ticketPool, 1);
  return false;
}

/** Gives it back: the exit is about to take it, or nobody is left to tell. */
export function farewellRelease(mm: Mm): void {
  if (!mm.farewell) return;
  mm.farewell = 0;
  poolUnreserve(ticketPool, 1);
  poolUnreserve(keyPool, 1);
  poolUnreserve(noticePool, 1);
}

/** A record or a watch has gone: with the last one goes the reserve. */
export function farewellSettle(mm: Mm): void {
  if (!isExported(mm)) farewellRelease(mm);
}
