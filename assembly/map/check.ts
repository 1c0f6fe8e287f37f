// The checker of virtual memory: areas, tables, reverse map, page cache.
//
// Each returns the number of the first invariant that does not hold (MapInvariant), or 0. They read
// everything and change nothing; the debug build runs them after each commit.

import { PG, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE } from "../abi";
import { flagNext, flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { Link } from "./link";
import { Mm, mmFirst } from "./mm";
import { E, P, ptePfn, S, U, W } from "./pte";
import { rmapFirst, rmapNext } from "./rmap";
import { leafEnd, leafIndex, leafPfn, leafSeek } from "./table";
import { treeCheck } from "./tree";
import { Vma } from "./vma";
import { vmaLookup } from "./vma-tree";

/** Numbers of invariants: hundreds 2 for areas, 3 for tables and ptes, 4 for the reverse map. */
export const enum MapInvariant {
  TreeBalance = 201,
  AreaRange = 211,
  AreaOrder = 212,
  AreaGap = 213,
  AreaShare = 214,
  AreaChain = 215,
  AreaCount = 221,
  PteForm = 301,
  PteWrite = 302,
  PteSpecial = 303,
  PteProtection = 304,
  TableFrame = 305,
  TableEmpty = 306,
  TableExports = 307,
  PteOutside = 308,
  MapCount = 404,
  RefCount = 405,
  RmapWalk = 406,
}

const USER: u64 = 0x7ffffffff000;
const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

function checkChain(vma: Vma): u32 {
  let count: u32 = 0;
  let own = vma.anonVma == 0;
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    const link = changetype<Link>(at);
    if (link.vma != changetype<usize>(vma)) return MapInvariant.AreaChain;
    if (link.object == vma.anonVma) own = true;
    count++;
  }
  return own && count == vma.chainCount ? 0 : MapInvariant.AreaChain;
}

function checkArea(mm: Mm, vma: Vma): u32 {
  if (vma.mm != changetype<usize>(mm)) return MapInvariant.AreaOrder;
  if (vma.start >= vma.end || (vma.start | vma.end) & 4095) return MapInvariant.AreaRange;
  if (vma.prev) {
    const prev = changetype<Vma>(vma.prev);
    if (prev.end > vma.start) return MapInvariant.AreaRange;
    if (prev.next != changetype<usize>(vma)) return MapInvariant.AreaOrder;
  } else if (mm.first != changetype<usize>(vma)) {
    return MapInvariant.AreaOrder;
  }
  const gap = vma.maxGap;
  vma.augment();
  if (vma.maxGap != gap) return MapInvariant.AreaGap;
  if ((vma.mapping != 0) != (vma.share != 0)) return MapInvariant.AreaShare;
  if (vma.share && changetype<Link>(vma.share).object != vma.mapping) return MapInvariant.AreaShare;
  return checkChain(vma);
}

/** V1–V5, A1, M1, M2 of one mm. */
export function checkAreas(mm: Mm): u32 {
  if (treeCheck(mm.tree, 0)) return MapInvariant.TreeBalance;
  let count: u32 = 0;
  let pages: u64 = 0;
  for (let p = mm.first; p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    const bad = checkArea(mm, vma);
    if (bad) return bad;
    if (vmaLookup(mm, vma.start) != p) return MapInvariant.AreaOrder;
    count++;
    pages += (vma.end - vma.start) >> 12;
  }
  return count == mm.mapCount && pages == mm.totalPages ? 0 : MapInvariant.AreaCount;
}

function checkPte(vma: Vma, pte: u64): u32 {
  if (((pte & U) != 0) != ((vma.flags & ACCESS) != 0)) return MapInvariant.PteProtection;
  if (pte & W && !(vma.flags & VM_WRITE)) return MapInvariant.PteProtection;
  const pfn = ptePfn(pte);
  if (pfn >= frameCount) return MapInvariant.PteForm;
  if (pte & S) return pfn == 0 && !(pte & W) ? 0 : MapInvariant.PteSpecial;
  const frame = frameOf(pfn);
  if (!frame.mapcount) return MapInvariant.MapCount;
  const alone = flagTest(PG.anon, pfn) && frame.mapcount == 1;
  if (pte & W && !(vma.flags & VM_SHARED) && !alone) return MapInvariant.PteWrite;
  return 0;
}

/** Ptes that count a frame, seen by `checkTables` since `ptesSeenClear`. */
let ptesSeen: u64 = 0;

function checkLeaf(mm: Mm, start: u64, end: u64): u32 {
  const leaf = leafPfn(mm, start);
  let slot = frameAddress(leaf) + ((<usize>leafIndex(start)) << 3);
  let vma: usize = 0;
  for (let at = start; at < end; at += 4096, slot += 8) {
    const pte = load<u64>(slot);
    if (!pte) continue;
    if (!(pte & P)) return MapInvariant.PteForm;
    if (!vma || at >= changetype<Vma>(vma).end) vma = vmaLookup(mm, at);
    if (!vma) return MapInvariant.PteOutside;
    const bad = checkPte(changetype<Vma>(vma), pte);
    if (bad) return bad;
    if (!(pte & S)) ptesSeen++;
  }
  return 0;
}

function checkTable(leaf: u32): u32 {
  const table = frameOf(leaf);
  let used: u32 = 0;
  let exported: usize = 0;
  for (let i: usize = 0; i < 4096; i += 8) {
    const pte = load<u64>(frameAddress(leaf) + i);
    if (pte) used++;
    if (pte & E) exported++;
  }
  if (!flagTest(PG.table, leaf) || table.refcount != 1) return MapInvariant.TableFrame;
  if (used != table.private_) return MapInvariant.TableFrame;
  if (!used) return MapInvariant.TableEmpty;
  return exported == table.exports ? 0 : MapInvariant.TableExports;
}

/** T1–T7 of one mm. */
export function checkTables(mm: Mm): u32 {
  let at = leafSeek(mm, 0, USER);
  while (at < USER) {
    const stop = leafEnd(at, USER);
    const bad = checkTable(leafPfn(mm, at));
    if (bad) return bad;
    const badPte = checkLeaf(mm, at, stop);
    if (badPte) return badPte;
    at = leafSeek(mm, stop, USER);
  }
  return 0;
}

function checkFrameMaps(pfn: u32): u32 {
  const frame = frameOf(pfn);
  let visited: u32 = 0;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) visited++;
  return visited == frame.mapcount ? 0 : MapInvariant.RmapWalk;
}

/** Frames with `flag`: R6 of each; adds up their mapcounts. */
function checkMapped(flag: PG): u32 {
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    ptesSeen -= frameOf(pfn).mapcount;
    const bad = checkFrameMaps(pfn);
    if (bad) return bad;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return 0;
}

/** All of the map layer, and that ptes and mapcounts add up over all address spaces (R4). */
export function checkMaps(): u32 {
  ptesSeen = 0;
  for (let p = mmFirst(); p; p = changetype<Mm>(p).next) {
    const mm = changetype<Mm>(p);
    const areas = checkAreas(mm);
    if (areas) return areas;
    const tables = checkTables(mm);
    if (tables) return tables;
  }
  const anon = checkMapped(PG.anon);
  if (anon) return anon;
  const cached = checkMapped(PG.pagecache);
  if (cached) return cached;
  return ptesSeen == 0 ? 0 : MapInvariant.MapCount;
}
