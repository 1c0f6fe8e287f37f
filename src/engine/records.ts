// Plain copies of what the engine tells: nothing here points into linear memory.

import type { AreaName, Demand, MergeScan, NoticeKind, Reason } from "../../assembly/abi.ts";

/** Where a frame is mapped: a handle of an mm and a page-aligned address. */
export interface PlaceRecord {
  readonly mm: number;
  readonly address: number;
}

/** A process range that a mapping range shows through, with whom it reaches. Bytes, half open. */
export interface HitRecord {
  readonly mm: number;
  readonly start: number;
  readonly end: number;
  /** Ids of the subscribers that have a record in it, ascending. */
  readonly reach: readonly number[];
}

/** One notice of a ticket, with whom it reaches. Addresses in bytes, half open. */
export interface NoticeRecord {
  readonly kind: NoticeKind;
  readonly mm: number;
  readonly reason: Reason;
  readonly demand: Demand;
  readonly oldProt: number;
  readonly newProt: number;
  /** The frame of a page; the handle of a mapping range's file. */
  readonly pfn: number;
  readonly start: number;
  readonly end: number;
  /** Ids of the subscribers that have a record in it, ascending. */
  readonly reach: readonly number[];
  readonly places: readonly PlaceRecord[];
  /** Of a mapping range, else empty. */
  readonly hits: readonly HitRecord[];
}

/** What an operation that is done answers with, beyond its status. */
export interface Outcome {
  readonly value: number;
  readonly pfn: number;
  readonly count: number;
}

/** A page between memory and swap: the slot that has its bytes, and the frame; 0 for any page. */
export interface SwapPageRecord {
  readonly slot: number;
  readonly pfn: number;
}

/** The page that a call needs: of a file, or of swap where `mapping` is 0. */
export interface AbsentPageRecord extends SwapPageRecord {
  readonly mapping: number;
  /** Its number in the file. */
  readonly index: number;
}

/** A page that the host is to write. */
export interface WritebackPageRecord {
  readonly index: number;
  readonly pfn: number;
  readonly bytes: number;
}

/** What one writeback has begun, and the page to go on with. */
export interface WritebackRecord {
  readonly pages: readonly WritebackPageRecord[];
  readonly next: number;
}

/** What the host stores of a file: bytes up to `end`; to `staleEnd` there may be some of no use. */
export interface DiskRecord {
  readonly end: number;
  readonly staleEnd: number;
  /** Pages that are dirty. */
  readonly dirty: number;
  readonly refs: number;
}

/** Pages of a file, half open. */
export interface PageRangeRecord {
  readonly start: number;
  readonly end: number;
}

/** What an msync is to sync next: bytes of a file. `hole`: it has passed one. */
export interface SyncRangeRecord extends PageRangeRecord {
  readonly mapping: number;
  readonly next: number;
  readonly hole: boolean;
}

/** A range that Linux would now fault in. */
export interface PopulateRecord {
  readonly start: number;
  readonly end: number;
  readonly mode: number;
}

/** Who still holds a page that must be gone, and where. */
export interface HolderRecord {
  readonly subscriber: number;
  readonly address: number;
}

/** An area as the engine has it; `mapping` is 0 for private anonymous memory. */
export interface AreaRecord {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly vmFlags: number;
  readonly mapping: number;
  readonly name: AreaName;
}

/** A page table entry, in two words, and the frame behind it. */
export interface PageRecord {
  readonly pteLo: number;
  readonly pteHi: number;
  readonly pfn: number;
  readonly frameFlags: number;
  readonly refCount: number;
  readonly mapCount: number;
  readonly exports: number;
  readonly categories: number;
  readonly slot: number;
}

/** One entry of a listing of pages. */
export interface PageListRecord {
  readonly address: number;
  readonly pteLo: number;
  readonly pteHi: number;
  readonly pfn: number;
  readonly mapCount: number;
  readonly categories: number;
  readonly slot: number;
}

/** What pages a scan is for: [start, end), by PAGE_IS_… bits. */
export interface ScanAsk {
  readonly start: number;
  readonly end: number;
  readonly inverted: number;
  readonly mask: number;
  readonly anyOf: number;
  readonly returned: number;
  readonly pages: number;
}

/** Pages side by side of the same categories. Bytes, half open. */
export interface ScanRangeRecord {
  readonly start: number;
  readonly end: number;
  readonly categories: number;
}

/** One page table entry of a range, absent or not, and where the next one is. */
export interface PteRecord {
  readonly address: number;
  readonly pteLo: number;
  readonly pfn: number;
  readonly next: number;
}

/** A page of a device to install: so many pages from the start of its batch. */
export interface PfnRecord {
  readonly page: number;
  readonly pfn: number;
  readonly write: boolean;
}

/** How a look for pages to merge ended; of a pair, which two frames. */
export interface MergeScanRecord {
  readonly ended: MergeScan;
  readonly scanned: number;
  readonly pfn: number;
  readonly into: number;
}

/** Merged pages, the places they serve beyond one each, and passes that have ended. */
export interface MergeStateRecord {
  readonly shared: number;
  readonly sharing: number;
  readonly fullScans: number;
}

/** One export record. */
export interface ExportRecord {
  readonly mm: number;
  readonly address: number;
  readonly pfn: number;
  readonly rights: number;
}

/** Where the heap and the mappings of an mm begin, and the current break. */
export interface LayoutRecord {
  readonly brk: number;
  readonly brkStart: number;
  readonly mmapBase: number;
}

/** What an operation lacks: frames, or pages of the limit of a group, 0 for the machine. */
export interface LackRecord {
  readonly frames: number;
  readonly group: number;
}

/** What a scan looked at, and how many pages had which `Fate`. */
export interface ScanRecord {
  readonly scanned: number;
  readonly fates: readonly number[];
  /** Dirty pages of files that it has passed over; one may be there twice. */
  readonly dirty: readonly DirtyPageRecord[];
}

export interface ShrinkRecord extends ScanRecord {
  readonly reclaimed: number;
}

/** A page of a file. */
export interface DirtyPageRecord {
  readonly mapping: number;
  readonly index: number;
}

/** A page that is held outside; `mapping` is 0 unless it is a dirty page of a backed file. */
export interface CandidateRecord extends DirtyPageRecord {
  readonly pfn: number;
  readonly references: number;
}

/** Frames: below `min` calls reclaim; reclaim goes on until `high` are free. */
export interface WatermarksRecord {
  readonly min: number;
  readonly low: number;
  readonly high: number;
}
