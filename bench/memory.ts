// What every side of a comparison offers: a machine with address spaces, waiting for nobody.
//
// It is the part of the system calls that the cases use, with Linux's arguments. Whatever is
// refused is thrown as an Error that has a `code`, and for a signal a `siCode`.

/** A mapped area. Addresses in bytes, half open. */
export interface AreaView {
  readonly start: number;
  readonly end: number;
  /** PROT_* bits. */
  readonly prot: number;
  readonly isShared: boolean;
}

/** A page that is present. */
export interface PageView {
  readonly address: number;
  /** How many page table entries map its frame; 0 for the zero page. */
  readonly sharers: number;
}

/** One address space. Addresses and lengths in bytes. */
export interface Space {
  mmap(address: number, length: number, prot: number, flags: number): number;
  munmap(address: number, length: number): void;
  mprotect(address: number, length: number, prot: number): void;
  mremap(address: number, old: number, length: number, flags: number, to: number): number;
  madvise(address: number, length: number, advice: number): void;
  mlock(address: number, length: number): void;
  munlock(address: number, length: number): void;
  msync(address: number, length: number, flags: number): void;
  /** A byte a page, 1 where it is resident. */
  mincore(address: number, length: number): Uint8Array;
  load(address: number): number;
  store(address: number, byte: number): void;
  fork(): Space;
  exit(): void;

  /** The areas, lowest first. */
  areas(): Iterable<AreaView>;
  /** The present pages of [start, end), lowest first. */
  pages(start: number, end: number): Iterable<PageView>;
  /**
   * Where the frames of the present pages of [start, end) are mapped, in any address space of the
   * machine: an address each, in any order.
   */
  places(start: number, end: number): Iterable<number>;
  /** Pages that were written since this was asked last (the first time: all), and their bytes. */
  changes(): { readonly addresses: ArrayLike<number>; readonly bytes: Uint8Array };
  /** The contents of a page; faults it in. */
  contents(address: number): Uint8Array;
  /** Copies the contents of the page at `address` into `into`, which has a page's length. */
  read(address: number, into: Uint8Array): void;
  /** Looks up the frame of each page of [start, end). How many are present. */
  translate(start: number, end: number): number;
}

/** One machine. */
export interface Memory {
  createSpace(): Space;
}

/** Makes a machine of so many bytes of physical memory. */
export type MemoryMaker = (bytes: number) => Memory;

export const PAGE = 4096;
