// Taking ptes away: what every unmap, clear and exit comes down to (Linux: zap_pte_range).

import { PG, PTE_EXPORTED } from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { deviceCount } from "../map/device";
import { Mm } from "../map/mm";
import { D, P, ptePfn, S } from "../map/pte";
import { frameDirty, frameUnmapInRun, runFree } from "../map/rmap";
import { isSwap, slotPut, swapSlot } from "../map/swap";
import { leafEnd, leafIndex, leafPfn, leafSeek, pteSet, tableTrim } from "../map/table";
import { CHECK } from "../mem/assert";
import { hugeZap, hugeZapFile } from "./huge-zap";

/** One pte of a page goes. Precondition: no record names it. */
function dropPage(pte: u64): void {
  if (CHECK) assert(!(pte & <u64>PTE_EXPORTED), "E2: an exported pte is zapped");
  if (isSwap(pte)) slotPut(swapSlot(pte));
  if (!(pte & P)) return;
  const pfn = ptePfn(pte);
  if (pte & S) {
    if (pfn) deviceCount(pfn, -1);
    return;
  }
  if (pte & D && !flagTest(PG.anon, pfn)) frameDirty(pfn);
  frameUnmapInRun(pfn);
}

function zapLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  let gone: u32 = 0;
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (!pte) continue;
    store<u64>(slot, 0);
    gone++;
    dropPage(pte);
  }
  runFree();
  frameOf(leaf).private_ -= gone;
}

function zapFileLeaf(leaf: u32, first: u32, count: u32): void {
  let slot = frameAddress(leaf) + ((<usize>first) << 3);
  for (let i: u32 = 0; i < count; i++, slot += 8) {
    const pte = load<u64>(slot);
    if (!(pte & P) || flagTest(PG.anon, ptePfn(pte))) continue;
    pteSet(slot, 0);
    dropPage(pte);
  }
  runFree();
}

/** Clears the ptes of cached pages in [start, end), and a device's: private copies stay. */
export function zapFilePages(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const leaf = leafPfn(mm, at);
    if (leaf) zapFileLeaf(leaf, leafIndex(at), <u32>((stop - at) >> 12));
    else hugeZapFile(mm, at);
    tableTrim(mm, at);
    at = leafSeek(mm, stop, end);
  }
}

/** Clears every pte in [start, end), and the tables that this empties. */
export function zapRange(mm: Mm, start: u64, end: u64): void {
  let at = leafSeek(mm, start, end);
  while (at < end) {
    const stop = leafEnd(at, end);
    const leaf = leafPfn(mm, at);
    if (leaf) zapLeaf(leaf, leafIndex(at), <u32>((stop - at) >> 12));
    else hugeZap(mm, at);
    tableTrim(mm, at);
    at = leafSeek(mm, stop, end);
  }
}
