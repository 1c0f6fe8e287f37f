// Fault-around (as Linux do_fault_around and filemap_map_pages): a read fault maps what is cached
// of the 16 pages that its page lies among.
//
//   from  the 16-page block of its leaf table, or the area's start if that is later
//   to    16 pages on, or the end of the area, of the leaf table, of the file

import { Vmstat } from "../abi";
import { Mapping, mappingPages } from "../map/mapping";
import { Mm } from "../map/mm";
import { P } from "../map/pte";
import { frameMap } from "../map/rmap";
import { LEAF_BYTES, pteEnsure, pteGet, pteSet, tableTrim } from "../map/table";
import { linearIndex, Vma } from "../map/vma";
import { statAdd } from "../mem/vmstat";
import { mappingConflict, mmConflict } from "../plan/freeze";
import { filePte } from "./fault";
import { cacheReady } from "./file-read";

const AROUND_BYTES: u64 = 16 << 12;

/** Maps the cached page at `page` where nothing is mapped yet; false when a table lacked. */
function mapCached(mm: Mm, vma: Vma, mapping: Mapping, page: u64): bool {
  const pfn = cacheReady(mapping, linearIndex(vma, page));
  if (!pfn) return true;
  const slot = pteEnsure(mm, page);
  if (!slot) return false;
  if (load<u64>(slot)) return true;
  frameMap(pfn);
  pteSet(slot, filePte(vma, pfn, false));
  statAdd(Vmstat.fault_around, 1);
  return true;
}

/** The ticket that freezes what [from, to) of `vma` shows of its file, or 0. */
function fileConflict(mapping: Mapping, vma: Vma, from: u64, to: u64): usize {
  if (!mapping.freezes || from >= to) return 0;
  const first = linearIndex(vma, from) << 12;
  return mappingConflict(mapping, first, first + (to - from));
}

/**
 * Maps the cached pages around `page`. Where a part of that window is frozen, only `page` itself.
 * @returns true when `page` is mapped now.
 */
export function faultAround(mm: Mm, vma: Vma, page: u64): bool {
  const mapping = changetype<Mapping>(vma.mapping);
  const pages = mappingPages(mapping);
  if (pages <= vma.pgoff) return false;
  const sizeEnd = vma.start + ((pages - vma.pgoff) << 12);
  const tableEnd = (page & ~(LEAF_BYTES - 1)) + LEAF_BYTES;
  let from = max(page & ~(AROUND_BYTES - 1), vma.start);
  let to = min(min(from + AROUND_BYTES, tableEnd), min(vma.end, sizeEnd));
  if (mmConflict(mm, from, to) || fileConflict(mapping, vma, from, to)) {
    from = page;
    to = page + 4096;
  }
  for (let at = from; at < to; at += 4096) {
    if (mapCached(mm, vma, mapping, at)) continue;
    tableTrim(mm, page);
    return false;
  }
  if (pteGet(mm, page) & P) return true;
  tableTrim(mm, page);
  return false;
}
