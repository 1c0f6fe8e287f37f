// What a call of the engine leaves behind: the result block, the window and notices in memory.
//
// Invariants
//   W1  Every getter reads what the *last* call wrote: read it before anything else can call.
//   W2  Lists and records are copies.

import {
  Candidate,
  DirtyEntry,
  NoticeField,
  NoticeKind,
  PAGE_SIZE,
  PageEntry,
  PLACES_BATCH_MAX,
  PlaceEntry,
  Populate,
  ResultField,
  ScanField,
  ScanRange,
  SUBSCRIBER_WORDS,
  WritebackEntry,
} from "../../assembly/abi.ts";
import type { Heap } from "./heap.ts";
import type * as R from "./records.ts";

const WORD_SHIFT = 2;
const WORD_BITS = 32;

/** Words of an export record (mm, address, pfn, rights). */
const EXPORT_WORDS = 5;
/** Words of a pte, and where its frame number is. */
const PTE_WORDS = 2;
const PTE_SHIFT = 12;
const PTE_PFN_HI = 0xf_ffff;
/** Words of a range (start, end). */
const RANGE_WORDS = 4;
const NOTHING: readonly R.PopulateRecord[] = [];

export class Answers {
  readonly #heap: Heap;
  #result = 0;
  #window = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Tells where the result block and the window are: byte addresses. */
  locate(result: number, window: number): void {
    this.#result = result >>> WORD_SHIFT;
    this.#window = window >>> WORD_SHIFT;
  }

  /** A 64-bit value, exact below 2**53. */
  get value(): number {
    return this.#wide(ResultField.ValueLo);
  }

  get pfn(): number {
    return this.#word(ResultField.Pfn);
  }

  get count(): number {
    return this.#word(ResultField.Count);
  }

  get blocker(): number {
    return this.#word(ResultField.Blocker);
  }

  get holder(): R.HolderRecord {
    return {
      subscriber: this.#word(ResultField.Holder),
      address: this.#wide(ResultField.HolderLo),
    };
  }

  /** What an operation that is done answers with. */
  get outcome(): R.Outcome {
    return { value: this.value, pfn: this.pfn, count: this.count };
  }

  /** The page that is to be read from swap, or written there. */
  get swapPage(): R.SwapPageRecord {
    return { slot: this.count, pfn: this.pfn };
  }

  /** The page that a call needs before it can go on: of a file, or (mapping 0) of swap. */
  get absentPage(): R.AbsentPageRecord {
    const mapping = this.#word(ResultField.Mapping);
    const index = mapping === 0 ? 0 : this.#wide(ResultField.OffsetLo);
    return { mapping, index, slot: this.count, pfn: this.pfn };
  }

  /** The pages that are to be written back, and where to go on. */
  get writeback(): R.WritebackRecord {
    const pages = this.#list(this.count, WritebackEntry.LENGTH, (at) => ({
      index: this.#heap.wide(at + WritebackEntry.IndexLo),
      pfn: this.#heap.word(at + WritebackEntry.Pfn),
      bytes: this.#heap.word(at + WritebackEntry.Bytes),
    }));
    return { pages, next: this.value };
  }

  /** What the host stores of a file, and who has it. */
  get disk(): R.DiskRecord {
    return {
      end: this.value,
      staleEnd: this.#wide(ResultField.StartLo),
      dirty: this.count,
      refs: this.#word(ResultField.RefCount),
    };
  }

  /** Pages of a file. */
  get pageRange(): R.PageRangeRecord {
    return { start: this.#wide(ResultField.StartLo), end: this.#wide(ResultField.EndLo) };
  }

  /** The part of a file that an msync has come to, in bytes, and where it goes on. */
  get syncRange(): R.SyncRangeRecord {
    const { start, end } = this.pageRange;
    const mapping = this.#word(ResultField.Mapping);
    return { mapping, start, end, next: this.value, hole: this.count !== 0 };
  }

  /** Whether the operation asks for a range to be populated. */
  get wantsPopulate(): boolean {
    return this.#word(ResultField.PopulateMode) !== Populate.None;
  }

  /** The ranges to populate now, once: the engine leaves the words as they are. */
  takePopulate(): readonly R.PopulateRecord[] {
    const mode = this.#word(ResultField.PopulateMode);
    if (mode === Populate.None) return NOTHING;
    this.#heap.words[this.#result + ResultField.PopulateMode] = Populate.None;
    const count = this.#word(ResultField.PopulateCount);
    return this.#list(count, RANGE_WORDS, (at) => {
      return { start: this.#heap.wide(at), end: this.#heap.wide(at + 2), mode };
    });
  }

  /** What an operation lacks that answered NEED_MEMORY. */
  get lack(): R.LackRecord {
    return { frames: this.#word(ResultField.LackFrames), group: this.#word(ResultField.LackGroup) };
  }

  /** What a scan of the LRU lists has looked at. */
  get scan(): R.ScanRecord {
    const [scanned = 0, ...rest] = this.#list(ScanField.LENGTH, 1, (at) => this.#heap.word(at));
    const count = rest.pop() ?? 0;
    const dirty = this.#list(count, DirtyEntry.LENGTH, (entry) => {
      const at = entry + ScanField.LENGTH;
      const index = this.#heap.wide(at + DirtyEntry.IndexLo);
      return { mapping: this.#heap.word(at + DirtyEntry.Mapping), index };
    });
    return { scanned, fates: rest, dirty };
  }

  /** `count` pages that are held outside, with the references that were found. */
  candidates(count: number): R.CandidateRecord[] {
    return this.#list(count, Candidate.LENGTH, (at) => ({
      pfn: this.#heap.word(at + Candidate.Pfn),
      references: this.#heap.word(at + Candidate.References),
      mapping: this.#heap.word(at + Candidate.Mapping),
      index: this.#heap.wide(at + Candidate.IndexLo),
    }));
  }

  get layout(): R.LayoutRecord {
    return {
      brk: this.value,
      mmapBase: this.#wide(ResultField.StartLo),
      brkStart: this.#wide(ResultField.EndLo),
    };
  }

  get area(): R.AreaRecord {
    return {
      start: this.#wide(ResultField.StartLo),
      end: this.#wide(ResultField.EndLo),
      offset: this.#wide(ResultField.OffsetLo),
      vmFlags: this.#word(ResultField.VmFlags),
      mapping: this.#word(ResultField.Mapping),
      name: this.#word(ResultField.Name),
    };
  }

  get page(): R.PageRecord {
    return {
      pteLo: this.#word(ResultField.PteLo),
      pteHi: this.#word(ResultField.PteHi),
      pfn: this.pfn,
      frameFlags: this.#word(ResultField.FrameFlags),
      refCount: this.#word(ResultField.RefCount),
      mapCount: this.#word(ResultField.MapCount),
      exports: this.#word(ResultField.Exports),
      categories: this.#word(ResultField.Categories),
      slot: this.#word(ResultField.Slot),
    };
  }

  /** `count` entries of a listing of pages. */
  pages(count: number): R.PageListRecord[] {
    return this.#list(count, PageEntry.LENGTH, (at) => ({
      address: this.#heap.wide(at + PageEntry.AddressLo),
      pteLo: this.#heap.word(at + PageEntry.PteLo),
      pteHi: this.#heap.word(at + PageEntry.PteHi),
      pfn: this.#heap.word(at + PageEntry.Pfn),
      mapCount: this.#heap.word(at + PageEntry.MapCount),
      categories: this.#heap.word(at + PageEntry.Categories),
      slot: this.#heap.word(at + PageEntry.Slot),
    }));
  }

  /** `count` ptes of pages side by side, the first of them at `start`. */
  ptes(count: number, start: number, step: number): R.PteRecord[] {
    const heap = this.#heap;
    return Array.from({ length: count }, (_, index) => {
      const at = this.#window + index * PTE_WORDS;
      const address = start + index * step;
      const pfn = (heap.word(at) >>> PTE_SHIFT) + (heap.word(at + 1) & PTE_PFN_HI) * 2 ** 20;
      return { address, pteLo: heap.word(at), pfn, next: address + step };
    });
  }

  /** Writes words to the window, for the call that follows at once. */
  fill(words: readonly number[]): void {
    this.#heap.words.set(words, this.#window);
  }

  /** `count` ranges of a scan. */
  scanRanges(count: number): R.ScanRangeRecord[] {
    return this.#list(count, ScanRange.LENGTH, (at) => ({
      start: this.#heap.wide(at + ScanRange.StartLo),
      end: this.#heap.wide(at + ScanRange.EndLo),
      categories: this.#heap.word(at + ScanRange.Categories),
    }));
  }

  /** `count` numbers of f64. */
  doubles(count: number): number[] {
    return Array.from(this.#heap.doubles((this.#window << WORD_SHIFT) >>> 0, count));
  }

  /** `count` export records. */
  exports(count: number): R.ExportRecord[] {
    return this.#list(count, EXPORT_WORDS, (at) => ({
      mm: this.#heap.word(at),
      address: this.#heap.wide(at + 1),
      pfn: this.#heap.word(at + 3),
      rights: this.#heap.word(at + 4),
    }));
  }

  /** Gives `visit` each of `count` places; they stand behind the frames asked for. */
  eachPlace(count: number, visit: (pfn: number, mm: number, address: number) => void): void {
    const heap = this.#heap;
    let at = this.#window + PLACES_BATCH_MAX;
    for (const end = at + count * PlaceEntry.LENGTH; at < end; at += PlaceEntry.LENGTH) {
      const address = heap.wide(at + PlaceEntry.AddressLo);
      visit(heap.word(at + PlaceEntry.Pfn), heap.word(at + PlaceEntry.Mm), address);
    }
  }

  /** Puts words at the beginning of the window, for the call that comes next. */
  putWords(words: readonly number[]): void {
    this.#heap.words.set(words, this.#window);
  }

  putDoubles(values: Float64Array): void {
    this.#heap.doubles((this.#window << WORD_SHIFT) >>> 0, values.length).set(values);
  }

  /** `count` words of the window from its word `first` on. To be used at once. */
  windowWords(first: number, count: number): Uint32Array {
    const at = this.#window + first;
    return this.#heap.words.subarray(at, at + count);
  }

  /** The ids in the set of subscribers, ascending. */
  subscribers(): number[] {
    const ids: number[] = [];
    const { words } = this.#heap;
    for (let index = 0; index < SUBSCRIBER_WORDS; index++) {
      let set = words[this.#window + index] ?? 0;
      while (set !== 0) {
        ids.push(index * WORD_BITS + (WORD_BITS - 1 - Math.clz32(set & -set)));
        set &= set - 1;
      }
    }
    return ids;
  }

  /** A notice, with the reach, the places and the hits that were asked for beforehand. */
  notice(
    notice: number,
    reach: readonly number[],
    places: readonly R.PlaceRecord[],
    hits: readonly R.HitRecord[],
  ): R.NoticeRecord {
    const heap = this.#heap;
    const at = notice >>> WORD_SHIFT;
    return {
      kind: heap.word(at + NoticeField.Kind),
      mm: heap.word(at + NoticeField.Mm),
      reason: heap.word(at + NoticeField.Reason),
      demand: heap.word(at + NoticeField.Demand),
      oldProt: heap.word(at + NoticeField.OldProt),
      newProt: heap.word(at + NoticeField.NewProt),
      pfn: heap.word(at + NoticeField.Pfn),
      start: heap.wide(at + NoticeField.StartLo),
      end: heap.wide(at + NoticeField.EndLo),
      reach,
      places,
      hits,
    };
  }

  hit(notice: number, reach: readonly number[]): R.HitRecord {
    const at = notice >>> WORD_SHIFT;
    return {
      mm: this.#heap.word(at + NoticeField.Mm),
      start: this.#heap.wide(at + NoticeField.StartLo),
      end: this.#heap.wide(at + NoticeField.EndLo),
      reach,
    };
  }

  /** The notice after this one, 0 when it is the last. */
  nextNotice(notice: number): number {
    return this.#heap.word((notice >>> WORD_SHIFT) + NoticeField.Next);
  }

  /** The hit after a mapping range or a hit of it, 0 when there is none left. */
  nextHit(notice: number): number {
    const next = this.nextNotice(notice);
    const kind = this.#heap.word((next >>> WORD_SHIFT) + NoticeField.Kind);
    return next !== 0 && kind === NoticeKind.Hit ? next : 0;
  }

  /** A copy of the first `bytes` of the window. */
  windowBytes(bytes: number): Uint8Array {
    const at = this.#window << WORD_SHIFT;
    return this.#heap.bytes.slice(at, at + Math.min(bytes, PAGE_SIZE * 16));
  }

  #word(field: ResultField): number {
    return this.#heap.word(this.#result + field);
  }

  #wide(field: ResultField): number {
    return this.#heap.wide(this.#result + field);
  }

  #list<T>(count: number, words: number, read: (at: number) => T): T[] {
    if (count === 0) return [];
    return Array.from({ length: count }, (_, index) => read(this.#window + index * words));
  }
}
