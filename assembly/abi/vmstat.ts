// The counters of the machine, by Linux's names in /proc/vmstat.

/** Counters, each an f64 at `vmstat_pointer() + 8 * index`. */
export const enum Vmstat {
  pgfault,
  pgmajfault,
  pgalloc,
  pgfree,
  /** Copies made to break copy-on-write. */
  cow_break,
  /** Write faults that took over the last owner's page. */
  cow_reuse,
  zero_page_fault,
  fault_around,
  pgmigrate_success,
  vma_merge,
  vma_split,
  nr_page_table_pages,
  nr_anon_pages,
  nr_file_pages,
  nr_mapped,
  nr_slab,
  nr_exported,
  nr_quarantined,
  peak_frames,
  /** Notices made by plans. */
  notice,
  pswpin,
  pswpout,
  pglazyfreed,
  swap_slots_used,
  /** Pages read ahead from swap, and of these how many were wanted. */
  swap_ra,
  swap_ra_hit,
  /** Copies made of merged pages. */
  cow_ksm,
  nr_foll_pin_acquired,
  nr_foll_pin_released,
  nr_dirty,
  nr_writeback,
  nr_dirtied,
  nr_written,
  /** Huge pages: of the pool, of these free, of these promised. */
  hugepages_total,
  hugepages_free,
  hugepages_rsvd,
  /** Pages in the LRU lists, in the order of LruKind. */
  nr_inactive_anon,
  nr_active_anon,
  nr_inactive_file,
  nr_active_file,
  pgactivate,
  pgdeactivate,
  /** Pages of active lists that were looked at. */
  pgrefill,
  /** Pages of inactive lists that were looked at, and that went: for the host, or for a call. */
  pgscan_kswapd,
  pgscan_direct,
  pgsteal_kswapd,
  pgsteal_direct,
  /** Huge pages that a fork child has, and that were promised to their owner again. */
  hugepages_lent,
  COUNT,
}
