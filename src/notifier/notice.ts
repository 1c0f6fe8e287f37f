// A notice with real objects in it: whom it reaches, and what each callback is called with.
//
// Invariants
//   T4  `members` is the snapshot of one moment, in order of registration.
//   T8  The members of a mapping range are those of its hits, taken together.

import { Demand, NoticeKind, Reason } from "../../assembly/abi.ts";
import type { Core } from "../core.ts";
import type { HitRecord, NoticeRecord } from "../engine/records.ts";
import type { File } from "../file.ts";
import { fileOf } from "../file-state.ts";
import { Page } from "../page.ts";
import type { Space } from "../space.ts";
import type { Member } from "./member.ts";
import type { Callback, ExportOps, Place, ProcessRange, Why, WhyDemand, WhyReason } from "./ops.ts";

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
  /** Of a mapping range, else null. */
  readonly file: File | null;
  readonly places: readonly Place[];
  readonly ranges: readonly ProcessRange[];
  /** The same ranges as notices of their own, for whoever hears of process ranges only. */
  readonly hits: readonly Notice[];
  readonly members: readonly Member[];
}

/** Gives a record of the engine its objects, and takes the snapshot of whom it reaches. */
export function toNotice(core: Core, record: NoticeRecord): Notice {
  const space = core.spaces.get(record.mm) ?? null;
  const hits = hitsOf(core, record);
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
    file: record.kind === NoticeKind.MappingRange ? fileOf(core, record.pfn) : null,
    places: placesOf(core, record),
    ranges: hits.length === 0 ? NO_RANGES : hits.flatMap(rangeOf),
    hits,
    members: membersOf(core, record, space, hits),
  };
}

function hitsOf(core: Core, record: NoticeRecord): readonly Notice[] {
  if (record.hits.length === 0) return NO_HITS;
  return record.hits.map((hit) => toNotice(core, asProcessRange(record, hit)));
}

function asProcessRange(record: NoticeRecord, hit: HitRecord): NoticeRecord {
  return { ...record, ...hit, kind: NoticeKind.ProcessRange, hits: [] };
}

function rangeOf({ space, start, end }: Notice): ProcessRange[] {
  return space === null ? [] : [{ mm: space.mm, start, end }];
}

const NO_HITS: readonly Notice[] = [];
const NO_RANGES: readonly ProcessRange[] = [];

/** What one member is told of a notice: the notice, or those of its hits that reach it. */
export function partsFor(member: Member, notice: Notice): readonly Notice[] {
  if (member.hears.has(notice.callback)) return [notice];
  if (!member.hears.has("invalidateProcessRange")) return NO_HITS;
  return notice.hits.filter(({ members }) => members.includes(member));
}

/** Calls the one callback that the notice stands for. */
export function invoke(ops: ExportOps, notice: Notice, why: Why): unknown {
  const { callback, space, page, file } = notice;
  if (page !== null) return ops.invalidatePage?.(page, why);
  if (file !== null) return ops.invalidateMappingRange?.(file, notice.start, notice.end, why);
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

function membersOf(
  core: Core,
  record: NoticeRecord,
  space: Space | null,
  hits: readonly Notice[],
): Member[] {
  const found: Member[] = hits.length === 0 ? [] : [...new Set(hits.flatMap((hit) => hit.members))];
  for (const id of record.reach) {
    const member = core.members.get(id);
    if (member !== undefined && !found.includes(member)) found.push(member);
  }
  for (const watched of watchedBy(core, record, space)) {
    for (const member of watched.watchers) if (!found.includes(member)) found.push(member);
  }
  return found.length < 2 ? found : found.sort((a, b) => a.order - b.order);
}

/** Reasons of a page's notice that every space which shows it hears of. */
const HEARD_EVERYWHERE: ReadonlySet<Reason> = new Set([
  Reason.Evict,
  Reason.Merge,
  Reason.Writeback,
]);

/** The spaces whose watchers hear it: its own; of a page that goes or is written, all of it. */
function watchedBy(core: Core, record: NoticeRecord, space: Space | null): readonly Space[] {
  if (record.kind !== NoticeKind.Page) return space === null ? [] : [space];
  if (!HEARD_EVERYWHERE.has(record.reason)) return [];
  return record.places.flatMap(({ mm }) => core.spaces.get(mm) ?? []);
}
