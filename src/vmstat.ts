// The engine's counters by name.

import { Vmstat } from "../assembly/abi.ts";
import type { Engine } from "./engine/engine.ts";

/** Name of a counter: Linux's in /proc/vmstat where it has one. */
export type VmstatName = Exclude<keyof typeof Vmstat, "COUNT">;

export type VmstatCounters = Readonly<Record<VmstatName, number>>;

const INDEX: Readonly<Record<VmstatName, Vmstat>> = {
  pgfault: Vmstat.pgfault,
  pgmajfault: Vmstat.pgmajfault,
  pgalloc: Vmstat.pgalloc,
  pgfree: Vmstat.pgfree,
  cow_break: Vmstat.cow_break,
  cow_reuse: Vmstat.cow_reuse,
  zero_page_fault: Vmstat.zero_page_fault,
  fault_around: Vmstat.fault_around,
  pgmigrate_success: Vmstat.pgmigrate_success,
  vma_merge: Vmstat.vma_merge,
  vma_split: Vmstat.vma_split,
  nr_page_table_pages: Vmstat.nr_page_table_pages,
  nr_anon_pages: Vmstat.nr_anon_pages,
  nr_file_pages: Vmstat.nr_file_pages,
  nr_mapped: Vmstat.nr_mapped,
  nr_slab: Vmstat.nr_slab,
  nr_exported: Vmstat.nr_exported,
  nr_quarantined: Vmstat.nr_quarantined,
  peak_frames: Vmstat.peak_frames,
  notice: Vmstat.notice,
  pswpin: Vmstat.pswpin,
  pswpout: Vmstat.pswpout,
  pglazyfreed: Vmstat.pglazyfreed,
  swap_slots_used: Vmstat.swap_slots_used,
  swap_ra: Vmstat.swap_ra,
  swap_ra_hit: Vmstat.swap_ra_hit,
  cow_ksm: Vmstat.cow_ksm,
  nr_foll_pin_acquired: Vmstat.nr_foll_pin_acquired,
  nr_foll_pin_released: Vmstat.nr_foll_pin_released,
  nr_dirty: Vmstat.nr_dirty,
  nr_writeback: Vmstat.nr_writeback,
  nr_dirtied: Vmstat.nr_dirtied,
  nr_written: Vmstat.nr_written,
  hugepages_total: Vmstat.hugepages_total,
  hugepages_free: Vmstat.hugepages_free,
  hugepages_rsvd: Vmstat.hugepages_rsvd,
  nr_inactive_anon: Vmstat.nr_inactive_anon,
  nr_active_anon: Vmstat.nr_active_anon,
  nr_inactive_file: Vmstat.nr_inactive_file,
  nr_active_file: Vmstat.nr_active_file,
  pgactivate: Vmstat.pgactivate,
  pgdeactivate: Vmstat.pgdeactivate,
  pgrefill: Vmstat.pgrefill,
  pgscan_kswapd: Vmstat.pgscan_kswapd,
  pgscan_direct: Vmstat.pgscan_direct,
  pgsteal_kswapd: Vmstat.pgsteal_kswapd,
  pgsteal_direct: Vmstat.pgsteal_direct,
  hugepages_lent: Vmstat.hugepages_lent,
};

export function vmstat(engine: Engine): VmstatCounters {
  const entries = Object.entries(INDEX).map(([name, index]) => [name, engine.counter(index)]);
  return Object.fromEntries(entries) as VmstatCounters;
}
