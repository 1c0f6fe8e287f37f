// A file in memory: its page cache is its contents.
//
// Invariants
//   I1  `size` grows only by `write`, and never past what the engine takes.
//   I2  A byte that was never written is zero; reading makes no page.

import { FileKind, PAGE_SIZE, Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";

/** What store a file behaves as: `memory` as a memfd, `disk` as a file of a disk file system. */
export type FileStore = "memory" | "disk";

export interface FileOptions {
  /** Bytes. Default 0. */
  readonly size?: number;
  readonly kind?: FileStore;
  /** As `maps` shows it. */
  readonly name?: string;
}

const KIND: Record<FileStore, FileKind> = { memory: FileKind.Memory, disk: FileKind.Disk };

/** Key of a file's internal half. */
export const FILE: unique symbol = Symbol("file");

/** What `maps` needs to know of a mapping. */
export interface FileState {
  readonly core: Core;
  readonly mapping: number;
  readonly name: string;
  readonly kind: FileStore;
  /** Released by its owner; mappings of it live on. */
  isReleased: boolean;
}

export class File {
  readonly [FILE]: FileState;

  constructor(core: Core, options: FileOptions) {
    const kind = options.kind ?? "memory";
    if (KIND[kind] === undefined) throw take.typeError("kind", '"memory" or "disk"', kind);
    const size = take.natural(options.size ?? 0, "size");
    const mapping = core.engine.createMapping(KIND[kind], size);
    if (mapping < 0) throw new MemoryError(mapping, "createFile");
    const name = options.name ?? `file${mapping}`;
    this[FILE] = { core, mapping, name, kind, isReleased: false };
    core.files.set(mapping, this[FILE]);
  }

  get name(): string {
    return this[FILE].name;
  }

  get kind(): FileStore {
    return this[FILE].kind;
  }

  /** Bytes. */
  get size(): number {
    return this.#engine("size").mappingSize(this[FILE].mapping);
  }

  /** Reads up to `into`'s length at `position`; the bytes that there were, as `read(2)` says. */
  readSync(position: number, into: number | Uint8Array): Uint8Array {
    const engine = this.#engine("read");
    const from = take.natural(position, "position");
    const wanted = typeof into === "number" ? take.natural(into, "length") : into.byteLength;
    const bytes = Math.min(wanted, Math.max(engine.mappingSize(this[FILE].mapping) - from, 0));
    const target = typeof into === "number" ? new Uint8Array(bytes) : take.bytes(into, "into");
    this.#eachPage(from, bytes, (index, inPage, at, count) => {
      const status = engine.mappingPage(this[FILE].mapping, index, false);
      if (status === Status.ENOENT) target.fill(0, at, at + count);
      else if (status < 0) throw new MemoryError(status, "read", { done: at });
      else engine.load(engine.answer.pfn, inPage, target, at, count);
    });
    return target.subarray(0, bytes);
  }

  async read(position: number, into: number | Uint8Array): Promise<Uint8Array> {
    return this.readSync(position, into);
  }

  /** Writes all of `data` at `position`, growing the file; bytes written. */
  writeSync(position: number, data: Uint8Array): number {
    const engine = this.#engine("write");
    const from = take.natural(position, "position");
    const source = take.bytes(data, "data");
    if (source.byteLength === 0) return 0;
    this.#grow(from + source.byteLength);
    this.#eachPage(from, source.byteLength, (index, inPage, at, count) => {
      const status = engine.mappingPage(this[FILE].mapping, index, true);
      if (status < 0) throw new MemoryError(status, "write", { done: at });
      engine.store(engine.answer.pfn, inPage, source, at, count);
    });
    return source.byteLength;
  }

  async write(position: number, data: Uint8Array): Promise<number> {
    return this.writeSync(position, data);
  }

  /** Gives the file up: it lives on while it is mapped, and takes no more calls. */
  release(): void {
    const state = this[FILE];
    if (state.isReleased) return;
    state.isReleased = true;
    state.core.engine.releaseMapping(state.mapping);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #grow(size: number): void {
    const { engine } = this[FILE].core;
    if (size <= engine.mappingSize(this[FILE].mapping)) return;
    const status = engine.growMapping(this[FILE].mapping, size);
    if (status < 0) throw new MemoryError(status, "write", { done: 0 });
  }

  #engine(op: string) {
    const { core, isReleased } = this[FILE];
    if (isReleased) throw new MemoryError(Status.EBADF, op, { reason: "the file was released" });
    return core.engine;
  }

  #eachPage(
    position: number,
    bytes: number,
    visit: (index: number, inPage: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < bytes; ) {
      const inPage = (position + at) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, bytes - at);
      visit((position + at - inPage) / PAGE_SIZE, inPage, at, count);
      at += count;
    }
  }
}

/** The mapping to map: 0 for none. A file of another machine is a wrong type. */
export function mappingOf(core: Core, file: File | null | undefined): number {
  if (file === null || file === undefined) return 0;
  if (!(file instanceof File)) throw take.typeError("file", "a File", file);
  const state = file[FILE];
  if (state.core !== core) throw new TypeError("file: it belongs to another machine");
  if (state.isReleased) {
    throw new MemoryError(Status.EBADF, "mmap", { reason: "the file was released" });
  }
  return state.mapping;
}
