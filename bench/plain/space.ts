// An address space in plain JavaScript: what a good engineer would write without WebAssembly.
//
// It does what the cases need, as Linux does it: areas that split and join, faults with zeroed
// frames, copy on write, shared anonymous memory, mremap, locks, fork and exit.
//
// Invariants
//   S1  An entry of the page table lies in an area; what a page may do follows from its area.
//   S2  An area has an anon_vma from its first write on, or from the fork that inherited it.

import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_SHARED, PROT_WRITE } from "../../src/constants.ts";
import { type AreaView, PAGE, type PageView, type Space } from "../memory.ts";
import { madvise } from "./advise.ts";
import { Layout } from "./layout.ts";
import { changeLock, mincore, msync } from "./lock.ts";
import { place } from "./placement.ts";
import { mprotect } from "./protect.ts";
import { Refusal } from "./refusal.ts";
import { mremap } from "./remap.ts";
import { AreaFlag, type Pages, RIGHTS, type Storage } from "./storage.ts";

/** What the address spaces of a machine share: each other, and numbers for their anon_vmas. */
export class Kin {
  readonly spaces = new Set<PlainSpace>();
  #last = 0;

  next(): number {
    this.#last++;
    return this.#last;
  }
}

export class PlainSpace implements Space {
  readonly layout: Layout;
  readonly table: Pages;
  readonly #storage: Storage;
  readonly #kin: Kin;
  /** What `changes` has told, by page. */
  readonly #kept = new Map<number, Uint8Array>();

  constructor(storage: Storage, kin: Kin) {
    this.layout = new Layout(storage);
    this.table = storage.createPages();
    this.#storage = storage;
    this.#kin = kin;
    kin.spaces.add(this);
  }

  mmap(address: number, length: number, prot: number, flags: number): number {
    if (length <= 0 || address % PAGE !== 0) throw new Refusal("EINVAL", "mmap");
    const bytes = wholePages(length);
    const start = this.#target(address, bytes, flags);
    if ((flags & MAP_FIXED) !== 0) this.unmap(start, start + bytes);
    const isShared = (flags & MAP_SHARED) !== 0;
    const object = isShared ? this.#storage.createObject(bytes / PAGE) : 0;
    const extra = isShared ? AreaFlag.Shared : (prot & PROT_WRITE) !== 0 ? AreaFlag.Account : 0;
    this.layout.insert({
      start,
      end: start + bytes,
      flags: (prot & RIGHTS) | extra,
      offset: isShared ? 0 : start / PAGE,
      object,
      anon: 0,
    });
    return start;
  }

  munmap(address: number, length: number): void {
    if (address % PAGE !== 0 || length <= 0) throw new Refusal("EINVAL", "munmap");
    this.unmap(address, address + wholePages(length));
  }

  /** Takes pages and areas of [start, end) away. */
  unmap(start: number, end: number): void {
    const { areas } = this.layout;
    for (let at = areas.find(start); at < areas.count && areas.start(at) < end; at++) {
      const [from, to] = [Math.max(areas.start(at), start), Math.min(areas.end(at), end)];
      this.table.zap(from / PAGE, to / PAGE);
    }
    this.layout.remove(start, end);
  }

  mprotect(address: number, length: number, prot: number): void {
    mprotect(this, address, length, prot);
  }

  mremap(address: number, old: number, length: number, flags: number, to: number): number {
    return mremap(this, { address, old: wholePages(old), length: wholePages(length), flags, to });
  }

  madvise(address: number, length: number, advice: number): void {
    madvise(this, address, wholePages(length), advice);
  }

  mlock(address: number, length: number): void {
    changeLock(this, "mlock", address, length);
  }

  munlock(address: number, length: number): void {
    changeLock(this, "munlock", address, length);
  }

  msync(address: number, length: number, flags: number): void {
    msync(this, address, wholePages(length), flags);
  }

  mincore(address: number, length: number): Uint8Array {
    return mincore(this, this.#storage, address, wholePages(length));
  }

  load(address: number): number {
    const byte = this.table.load(address);
    if (byte >= 0) return byte;
    this.fault(address, false, "read");
    return this.table.load(address);
  }

  store(address: number, byte: number): void {
    if (this.table.store(address, byte)) return;
    this.fault(address, true, "write");
    this.table.store(address, byte);
  }

  /** Makes the page accessible, or throws the signal. What may only be written can be read. */
  fault(address: number, isWrite: boolean, op: string): void {
    const { areas } = this.layout;
    const at = this.layout.at(address);
    if (at < 0) throw new Refusal("SIGSEGV", op, "SEGV_MAPERR");
    const flags = areas.flags(at);
    if ((flags & (isWrite ? AreaFlag.Write : RIGHTS)) === 0) {
      throw new Refusal("SIGSEGV", op, "SEGV_ACCERR");
    }
    this.bringIn(at, Math.floor(address / PAGE), isWrite);
  }

  /** Makes a page of the area at that position present, for reading or for writing. */
  bringIn(at: number, page: number, isWrite: boolean): void {
    const { areas } = this.layout;
    const object = areas.object(at);
    if (object !== 0) {
      const index = areas.offset(at) + page - areas.start(at) / PAGE;
      this.table.faultShared(page, object, index, (areas.flags(at) & AreaFlag.Write) !== 0);
      return;
    }
    if (isWrite && areas.anon(at) === 0) {
      const adopted = this.layout.adoptable(at);
      areas.setAnon(at, adopted === 0 ? this.#kin.next() : adopted);
    }
    this.table.faultPrivate(page, isWrite);
  }

  /** Faults in what is absent of a range that is one area's, for writing where that copies. */
  populate(start: number, end: number): void {
    const at = this.layout.at(start);
    const flags = this.layout.areas.flags(at);
    const isWrite = (flags & (AreaFlag.Write | AreaFlag.Shared)) === AreaFlag.Write;
    for (let page = start / PAGE; page < end / PAGE; page++) this.bringIn(at, page, isWrite);
  }

  fork(): Space {
    const child = new PlainSpace(this.#storage, this.#kin);
    const { areas } = this.layout;
    for (let at = 0; at < areas.count; at++) {
      if ((areas.flags(at) & AreaFlag.DontFork) === 0) this.#inherit(child, at);
    }
    return child;
  }

  exit(): void {
    this.#kin.spaces.delete(this);
    this.table.clear();
    this.layout.clear();
  }

  *areas(): Generator<AreaView> {
    const { areas } = this.layout;
    for (let at = 0; at < areas.count; at++) {
      const flags = areas.flags(at);
      yield {
        start: areas.start(at),
        end: areas.end(at),
        prot: flags & RIGHTS,
        isShared: (flags & AreaFlag.Shared) !== 0,
      };
    }
  }

  *pages(start: number, end: number): Generator<PageView> {
    for (const page of this.table.present(start / PAGE, end / PAGE)) {
      yield { address: page * PAGE, sharers: this.table.sharers(page) };
    }
  }

  /** Without a reverse map: one look at every page table. */
  *places(start: number, end: number): Generator<number> {
    const pages = this.table.present(start / PAGE, end / PAGE);
    const wanted = new Set(pages.map((page) => this.table.frame(page)));
    for (const { layout, table } of this.#kin.spaces) {
      for (let at = 0; at < layout.areas.count; at++) {
        const [first, last] = [layout.areas.start(at) / PAGE, layout.areas.end(at) / PAGE];
        for (const page of table.present(first, last)) {
          if (wanted.has(table.frame(page))) yield page * PAGE;
        }
      }
    }
  }

  /** Without marks in the page table: a copy is kept of everything, and compared. */
  changes(): { readonly addresses: number[]; readonly bytes: Uint8Array } {
    const addresses: number[] = [];
    const parts: Uint8Array[] = [];
    for (let at = 0; at < this.layout.areas.count; at++) {
      const [first, last] = [this.layout.areas.start(at) / PAGE, this.layout.areas.end(at) / PAGE];
      for (const page of this.table.present(first, last)) {
        const bytes = this.table.bytes(page);
        const kept = this.#kept.get(page);
        if (kept !== undefined && Buffer.compare(kept, bytes) === 0) continue;
        const copy = kept ?? new Uint8Array(PAGE);
        copy.set(bytes);
        this.#kept.set(page, copy);
        addresses.push(page * PAGE);
        parts.push(copy);
      }
    }
    return { addresses, bytes: new Uint8Array(Buffer.concat(parts)) };
  }

  contents(address: number): Uint8Array {
    this.load(address);
    return this.table.bytes(address / PAGE);
  }

  read(address: number, into: Uint8Array): void {
    if (this.table.load(address) < 0) this.fault(address, false, "read");
    into.set(this.table.bytes(address / PAGE));
  }

  translate(start: number, end: number): number {
    return this.table.translate(start / PAGE, end / PAGE);
  }

  /** MADV_REMOVE: drops pages of a shared object, wherever they are mapped. */
  punch(start: number, end: number): void {
    const { areas } = this.layout;
    const at = this.layout.at(start);
    const object = areas.object(at);
    const first = areas.offset(at) + (start - areas.start(at)) / PAGE;
    const pages = (end - start) / PAGE;
    for (const space of this.#kin.spaces) space.#zapObject(object, first, pages);
    this.#storage.dropObjectPages(object, first, pages);
  }

  #zapObject(object: number, first: number, pages: number): void {
    const { areas } = this.layout;
    for (let at = 0; at < areas.count; at++) {
      if (areas.object(at) !== object) continue;
      const base = areas.start(at) / PAGE - areas.offset(at);
      const from = Math.max(areas.start(at) / PAGE, base + first);
      const to = Math.min(areas.end(at) / PAGE, base + first + pages);
      if (from < to) this.table.zap(from, to);
    }
  }

  #target(address: number, bytes: number, flags: number): number {
    if ((flags & MAP_FIXED_NOREPLACE) === MAP_FIXED_NOREPLACE) {
      const { areas } = this.layout;
      const at = areas.find(address);
      if (at < areas.count && areas.start(at) < address + bytes) {
        throw new Refusal("EEXIST", "mmap");
      }
      return address;
    }
    if ((flags & MAP_FIXED) !== 0) return address;
    const found = place(this.layout.areas, bytes);
    if (found < 0) throw new Refusal("ENOMEM", "mmap");
    return found;
  }

  #inherit(child: PlainSpace, at: number): void {
    const { areas } = this.layout;
    const [start, end, flags] = [areas.start(at), areas.end(at), areas.flags(at)];
    const isWiped = (flags & AreaFlag.WipeOnFork) !== 0;
    const isCopied = areas.anon(at) !== 0 && !isWiped;
    const kept = flags & ~(AreaFlag.Locked | AreaFlag.Inherited);
    const object = areas.object(at);
    if (object !== 0) this.#storage.retainObject(object);
    child.layout.areas.insert(child.layout.areas.count, {
      start,
      end,
      flags: isCopied ? kept | AreaFlag.Inherited : kept,
      offset: areas.offset(at),
      object,
      anon: isCopied ? this.#kin.next() : 0,
    });
    if (isCopied) this.table.copyTo(child.table, start / PAGE, end / PAGE);
  }
}

export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}
