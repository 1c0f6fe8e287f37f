// What is being read of a file whose bytes a backing has.
//
// Invariants
//   B5  A page is in one read at a time: who wants it meanwhile waits for that.
//   B6  Each read is answered to the engine exactly once, however it ends.
//   B7  The backing fills bytes of its own: no view of linear memory leaves through it.

import { PAGE_SIZE, Status } from "../assembly/abi.ts";
import type { Failure } from "./ask-backing.ts";
import type { BackedFile } from "./backed-file.ts";
import type { Call } from "./call.ts";
import { wordsOf } from "./errors.ts";
import { Pending } from "./pending.ts";
import { Ahead } from "./read-ahead.ts";

/** Pages that one call reads when they are known to be wanted. */
const PAGES_MAX = 64;

export class FileReads {
  readonly #file: BackedFile;
  readonly #reads = new Map<number, Pending>();
  readonly #ahead = new Ahead();

  constructor(file: BackedFile) {
    this.#file = file;
  }

  /**
   * The read that brings page `index` in: the one under way, or one that begins now. Null where the
   * call lacks the frame.
   */
  reading(call: Call, index: number): Pending | null {
    const known = this.#reads.get(index);
    if (known !== undefined) return known;
    const { engine, mapping } = this.#file;
    const most = this.#ahead.pagesFor(index);
    const count = call.ask(() => engine.writeback.read(mapping, index, most));
    if (count === Status.NEED_MEMORY) {
      call.lack = engine.answer.lack;
      return null;
    }
    if (count <= 0) throw call.error(count === 0 ? Status.EIO : count);
    return this.#begin(index, count);
  }

  /** Begins to read what is not cached of pages [first, end); nobody waits for it. */
  ahead(first: number, end: number): void {
    const { engine, mapping, size } = this.#file;
    const last = Math.min(end, Math.ceil(size / PAGE_SIZE), first + engine.framesTotal);
    for (let at = first; at < last; at++) {
      const count = engine.writeback.read(mapping, at, Math.min(last - at, PAGES_MAX));
      if (count < 0) return;
      if (count > 0) this.#begin(at, count);
    }
  }

  /** Reads `count` pages that the engine has made room for; answers with the first one's read. */
  #begin(first: number, count: number): Pending {
    const pages = Array.from({ length: count }, () => new Pending());
    for (const [at, page] of pages.entries()) this.#reads.set(first + at, page);
    this.#ask(first, pages);
    return pages[0] as Pending;
  }

  #ask(first: number, pages: readonly Pending[]): void {
    const { backing, lane } = this.#file;
    const bytes = new Uint8Array(pages.length * PAGE_SIZE);
    const position = first * PAGE_SIZE;
    let wanted = 0;
    const ask = () => {
      wanted = Math.max(Math.min(bytes.byteLength, this.#file.disk.end - position), 0);
      return wanted === 0 ? 0 : backing.read(position, bytes.subarray(0, wanted));
    };
    lane.share(ask, (failure, answer) => {
      this.#end(first, pages, bytes, failure ?? shortOf(position, wanted, answer));
    });
  }

  /** What was read ahead in vain is left; the page that is wanted is then read alone. */
  #end(first: number, pages: readonly Pending[], bytes: Uint8Array, failure: Failure | null): void {
    const [wanted, ...others] = pages;
    if (failure === null || others.length === 0) {
      for (const [at, page] of pages.entries()) {
        this.#fill(first + at, bytes.subarray(at * PAGE_SIZE, (at + 1) * PAGE_SIZE), failure);
        page.end(failure);
      }
      return;
    }
    for (const [at, page] of others.entries()) {
      this.#fill(first + 1 + at, bytes, failure);
      page.end(null);
    }
    this.#ask(first, [wanted as Pending]);
  }

  /** Says how a page's read has ended; bytes that were cut off meanwhile do not come back. */
  #fill(index: number, bytes: Uint8Array, failure: Failure | null): void {
    const { engine, mapping } = this.#file;
    const count = Math.min(PAGE_SIZE, this.#file.disk.end - index * PAGE_SIZE);
    this.#reads.delete(index);
    engine.writeback.filled(mapping, index, failure !== null);
    if (failure === null && count > 0) engine.store(engine.answer.pfn, 0, bytes, 0, count);
  }
}

function shortOf(position: number, wanted: number, answer: unknown): Failure | null {
  if (answer === wanted) return null;
  const cause = new RangeError(`of ${wanted} bytes at ${position}, ${wordsOf(answer)} were there`);
  return { cause };
}
