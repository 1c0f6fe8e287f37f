// An address space of the engine in the recording's own terms.

import { PG } from "../../assembly/abi.ts";
import type { Area } from "../inspect.ts";
import type { Mm } from "../mm.ts";
import type { PageInfo } from "../pagemap.ts";
import type { RecordedArea, RecordedHeader, RecordedPage, RecordedSpace } from "./format.ts";
import { SHM } from "./import.ts";

/** How `maps` shows shared anonymous memory. */
const SHM_IN_MAPS = "/dev/zero (deleted)";

/** How `maps` shows huge pages; a recording shows them without a name. */
const HUGE_IN_MAPS = "/anon_hugepage (deleted)";

/** The zero page's frame. */
const ZERO_PAGE = 0;

/** What is there now, as a state of a recording with this header would show it. */
export function observe(mm: Mm, header: RecordedHeader): RecordedSpace {
  const { arena } = header;
  const start = arena?.start ?? 0;
  const end = arena?.end ?? Number.MAX_SAFE_INTEGER;
  const areas = mm.areas().filter((area) => area.start < end && area.end > start);
  const pages = new Map<number, RecordedPage>();
  for (const info of mm.pagemap(start, end)) {
    const page = pageOf(mm, info, header.program !== null);
    if (page !== null) pages.set(info.address, page);
  }
  return { areas: areas.map(areaOf), pages };
}

function areaOf({ start, end, read, write, execute, shared, offset, name }: Area): RecordedArea {
  const rights = [read ? "r" : "-", write ? "w" : "-", execute ? "x" : "-", shared ? "s" : "p"];
  return { start, end, rights: rights.join(""), offset, name: nameOf(name) };
}

function nameOf(name: string): string {
  if (name === HUGE_IN_MAPS) return "";
  return name === SHM_IN_MAPS ? SHM : name;
}

function pageOf(mm: Mm, info: PageInfo, isAnonymousOnly: boolean): RecordedPage | null {
  if (!info.present) return { kind: "swapped" };
  if (info.pfn === ZERO_PAGE) return { kind: "zero" };
  const frameFlags = mm.page(info.address)?.frameFlags ?? 0;
  const isAnonymous = (frameFlags & (1 << PG.anon)) !== 0;
  if (!isAnonymous && isAnonymousOnly) return null;
  const { pfn, mapCount } = info;
  const alone = mapCount === 1 ? "X" : "";
  const flags = `P${isAnonymous ? "" : "F"}${alone}${info.huge ? "H" : ""}`;
  return { kind: "present", flags, frame: pfn, mapCount };
}
