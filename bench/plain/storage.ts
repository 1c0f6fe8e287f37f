// What differs between the plain JavaScript sides: how areas and pages are kept.
//
// The rules of Linux above them (`space.ts` and its neighbours) are one text for both. Each side
// runs in an isolate of its own, so that the calls through these interfaces have one target, which
// V8 inlines: nothing is lost by sharing.

/** Flags of an area. The three rights are PROT_*'s bits. */
export const AreaFlag = {
  Read: 1,
  Write: 2,
  Execute: 4,
  Shared: 8,
  Locked: 16,
  /** Counted as a promise of memory; it takes part in merging. */
  Account: 32,
  DontFork: 64,
  WipeOnFork: 128,
  /** Its chain of anon_vmas has more than one: it was inherited from a parent. */
  Inherited: 256,
} as const;

export const RIGHTS = AreaFlag.Read | AreaFlag.Write | AreaFlag.Execute;

/** An area to be inserted. Addresses in bytes, half open; `offset` in pages. */
export interface AreaFields {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly offset: number;
  /** The shared object behind it, 0 for private memory. */
  readonly object: number;
  /** Identity of its anon_vma, 0 while nothing was written. */
  readonly anon: number;
}

/** The areas of an address space in order, by their position. */
export interface Areas {
  readonly count: number;
  /** Position of the first area that ends above `address`; `count` when there is none. */
  find(address: number): number;
  start(at: number): number;
  end(at: number): number;
  flags(at: number): number;
  offset(at: number): number;
  object(at: number): number;
  anon(at: number): number;
  setBounds(at: number, start: number, end: number, offset: number): void;
  setFlags(at: number, flags: number): void;
  setAnon(at: number, anon: number): void;
  insert(at: number, area: AreaFields): void;
  /** Cuts an area in two at `address`; the upper half is at the next position. */
  split(at: number, address: number): void;
  remove(at: number, count: number): void;
}

/** What an access may do to a page, from the flags of its area. */
export interface PageRights {
  readonly canAccess: boolean;
  readonly canWrite: boolean;
}

/** The page table of an address space. Pages are numbered from address 0. */
export interface Pages {
  /** The byte, or -1 when the access faults. */
  load(address: number): number;
  /** Whether it was stored; false when the access faults. */
  store(address: number, byte: number): boolean;
  isPresent(page: number): boolean;
  /** Makes a page of private memory readable, or writable: zero page, zeroed frame, copy, reuse. */
  faultPrivate(page: number, isWrite: boolean): void;
  /** Makes page `index` of a shared object present. */
  faultShared(page: number, object: number, index: number, canWrite: boolean): void;
  zap(start: number, end: number): void;
  protect(start: number, end: number, rights: PageRights): void;
  move(from: number, to: number, count: number): void;
  /** Maps the pages of [start, end) in the child too; both lose the right to write. */
  copyTo(child: Pages, start: number, end: number): void;
  /** Drops everything: the address space ends. */
  clear(): void;
  present(start: number, end: number): number[];
  sharers(page: number): number;
  /** Looks up the frame of each page; how many are present. */
  translate(start: number, end: number): number;
  /** What stands for the frame of a present page: the same for all that map it. */
  frame(page: number): unknown;
  bytes(page: number): Uint8Array;
}

/** What one machine keeps for all its address spaces. */
export interface Storage {
  createAreas(): Areas;
  createPages(): Pages;
  /** A shared object of so many pages, not yet mapped by any area. */
  createObject(pages: number): number;
  retainObject(object: number): void;
  /** The last release drops its pages. */
  releaseObject(object: number): void;
  hasObjectPage(object: number, index: number): boolean;
  /** Drops the object's own hold of pages that nobody maps any more. */
  dropObjectPages(object: number, first: number, pages: number): void;
}
