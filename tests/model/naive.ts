// Memory as anybody understands it: a byte for each (address space, address), and files of bytes.
// No frames, no sharing, no swap, nothing that could be clever in the same wrong way as the engine.

import { PAGE } from "../support/boot.ts";

/**
 * A file: its size, and the pages of it that were ever written. What a mapping writes beyond the
 * end, in the last page, is lost when a file on disk grows, and shows in one in memory.
 */
export class NaiveFile {
  size: number;
  readonly #isDisk: boolean;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(size: number, isDisk = false) {
    this.size = size;
    this.#isDisk = isDisk;
  }

  get(position: number): number {
    return this.#pages.get(Math.floor(position / PAGE))?.[position % PAGE] ?? 0;
  }

  set(position: number, byte: number): void {
    const index = Math.floor(position / PAGE);
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.#pages.set(index, page);
    }
    page[position % PAGE] = byte;
  }

  /**
   * Whether a mapping may lose what it writes at `position`: beyond the end of a file on disk, in
   * its last page, bytes live until the page is next stored.
   */
  isBeyond(position: number): boolean {
    return this.#isDisk && position >= this.size;
  }

  /** Whether a mapping of page `index` can be touched at all. */
  covers(index: number): boolean {
    return index * PAGE < this.size;
  }

  /** What lies beyond a new end is gone, also what was written to the rest of the last page. */
  truncate(size: number): void {
    if (size <= this.size) this.zero(size, Number.POSITIVE_INFINITY);
    else if (this.#isDisk) this.zero(this.size, Number.POSITIVE_INFINITY);
    this.size = size;
  }

  punch(start: number, end: number): void {
    const isBeyond = this.#isDisk && end > this.size;
    const last = isBeyond ? Math.ceil(this.size / PAGE) * PAGE : end;
    if (!this.#isDisk || start < this.size) this.zero(start, last);
  }

  write(start: number, bytes: Uint8Array): void {
    if (this.#isDisk && start > this.size) this.zero(this.size, start);
    this.size = Math.max(this.size, start + bytes.length);
    for (const [at, byte] of bytes.entries()) this.set(start + at, byte);
  }

  /** Bytes [start, end) read as zeros. */
  zero(start: number, end: number): void {
    for (const [index, page] of this.#pages) {
      const from = Math.max(start - index * PAGE, 0);
      const to = Math.min(end - index * PAGE, PAGE);
      if (from < to) page.fill(0, from, to);
    }
  }
}

/** A page of an address space: of a file, its own, or of a file until it is written to. */
export interface NaivePage {
  readonly file: NaiveFile | null;
  readonly index: number;
  readonly shared: boolean;
  own: Uint8Array | null;
}

/** What an access comes to. */
export type Outcome = number | "SIGSEGV" | "SIGBUS";

export class NaiveMm {
  readonly pages = new Map<number, NaivePage>();

  map(first: number, count: number, file: NaiveFile | null, index: number, shared: boolean): void {
    for (let i = 0; i < count; i++) {
      this.pages.set(first + i, { file, index: index + i, shared, own: null });
    }
  }

  unmap(first: number, count: number): void {
    for (let i = 0; i < count; i++) this.pages.delete(first + i);
  }

  read(address: number): Outcome {
    const page = this.pages.get(Math.floor(address / PAGE));
    if (page === undefined) return "SIGSEGV";
    if (page.own !== null) return page.own[address % PAGE] as number;
    if (page.file === null) return 0;
    if (!page.file.covers(page.index)) return "SIGBUS";
    return page.file.get(page.index * PAGE + (address % PAGE));
  }

  write(address: number, byte: number): Outcome {
    const page = this.pages.get(Math.floor(address / PAGE));
    if (page === undefined) return "SIGSEGV";
    if (page.own === null && page.file !== null && !page.file.covers(page.index)) return "SIGBUS";
    if (page.shared) {
      page.file?.set(page.index * PAGE + (address % PAGE), byte);
      return 0;
    }
    page.own ??= copyOf(page);
    page.own[address % PAGE] = byte;
    return 0;
  }

  /** Whether a byte that is written through `address` may be lost: see `NaiveFile.isBeyond`. */
  isBeyond(address: number): boolean {
    const page = this.pages.get(Math.floor(address / PAGE));
    if (page === undefined || !page.shared || page.file === null) return false;
    return page.file.covers(page.index) && page.file.isBeyond(page.index * PAGE + (address % PAGE));
  }

  /** MADV_DONTNEED: what is private begins anew. */
  forget(first: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const page = this.pages.get(first + i);
      if (page !== undefined) page.own = null;
    }
  }

  move(from: number, count: number, to: number): void {
    const moved = Array.from({ length: count }, (_, i) => this.pages.get(from + i) as NaivePage);
    this.unmap(from, count);
    for (const [i, page] of moved.entries()) this.pages.set(to + i, page);
  }

  fork(): NaiveMm {
    const child = new NaiveMm();
    for (const [at, page] of this.pages) {
      child.pages.set(at, { ...page, own: page.own?.slice() ?? null });
    }
    return child;
  }

  /** A file was cut: private copies beyond its end are gone as well. */
  cut(file: NaiveFile): void {
    for (const page of this.pages.values()) {
      if (page.file === file && !file.covers(page.index)) page.own = null;
    }
  }
}

function copyOf({ file, index }: NaivePage): Uint8Array {
  return Uint8Array.from({ length: PAGE }, (_, at) => file?.get(index * PAGE + at) ?? 0);
}
