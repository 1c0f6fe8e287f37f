// The checker of the counters (mem/vmstat.ts), here because what they count is all over the engine.
//
// That an event counter never falls is about time: the values of the look before are kept.
//
// Written by: this file. Read by: check.ts.

import { PG, Vmstat } from "../abi";
import { flagCount } from "../frame/flag-range";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { hugeFree, hugeLent, hugePromised, hugeTotal } from "../frame/huge";
import { dirtyFirst } from "../map/dirty";
import { Mapping } from "../map/mapping";
import { frameCount } from "../mem/layout";
import { statGet } from "../mem/vmstat";

/** Numbers of broken invariants of counters. */
export const enum GaugeInvariant {
  None = 0,
  /** S1: a gauge is not what there is to count. */
  Gauge = 701,
  /** S2: an event counter, or a high-water mark, has fallen. */
  Fallen = 702,
}

/** Values of the look before: an f64 for each counter. */
const before = memory.data(8 * Vmstat.COUNT, 8);

/** @returns the number of the first invariant of counters that does not hold, or 0. */
export function checkGauges(): u32 {
  if (!gaugesAreRight()) return GaugeInvariant.Gauge;
  for (let index: i32 = 0; index < Vmstat.COUNT; index++) {
    if (!isGauge(index) && statGet(index) < load<f64>(before + ((<usize>index) << 3))) {
      return GaugeInvariant.Fallen;
    }
    store<f64>(before + ((<usize>index) << 3), statGet(index));
  }
  return GaugeInvariant.None;
}

function isGauge(index: i32): bool {
  if (index == Vmstat.swap_slots_used) return true;
  if (index == Vmstat.nr_dirty || index == Vmstat.nr_writeback) return true;
  if (index == Vmstat.hugepages_lent) return true;
  if (index >= Vmstat.hugepages_total && index <= Vmstat.hugepages_rsvd) return true;
  if (index >= Vmstat.nr_inactive_anon && index <= Vmstat.nr_active_file) return true;
  return index >= Vmstat.nr_page_table_pages && index <= Vmstat.nr_quarantined;
}

function gaugesAreRight(): bool {
  if (statGet(Vmstat.nr_page_table_pages) != flagged(PG.table)) return false;
  if (statGet(Vmstat.nr_file_pages) != flagged(PG.pagecache) - flaggedHuge(PG.pagecache)) {
    return false;
  }
  if (!hugeGaugesAreRight()) return false;
  if (statGet(Vmstat.nr_slab) != flagged(PG.slab)) return false;
  if (statGet(Vmstat.nr_exported) != flagged(PG.exported)) return false;
  if (statGet(Vmstat.nr_quarantined) != flagged(PG.quarantine)) return false;
  if (statGet(Vmstat.nr_writeback) != flagged(PG.writeback)) return false;
  if (statGet(Vmstat.nr_dirty) != dirtyPages()) return false;
  if (statGet(Vmstat.nr_anon_pages) != mapped(PG.anon)) return false;
  return statGet(Vmstat.nr_mapped) == mapped(PG.pagecache);
}

function flagged(flag: PG): f64 {
  return <f64>flagCount(flag, 0, frameCount);
}

/** Huge pages with `flag`: they have counters of their own. */
function flaggedHuge(flag: PG): f64 {
  let count: u32 = 0;
  for (let pfn = flagNext(PG.head, 0, frameCount); pfn < frameCount; ) {
    if (flagTest(flag, pfn)) count += 1;
    pfn = flagNext(PG.head, pfn + 1, frameCount);
  }
  return <f64>count;
}

function hugeGaugesAreRight(): bool {
  if (statGet(Vmstat.hugepages_total) != <f64>hugeTotal) return false;
  if (statGet(Vmstat.hugepages_lent) != <f64>hugeLent) return false;
  return (
    statGet(Vmstat.hugepages_free) == <f64>hugeFree &&
    statGet(Vmstat.hugepages_rsvd) == <f64>hugePromised
  );
}

/** Frames with `flag`, huge pages apart, that a pte names. */
function mapped(flag: PG): f64 {
  let count: u32 = 0;
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    if (frameOf(pfn).mapcount && !flagTest(PG.hugetlb, pfn)) count += 1;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return <f64>count;
}

/** Pages of files on a disk that are dirty. */
function dirtyPages(): f64 {
  let count: u32 = 0;
  for (let at = dirtyFirst; at; at = changetype<Mapping>(at).dirtyNext) {
    count += changetype<Mapping>(at).dirty;
  }
  return <f64>count;
}
