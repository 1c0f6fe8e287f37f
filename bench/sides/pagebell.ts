// Side "pagebell": the public synchronous API, on the release engine.

import {
  createMachineSync,
  type File,
  type Machine,
  type Mm,
  type MmDiff,
  NO_FRAME,
} from "../../src/sync.ts";
import { type AreaView, type Memory, PAGE, type PageView, type Space } from "../memory.ts";

/** One mapping may promise as much as recorded machines could. */
export const OVERCOMMIT = 2 ** 40;

const NO_FILE: File | null = null;

export function pagebellMemory(bytes: number): Memory {
  return memoryOf(createMachineSync({ memory: bytes, overcommit: OVERCOMMIT }));
}

export function memoryOf(machine: Machine): Memory {
  return { createSpace: () => new PagebellSpace(machine, machine.createMm()) };
}

class PagebellSpace implements Space {
  readonly #machine: Machine;
  readonly #mm: Mm;
  readonly #byte = new Uint8Array(1);
  #last: MmDiff | null = null;
  /** Where translations go, as long as the longest. */
  #frames = new Uint32Array(0);

  constructor(machine: Machine, mm: Mm) {
    this.#machine = machine;
    this.#mm = mm;
  }

  mmap(address: number, length: number, prot: number, flags: number): number {
    return this.#mm.mmapSync(address, length, prot, flags, NO_FILE, 0);
  }

  munmap(address: number, length: number): void {
    this.#mm.munmapSync(address, length);
  }

  mprotect(address: number, length: number, prot: number): void {
    this.#mm.mprotectSync(address, length, prot);
  }

  mremap(address: number, old: number, length: number, flags: number, to: number): number {
    return this.#mm.mremapSync(address, old, length, flags, to);
  }

  madvise(address: number, length: number, advice: number): void {
    this.#mm.madviseSync(address, length, advice);
  }

  mlock(address: number, length: number): void {
    this.#mm.mlockSync(address, length);
  }

  munlock(address: number, length: number): void {
    this.#mm.munlockSync(address, length);
  }

  msync(address: number, length: number, flags: number): void {
    this.#mm.msyncSync(address, length, flags);
  }

  mincore(address: number, length: number): Uint8Array {
    return this.#mm.mincoreSync(address, length);
  }

  load(address: number): number {
    this.#mm.readSync(address, this.#byte);
    return this.#byte[0] as number;
  }

  store(address: number, byte: number): void {
    this.#byte[0] = byte;
    this.#mm.writeSync(address, this.#byte);
  }

  fork(): Space {
    return new PagebellSpace(this.#machine, this.#mm.forkSync());
  }

  exit(): void {
    this.#mm.exitSync();
  }

  *areas(): Generator<AreaView> {
    for (const { start, end, read, write, execute, shared } of this.#mm.areas()) {
      const prot = (read ? 1 : 0) | (write ? 2 : 0) | (execute ? 4 : 0);
      yield { start, end, prot, isShared: shared };
    }
  }

  *pages(start: number, end: number): Generator<PageView> {
    for (const { address, present, mapCount } of this.#mm.pagemap(start, end)) {
      if (present) yield { address, sharers: mapCount };
    }
  }

  *places(start: number, end: number): Generator<number> {
    const pfns = Array.from(this.#mm.pagemap(start, end), ({ pfn }) => pfn);
    for (const { address } of this.#machine.places(pfns)) yield address;
  }

  changes(): MmDiff {
    this.#last = this.#last === null ? this.#mm.snapshotSync() : this.#mm.changesSync(this.#last);
    return this.#last;
  }

  contents(address: number): Uint8Array {
    return this.#mm.readSync(address, PAGE);
  }

  read(address: number, into: Uint8Array): void {
    this.#mm.readSync(address, into);
  }

  translate(start: number, end: number): number {
    const pages = (end - start) / PAGE;
    if (this.#frames.length < pages) this.#frames = new Uint32Array(pages);
    const frames = this.#mm.translateRange(start, end - start, this.#frames);
    let found = 0;
    for (let page = 0; page < pages; page++) if (frames[page] !== NO_FRAME) found++;
    return found;
  }
}
