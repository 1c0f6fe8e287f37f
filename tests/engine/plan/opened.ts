import { Mm } from "../../../assembly/map/mm";
import { munmap } from "../../../assembly/op/munmap";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import { page } from "../op/world";

/** The ticket of an operation that has somebody to tell. */
export function opened(handle: i32): Ticket {
  assert(handle > 0, "the operation has somebody to tell");
  return changetype<Ticket>(changetype<usize>(ticketOf(<u32>handle)));
}

/** Plans to take pages [start, end) from BASE away. */
export function planUnmap(mm: Mm, start: u32, end: u32): Ticket {
  return opened(munmap(mm, page(start), (<u64>(end - start)) << 12));
}
