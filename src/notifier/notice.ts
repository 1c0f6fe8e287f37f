// A notice with real objects in it: whom it reaches, and what each callback is called with.
//
// Invariants
//   T4  `members` is the snapshot of one moment, in order of registration.

import { Demand, NoticeKind, Reason } from "../../assembly/abi.ts";
import type { Core } from "../core.ts";
import type { NoticeRecord } from "../engine/records.ts";
import { Page } from "../page.ts";
import type { Space } from "../space.ts";
import type { Member } from "./member.ts";
import type { ExportOps, Place, Why, WhyDemand, WhyReason } from "./ops.ts";

const REASON: Record<Reason, WhyReason> = {
  [Reason.Unmap]: "unmap",
  [Reason.Protect]: "protect",
  [Reason.Clear]: "clear",
  [Reason.Cow]: "cow",
  [Reason.Migrate]: "migrate",
  [Reason.Merge]: "merge",
  [Reason.Writeback]: "writeback",
  [Reason.Truncate]: "truncate",
  [Reason.Punch]: "punch",
  [Reason.Evict]: "evict",
  [Reason.Exit]: "exit",
};

const DEMAND: Record<Demand, WhyDemand> = {
  [Demand.Nothing]: "nothing",
  [Demand.Writers]: "writers",
  [Demand.All]: "all",
  [Demand.FilePages]: "file pages",
};

/** The callbacks that a notice can turn into. */
export type Callback =
  | "invalidateProcessRange"
  | "invalidatePage"
  | "invalidateMappingRange"
  | "release";

const CALLBACK: Record<NoticeKind, Callback> = {
  [NoticeKind.ProcessRange]: "invalidateProcessRange",
  [NoticeKind.Page]: "invalidatePage",
  [NoticeKind.Release]: "release",
  [NoticeKind.MappingRange]: "invalidateMappingRange",
  [NoticeKind.Hit]: "invalidateMappingRange",
};

export interface Notice {
  readonly callback: Callback;
  readonly reason: WhyReason;
  readonly demand: WhyDemand;
  readonly oldProt: number;
  readonly newProt: number;
  readonly start: number;
  readonly end: number;
  readonly space: Space | null;
  /** Of a page-wide notice, else null. */
  readonly page: Page | null;
  readonly places: readonly Place[];
  readonly members: readonly Member[];
}

/** Gives a record of the engine its objects, and takes the snapshot of whom it reaches. */
export function toNotice(core: Core, record: NoticeRecord): Notice {
  const space = core.spaces.get(record.mm) ?? null;
  return {
    callback: CALLBACK[record.kind],
    reason: REASON[record.reason],
    demand: DEMAND[record.demand],
    oldProt: record.oldProt,
    newProt: record.newProt,
    start: record.start,
    end: record.end,
    space,
    page: record.kind === NoticeKind.Page ? new Page(core, record.pfn) : null,
    places: placesOf(core, record),
    members: membersOf(core, record, space),
  };
}

/** Calls the one callback that the notice stands for. */
export function invoke(ops: ExportOps, notice: Notice, why: Why): unknown {
  const { callback, space, page } = notice;
  if (page !== null) return ops.invalidatePage?.(page, why);
  if (space === null) return undefined;
  if (callback === "release") return ops.release?.(space.mm, why);
  return ops.invalidateProcessRange?.(space.mm, notice.start, notice.end, why);
}

function placesOf(core: Core, record: NoticeRecord): readonly Place[] {
  if (record.places.length === 0) return NOWHERE;
  return record.places.flatMap(({ mm, address }) => {
    const space = core.spaces.get(mm);
    return space === undefined ? [] : [{ mm: space.mm, address }];
  });
}

const NOWHERE: readonly Place[] = [];

function membersOf(core: Core, record: NoticeRecord, space: Space | null): Member[] {
  const found: Member[] = [];
  for (const id of record.reach) {
    const member = core.members.get(id);
    if (member !== undefined) found.push(member);
  }
  if (record.kind !== NoticeKind.Page && space !== null) {
    for (const member of space.watchers) if (!found.includes(member)) found.push(member);
  }
  return found.length < 2 ? found : found.sort((a, b) => a.order - b.order);
}
