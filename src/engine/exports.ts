// The engine's exports, typed: the one place that says what the module must offer.
//
// An address, length or file position is an f64 that holds a whole number; everything else is an
// i32 or u32. A u32 result arrives signed and is made unsigned in `engine.ts`, nowhere else.

/** Calls that may answer with a ticket: above 0 means "tell somebody first". */
export interface EngineOperations {
  mm_mmap(
    mm: number,
    address: number,
    length: number,
    prot: number,
    flags: number,
    mapping: number,
    offset: number,
  ): number;
  mm_munmap(mm: number, address: number, length: number): number;
  mm_mprotect(mm: number, address: number, length: number, prot: number): number;
  mm_mremap(
    mm: number,
    address: number,
    oldLength: number,
    newLength: number,
    flags: number,
    newAddress: number,
  ): number;
  mm_madvise(mm: number, address: number, length: number, advice: number): number;
  mm_brk(mm: number, address: number): number;
  mm_mlock(mm: number, address: number, length: number, flags: number): number;
  mm_munlock(mm: number, address: number, length: number): number;
  mm_mlockall(mm: number, flags: number): number;
  mm_munlockall(mm: number): number;
  mm_fault(mm: number, address: number, access: number): number;
  mm_populate(mm: number, start: number, end: number, access: number): number;
  mm_fork(mm: number): number;
  mm_exit(mm: number): number;
  page_migrate(pfn: number): number;
  page_merge(pfn: number, into: number): number;
  pfn_remap(mm: number, address: number, pfn: number, length: number, prot: number): number;
  mapping_truncate(mapping: number, size: number): number;
  mapping_punch(mapping: number, start: number, length: number): number;
}

/** The bracket: what a ticket announces, and how it ends. */
export interface EngineTickets {
  ticket_notices(ticket: number): number;
  notice_reach(notice: number): number;
  notice_places(notice: number): number;
  ticket_commit(ticket: number): number;
  ticket_abort(ticket: number): number;
  ticket_end(ticket: number): number;
  ticket_conflict(mm: number, start: number, end: number): number;
}

/** Export records, watches and what is withheld because of them. */
export interface EngineRecords {
  export_add(subscriber: number, mm: number, address: number, rights: number): number;
  export_remove(subscriber: number, mm: number, address: number): number;
  export_remove_range(subscriber: number, mm: number, start: number, end: number): number;
  export_remove_all(subscriber: number): number;
  export_lower_range(subscriber: number, mm: number, start: number, end: number): number;
  export_count(subscriber: number): number;
  export_list(subscriber: number, skip: number): number;
  mm_watch(mm: number, delta: number): number;
  mm_is_exported(mm: number): number;
  page_set_dirty(mm: number, address: number): number;
  quarantine_count(): number;
}

/** Making things, files, and looking at them. */
export interface EngineObjects {
  machine_init(frames: number): number;
  machine_check(): number;
  machine_overcommit(pages: number): void;
  result_pointer(): number;
  vmstat_pointer(): number;
  window_pointer(): number;
  frames_pointer(): number;
  frames_total(): number;
  frames_free(): number;
  mm_create(mmapBase: number, brkStart: number): number;
  mm_mincore(mm: number, address: number, length: number): number;
  mm_msync(
    mm: number,
    address: number,
    length: number,
    flags: number,
    from: number,
    hole: number,
  ): number;
  mm_layout(mm: number): number;
  mm_place(
    mm: number,
    hint: number,
    length: number,
    flags: number,
    mapping: number,
    offset: number,
  ): number;
  mapping_create(kind: number, size: number): number;
  mapping_release(mapping: number): number;
  mapping_size(mapping: number): number;
  mapping_grow(mapping: number, size: number, from: number): number;
  mapping_page(mapping: number, index: number, how: number): number;
  huge_pool(count: number): number;
  swap_on(slots: number): number;
  swap_off(): number;
  swap_close(closes: number): number;
  swap_unuse(mm: number, from: number): number;
  swap_unuse_files(): number;
  swap_next_read(from: number): number;
  swap_next(from: number): number;
  swap_written(slot: number, failed: number): number;
  swap_filled(slot: number, failed: number): number;
  merge_scan(pages: number): number;
  merge_state(): number;
  device_create(pages: number): number;
  device_release(device: number): number;
  pfn_list(mm: number, start: number, end: number): number;
  pfn_install(mm: number, start: number, end: number, count: number): number;
  area_next(mm: number, address: number): number;
  page_query(mm: number, address: number): number;
  page_list(mm: number, start: number, end: number): number;
  import_area(
    mm: number,
    start: number,
    end: number,
    vmFlags: number,
    offset: number,
    mapping: number,
    name: number,
  ): number;
  import_page(mm: number, address: number, zero: number): number;
  import_brk(mm: number, start: number, brk: number): number;
}

/** Looking at pages, from all sides. */
export interface EnginePages {
  places_first(count: number): number;
  places_next(): number;
  page_mapped_in(mm: number, address: number, pfn: number): number;
  mm_forget_soft_dirty(mm: number): number;
  mm_forget_references(mm: number, what: number): number;
  pagemap_scan(
    mm: number,
    start: number,
    end: number,
    inverted: number,
    mask: number,
    anyOf: number,
    returned: number,
    pages: number,
  ): number;
  area_smaps(mm: number, address: number): number;
  translate_range(mm: number, start: number, count: number): number;
  translate_many(mm: number, count: number): number;
  page_pin(mm: number, address: number, write: number): number;
  page_unpin(mm: number, pfn: number, dirty: number): number;
  page_hash(pfn: number): number;
}

/** Files whose bytes the host keeps, and writing dirty pages back. */
export interface EngineWriteback {
  mapping_open(size: number): number;
  mapping_hold(mapping: number): number;
  mapping_read(mapping: number, index: number, most: number): number;
  mapping_filled(mapping: number, index: number, failed: number): number;
  mapping_writeback(
    mapping: number,
    first: number,
    end: number,
    most: number,
    mode: number,
  ): number;
  mapping_written(mapping: number, index: number, bytes: number, failed: number): number;
  mapping_redirty(mapping: number, index: number): number;
  mapping_trimmed(mapping: number, end: number): number;
  mapping_disk(mapping: number): number;
  mapping_hole_next(mapping: number, first: number, end: number): number;
  mapping_hole_stored(mapping: number, first: number, end: number): number;
  mapping_dirty_next(mapping: number): number;
}

/** Reclaim, and the groups that it can be about. */
export interface EngineReclaim {
  reclaim_enable(on: number): void;
  reclaim_shrink(pages: number, group: number, direct: number): number;
  reclaim_age(group: number, most: number): number;
  reclaim_judge(pfn: number, references: number): number;
  reclaim_stolen(pages: number, direct: number): void;
  page_evict(pfn: number): number;
  page_reach(pfn: number): number;
  export_mark_accessed(subscriber: number, mm: number, start: number, end: number): number;
  frames_watermark(which: number): number;
  frames_to_high(): number;
  frames_reserve(fill: number): void;
  frames_promise(frames: number): number;
  frames_promise_keep(frames: number): void;
  group_create(limit: number): number;
  group_limit(group: number, limit: number): number;
  group_enter(group: number, mm: number): number;
  group_release(group: number): number;
  group_pages(group: number): number;
}

/** Every function that the module exports. */
export type EngineFunctions = EngineOperations &
  EngineTickets &
  EngineRecords &
  EngineObjects &
  EnginePages &
  EngineWriteback &
  EngineReclaim;

/** What an instance of the module exports. */
export type EngineExports = EngineFunctions & { readonly memory: WebAssembly.Memory };

/** The names at run time; complete by type, so that a missing one does not compile. */
export const EXPORT_NAMES: Readonly<Record<keyof EngineFunctions, true>> = {
  machine_init: true,
  machine_check: true,
  machine_overcommit: true,
  result_pointer: true,
  vmstat_pointer: true,
  window_pointer: true,
  frames_pointer: true,
  frames_total: true,
  frames_free: true,
  mm_create: true,
  mm_mmap: true,
  mm_munmap: true,
  mm_mprotect: true,
  mm_mremap: true,
  mm_madvise: true,
  mm_brk: true,
  mm_mlock: true,
  mm_munlock: true,
  mm_mlockall: true,
  mm_munlockall: true,
  mm_fault: true,
  mm_populate: true,
  mm_fork: true,
  mm_exit: true,
  mm_mincore: true,
  mm_msync: true,
  mm_layout: true,
  mm_place: true,
  page_migrate: true,
  ticket_notices: true,
  notice_reach: true,
  notice_places: true,
  ticket_commit: true,
  ticket_abort: true,
  ticket_end: true,
  ticket_conflict: true,
  export_add: true,
  export_remove: true,
  export_remove_range: true,
  export_remove_all: true,
  export_lower_range: true,
  export_count: true,
  export_list: true,
  mm_watch: true,
  mm_is_exported: true,
  page_set_dirty: true,
  quarantine_count: true,
  mapping_create: true,
  mapping_release: true,
  mapping_size: true,
  mapping_grow: true,
  mapping_page: true,
  huge_pool: true,
  swap_on: true,
  swap_off: true,
  swap_close: true,
  swap_unuse: true,
  swap_unuse_files: true,
  swap_next_read: true,
  swap_next: true,
  swap_written: true,
  swap_filled: true,
  mapping_truncate: true,
  mapping_punch: true,
  area_next: true,
  page_query: true,
  page_list: true,
  import_area: true,
  import_page: true,
  import_brk: true,
  places_first: true,
  places_next: true,
  page_mapped_in: true,
  merge_scan: true,
  merge_state: true,
  page_merge: true,
  device_create: true,
  device_release: true,
  pfn_remap: true,
  pfn_list: true,
  pfn_install: true,
  mm_forget_soft_dirty: true,
  mm_forget_references: true,
  pagemap_scan: true,
  area_smaps: true,
  translate_range: true,
  translate_many: true,
  page_pin: true,
  page_unpin: true,
  page_hash: true,
  mapping_open: true,
  mapping_hold: true,
  mapping_read: true,
  mapping_filled: true,
  mapping_writeback: true,
  mapping_written: true,
  mapping_redirty: true,
  mapping_trimmed: true,
  mapping_disk: true,
  mapping_hole_next: true,
  mapping_hole_stored: true,
  mapping_dirty_next: true,
  reclaim_enable: true,
  reclaim_shrink: true,
  reclaim_age: true,
  reclaim_judge: true,
  reclaim_stolen: true,
  page_evict: true,
  page_reach: true,
  export_mark_accessed: true,
  frames_watermark: true,
  frames_to_high: true,
  frames_reserve: true,
  frames_promise: true,
  frames_promise_keep: true,
  group_create: true,
  group_limit: true,
  group_enter: true,
  group_release: true,
  group_pages: true,
};
