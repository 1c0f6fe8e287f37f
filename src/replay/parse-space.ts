// The areas and the pages of an address space, as a recording writes them.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { Fields } from "./fields.ts";
import * as read from "./fields.ts";
import type { RecordedArea, RecordedPage, RecordedSpace } from "./format.ts";

const RIGHTS = /^[r-][w-][x-][ps]$/;
const FLAGS = /^PF?X?H?$/;

export function parseSpace(fields: Fields): RecordedSpace {
  const areas = read.list(fields["maps"], "maps").map(parseArea);
  for (const [index, area] of areas.entries()) {
    const before = areas[index - 1];
    if (before !== undefined && before.end > area.start) {
      throw new read.FieldError(`maps: the area at ${area.start.toString(16)} overlaps another`);
    }
  }
  const pages = new Map<number, RecordedPage>();
  for (const [key, value] of Object.entries(read.object(fields["pages"], "pages"))) {
    const address = read.hex(key, "a page's address");
    if (address % PAGE_SIZE !== 0) throw read.wrong("a page's address", "that of a page", key);
    pages.set(address, parsePage(value, key));
  }
  return { areas, pages };
}

function parseArea(value: unknown): RecordedArea {
  const [start, end, rights, offset, name] = read.list(value, "an area");
  const area = {
    start: read.hex(start, "an area's start"),
    end: read.hex(end, "an area's end"),
    rights: read.text(rights, "an area's rights"),
    offset: read.hex(offset, "an area's offset"),
    name: read.text(name, "an area's name"),
  };
  if (!RIGHTS.test(area.rights)) throw read.wrong("an area's rights", 'like "rw-p"', rights);
  if (area.start >= area.end) throw read.wrong("an area", "a range", value);
  return area;
}

function parsePage(value: unknown, address: string): RecordedPage {
  const what = `page ${address}`;
  const [flags, frame, mapCount] = read.list(value, what);
  if (flags === "Z") return { kind: "zero" };
  if (flags === "S") return { kind: "swapped" };
  if (typeof flags !== "string" || !FLAGS.test(flags)) {
    throw read.wrong(`${what}: its flags`, "Z, S, or P with F, X and H", flags);
  }
  return {
    kind: "present",
    flags,
    frame: read.natural(frame, `${what}: its frame`),
    mapCount: read.natural(mapCount, `${what}: its mapcount`),
  };
}
