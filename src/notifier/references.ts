// Asking holders how much they use the pages that reclaim looks at (the patch's
// determine_references), in batches: one call for each subscriber that can answer at once. What
// others use is in their records already (`subscriber.markAccessed`).

import type { Core } from "../core.ts";
import type { CandidateRecord } from "../engine/records.ts";
import { Page } from "../page.ts";
import type { Member } from "./member.ts";

/** References of each candidate: those that the engine found, and those of its holders. */
export function countReferences(core: Core, candidates: readonly CandidateRecord[]): number[] {
  const counts = candidates.map(({ references }) => references);
  for (const [member, places] of holdersOf(core, candidates)) {
    const pages = places.map((at) => new Page(core, (candidates[at] as CandidateRecord).pfn));
    const told = ask(core, member, pages);
    for (const page of pages) page.revoke();
    told.forEach((count, index) => {
      const at = places[index] as number;
      counts[at] = (counts[at] ?? 0) + count;
    });
  }
  return counts;
}

/** Who is to be asked, in order of registration, and about which candidates. */
function holdersOf(core: Core, candidates: readonly CandidateRecord[]): [Member, number[]][] {
  const found = new Map<Member, number[]>();
  candidates.forEach(({ pfn }, at) => {
    for (const id of core.engine.reclaim.reach(pfn)) {
      const member = core.members.get(id);
      if (member === undefined || !answersAtOnce(member)) continue;
      const places = found.get(member) ?? [];
      places.push(at);
      found.set(member, places);
    }
  });
  return [...found].sort(([a], [b]) => a.order - b.order);
}

function answersAtOnce({ sync, fenced, owing, hears }: Member): boolean {
  return sync && !fenced && owing.size === 0 && hears.has("determineReferences");
}

/** One subscriber's counts; none of them counts when one of them is no count. */
function ask(core: Core, member: Member, pages: readonly Page[]): number[] {
  if (member.fenced || member.state === "gone") return [];
  const where = `${member.name}.determineReferences`;
  const event = core.trace.isOn ? core.trace.begin(where, "notify") : 0;
  try {
    const answer = member.ops.determineReferences?.(pages, { clear: true }) ?? [];
    const counts = Array.from(pages, (_, at) => answer[at]);
    if (answer.length === pages.length && counts.every(isCount)) return counts as number[];
    throw new RangeError(`${where}: not a count for each of ${pages.length} pages`);
  } catch (cause) {
    core.report(cause, where);
    return [];
  } finally {
    core.trace.end(event, "answered");
  }
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= COUNT_MAX;
}

const COUNT_MAX = 2 ** 20;
