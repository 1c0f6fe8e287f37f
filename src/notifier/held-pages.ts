// The Page objects that `export` gave out: they must not outlive the records they stand for.
//
// Invariants
//   S9  A Page of a member is in its table exactly while the record is there, and revoked after.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { Core } from "../core.ts";
import { Page, type PageExport } from "../page.ts";
import { SPACE, type Space } from "../space.ts";
import type { Member } from "./member.ts";

/** The page of a record: the one given out before, as long as the record is there. */
export function givePage(
  core: Core,
  member: Member,
  where: PageExport,
  pfn: number,
  write: boolean,
): Page {
  const space = where.mm[SPACE];
  const held = member.pages.get(space) ?? new Map<number, Page>();
  member.pages.set(space, held);
  const known = held.get(where.address);
  if (known !== undefined && known.pfn === pfn) {
    if (write) known.setWrite(true);
    return known;
  }
  known?.revoke();
  const page = new Page(core, pfn, where, write);
  held.set(where.address, page);
  return page;
}

/** Revokes the pages whose records in [start, end) are gone; without a space, all of them. */
export function revokePages(
  member: Member,
  space: Space | null = null,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): void {
  for (const [owner, held] of space === null ? member.pages : pairOf(member, space)) {
    for (const address of addressesIn(held, start, end)) {
      held.get(address)?.revoke();
      held.delete(address);
    }
    if (held.size === 0) member.pages.delete(owner);
  }
}

/** The records in [start, end) have lost write access. */
export function lowerPages(member: Member, space: Space, start: number, end: number): void {
  for (const [, held] of pairOf(member, space)) {
    for (const address of addressesIn(held, start, end)) held.get(address)?.setWrite(false);
  }
}

function pairOf(member: Member, space: Space): [Space, Map<number, Page>][] {
  const held = member.pages.get(space);
  return held === undefined ? [] : [[space, held]];
}

/** Looks from the smaller side: the pages held, or the pages of the range. */
function addressesIn(held: Map<number, Page>, start: number, end: number): number[] {
  const first = start - (start % PAGE_SIZE);
  if ((end - first) / PAGE_SIZE > held.size) {
    return [...held.keys()].filter((address) => address >= first && address < end);
  }
  const found: number[] = [];
  for (let at = first; at < end; at += PAGE_SIZE) if (held.has(at)) found.push(at);
  return found;
}
